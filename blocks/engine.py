"""Settings of the speech engine, kept as a block: which models, on what, within which memory.

A worker or model server with ECG_ENGINE_SETTINGS takes them from there. What its own environment sets comes first, so
that one machine can differ; a process keeps the models it began with.
"""

import os
from typing import Any, Literal, Self

from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from pydantic import Field, ValidationError, model_validator

from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import Emotion, Engine, Hub, Models, lay_beneath
from ecg_audio.speech.settings import EngineSettings

EMOTION_MODEL = "superb/wav2vec2-base-superb-er"
"""Apache-2.0, so it may be used commercially; it tells neutral, happy, angry and sad apart, in English best."""

_OWN_NAMES = {"whisper_model": "model", "whisper_revision": "model_revision"}
"""Fields that blocks on servers have had under another name than the setting's."""
_EMOTION = {"emotion_model": "model", "emotion_revision": "model_revision"}


def _as_setting(field: str, *, title: str | None = None) -> Any:
    """A field that leaves the engine's own default where it is empty, and says what the setting says."""
    return Field(default=None, title=title, description=f"{Engine.sentence(field)} Empty: as without this block.")


class SpeechEngine(Block):
    """Models and limits of the speech engine, and the emotion model. An empty field leaves the engine's default."""

    _block_type_name = "Speech engine"
    _block_type_slug = "speech-engine"
    _description = (
        "Which models the speech engine uses, on what, within which memory; and the emotion model. "
        f"Workers and model servers with {Models.variable('engine_settings')}=speech-engine/NAME take them from here."
    )

    whisper_model: str | None = _as_setting("model", title="Whisper model")
    whisper_revision: str | None = _as_setting("model_revision")
    align_models: dict[str, str] = Field(
        default_factory=dict,
        title="Word aligners",
        description='Language to hub name or directory, such as {"ko": "kresnik/wav2vec2-large-xlsr-korean"}; '
        "\"none\": the recogniser's own word times. Others: whisperx's own where they are on the machine.",
    )
    own_aligners: bool | None = _as_setting("own_aligners")
    diarization: str | None = _as_setting("diarization", title="Diarization pipeline")
    diarization_revision: str | None = _as_setting("diarization_revision")
    device: Literal["auto", "cuda", "cpu"] | None = _as_setting("device")
    compute_type: str | None = _as_setting("compute_type")
    batch_size: int | None = _as_setting("batch_size")
    beam_size: int | None = _as_setting("beam_size")
    chunk_s: float | None = _as_setting("chunk_s", title="Longest stretch (s)")
    memory_budget_gb: float | None = _as_setting("memory_budget_gb", title="Memory budget (GB)")
    emotion_model: str | None = Field(
        default=None,
        description=f"An audio classifier of transformers: hub name or directory, for example {EMOTION_MODEL} "
        "(Apache-2.0; neutral, happy, angry, sad). Mind the licence: audeering's dimensional models are CC BY-NC-SA, "
        "which commercial use breaks. Empty: emotions are absent.",
    )
    emotion_revision: str | None = Field(default=None, description=Emotion.sentence("model_revision"))
    hub_token: Secret[Any] | None = Field(
        default=None, description="A Secret block with the Hugging Face token, for models behind a licence."
    )

    @model_validator(mode="after")
    def _engine_takes_it(self) -> Self:
        try:
            EngineSettings(**self.engine())
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")) from None
        return self

    def engine(self) -> dict[str, Any]:
        """What is said of the engine, by the names of `EngineSettings`."""
        others = {*_EMOTION, "hub_token"}
        return {_OWN_NAMES.get(name, name): value for name, value in self._filled().items() if name not in others}

    def emotion(self) -> dict[str, Any]:
        """What is said of the emotion model, by the names of `settings.Emotion`."""
        return {_EMOTION[name]: value for name, value in self._filled().items() if name in _EMOTION}

    def _filled(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in type(self).model_fields if name not in Block.model_fields}
        return {name: value for name, value in own.items() if value not in (None, "", {})}


def use_settings() -> None:
    """Take what this process's environment leaves open from the block that ECG_ENGINE_SETTINGS names, if it does.

    Raises:
        InvalidRequest: there is no such block.
    """
    named = Models.read().engine_settings
    if not named:
        return
    try:
        block = SpeechEngine.load(named.removeprefix("speech-engine/"))
    except ValueError as error:
        raise InvalidRequest(
            f"there is no speech-engine block {named}",
            hint=f"`ecg blocks register` makes speech-engine/default; or unset {Models.variable('engine_settings')}.",
        ) from error
    assert isinstance(block, SpeechEngine)
    lay_beneath(Engine, block.engine(), whence=named)
    lay_beneath(Emotion, block.emotion(), whence=named)
    if block.hub_token is not None:  # the hub's own libraries look for it there
        os.environ.setdefault(Hub.variable("token"), str(block.hub_token.get()))
