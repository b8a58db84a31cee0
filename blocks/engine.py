"""Settings of the speech engine, kept as a block: which models, on what, within which memory.

A worker or model server with ECG_ENGINE_SETTINGS takes them from there. What its own environment sets comes first, so
that one machine can differ; a process keeps the settings it began with, as it keeps its models.
"""

import os
from typing import Any, Literal, Self

from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from pydantic import Field, ValidationError, model_validator

from ecg_audio.errors import InvalidRequest
from ecg_audio.speech.settings import PREFIX, EngineSettings

SETTINGS = "ECG_ENGINE_SETTINGS"
EMOTION_MODEL = "superb/wav2vec2-base-superb-er"
"""Apache-2.0, so it may be used commercially; it tells neutral, happy, angry and sad apart, in English best."""

_VARIABLES = {
    "whisper_model": f"{PREFIX}MODEL",
    "whisper_revision": f"{PREFIX}MODEL_REVISION",
    "align_models": f"{PREFIX}ALIGN_MODELS",
    "diarization": f"{PREFIX}DIARIZATION",
    "diarization_revision": f"{PREFIX}DIARIZATION_REVISION",
    "device": f"{PREFIX}DEVICE",
    "compute_type": f"{PREFIX}COMPUTE_TYPE",
    "batch_size": f"{PREFIX}BATCH_SIZE",
    "beam_size": f"{PREFIX}BEAM_SIZE",
    "memory_budget_gb": f"{PREFIX}MEMORY_BUDGET_GB",
    "emotion_model": "ECG_EMOTION_MODEL",
    "emotion_revision": "ECG_EMOTION_MODEL_REVISION",
}


class SpeechEngine(Block):
    """Models and limits of the speech engine, and the emotion model. An empty field leaves the engine's default."""

    _block_type_name = "Speech engine"
    _block_type_slug = "speech-engine"
    _description = (
        "Which models the speech engine uses, on what, within which memory; and the emotion model. "
        f"Workers and model servers with {SETTINGS}=speech-engine/NAME take them from here."
    )

    whisper_model: str | None = Field(
        default=None,
        title="Whisper model",
        description="A size such as base or large-v3-turbo, a hub name, or a directory. "
        "Empty: large-v3-turbo where it is on the machine and a GPU has room for it, else the embedded base.",
    )
    whisper_revision: str | None = Field(default=None, description="Hub revision of the Whisper model, to pin it.")
    align_models: dict[str, str] = Field(
        default_factory=dict,
        title="Word aligners",
        description='Language to hub name or directory, such as {"ko": "kresnik/wav2vec2-large-xlsr-korean"}; '
        "\"none\": the recogniser's own word times. Others: whisperx's own where they are on the machine.",
    )
    diarization: str | None = Field(
        default=None,
        title="Diarization pipeline",
        description="pyannote pipeline: hub name, directory, or embedded (from installed packages). "
        "Empty: pyannote/speaker-diarization-community-1 where it is on the machine, else the embedded one.",
    )
    diarization_revision: str | None = Field(default=None, description="Hub revision of the pipeline, to pin it.")
    device: Literal["auto", "cuda", "cpu"] = Field(default="auto", description="auto: the GPU where there is one.")
    compute_type: str | None = Field(
        default=None, description="CTranslate2's arithmetic. Empty: float16 on a GPU, int8 on the CPU."
    )
    batch_size: int | None = Field(default=None, ge=1, le=128, description="Stretches recognised at once. Empty: 16.")
    beam_size: int | None = Field(default=None, ge=1, le=16, description="Width of the search. Empty: 5.")
    memory_budget_gb: float | None = Field(
        default=None, gt=0, le=1000, title="Memory budget (GB)", description="GPU memory the engine may use. Empty: 6."
    )
    emotion_model: str | None = Field(
        default=None,
        description=f"An audio classifier of transformers: hub name or directory, for example {EMOTION_MODEL} "
        "(Apache-2.0; neutral, happy, angry, sad). Mind the licence: audeering's dimensional models are CC BY-NC-SA, "
        "which commercial use breaks. Empty: emotions are absent.",
    )
    emotion_revision: str | None = Field(default=None, description="Hub revision of the emotion model, to pin it.")
    hub_token: Secret[Any] | None = Field(
        default=None, description="A Secret block with the Hugging Face token, for models behind a licence."
    )

    @model_validator(mode="after")
    def _engine_takes_it(self) -> Self:
        given = {
            variable.removeprefix(PREFIX).lower(): value
            for variable, value in self.environment().items()
            if variable.startswith(PREFIX)
        }
        try:
            EngineSettings.model_validate(given)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")) from None
        return self

    def environment(self) -> dict[str, str]:
        """The settings as the variables that the engine reads, the token included; what is empty is left out."""
        found = {variable: _written(getattr(self, field)) for field, variable in _VARIABLES.items()}
        if self.hub_token is not None:
            found["HF_TOKEN"] = str(self.hub_token.get())
        return {variable: value for variable, value in found.items() if value}


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{language}={model}" for language, model in value.items())
    return "" if value is None else str(value)


def use_settings() -> None:
    """Take what this process's environment leaves open from the block that ECG_ENGINE_SETTINGS names, if it does.

    Raises:
        InvalidRequest: there is no such block.
    """
    named = os.environ.get(SETTINGS)
    if not named:
        return
    try:
        block = SpeechEngine.load(named.removeprefix("speech-engine/"))
    except ValueError as error:
        raise InvalidRequest(
            f"there is no speech-engine block {named}",
            hint=f"`ecg blocks register` makes speech-engine/default; or unset {SETTINGS}.",
        ) from error
    assert isinstance(block, SpeechEngine)
    for variable, value in block.environment().items():
        if not os.environ.get(variable):
            os.environ[variable] = value
