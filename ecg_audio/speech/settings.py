"""How the speech engine runs: which models, how exactly, on what."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ecg_audio.compute import memory
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AUTO
from ecg_audio.speech.language import LANGUAGES

PREFIX = "ECG_WHISPERX_"
NO_ALIGNER = "none"

_SIZES = ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en")
_TURBO = "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
HUB_NAMES: Mapping[str, str] = {
    # what faster-whisper makes of its short names
    **{name: f"Systran/faster-whisper-{name}" for name in (*_SIZES, "large-v1", "large-v2", "large-v3")},
    **{
        f"distil-{name}": f"Systran/faster-distil-whisper-{name}"
        for name in ("small.en", "medium.en", "large-v2", "large-v3")
    },
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": _TURBO,
    "turbo": _TURBO,
}


class EngineSettings(BaseModel):
    """Every setting of the engine. A model is a hub name, a short Whisper name, or a directory."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: Annotated[
        str,
        Field(
            description="Whisper model; embedded: base, from installed packages; auto: large-v3-turbo where it is on "
            "this machine and a GPU has room for it, else the embedded one."
        ),
    ] = AUTO
    model_revision: Annotated[str | None, Field(description="Pinned hub revision of the Whisper model.")] = None
    align_models: Annotated[
        dict[str, str],
        Field(
            description="Aligner per language, beside whisperx's own; embedded: PocketSphinx (en); none: the "
            "recogniser's own word times."
        ),
    ] = {}
    own_aligners: Annotated[
        bool, Field(description="Whether whisperx's own aligners are used where they are here.")
    ] = True
    diarization: Annotated[
        str,
        Field(
            description="pyannote pipeline; embedded: from installed packages; auto: community-1 where it is on this "
            "machine, else the embedded one."
        ),
    ] = AUTO
    diarization_revision: str | None = None
    device: Literal["auto", "cuda", "cpu"] = "auto"
    compute_type: Annotated[str, Field(description="CTranslate2's; auto: float16 on a GPU, int8 on the CPU.")] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=128)] = 16
    beam_size: Annotated[int, Field(ge=1, le=16)] = 5
    chunk_s: Annotated[float, Field(gt=1, le=30, description="Longest stretch that is recognised at once.")] = 30.0

    memory_budget_gb: Annotated[float, Field(gt=0, description="GPU memory the engine may use, in GB.")] = 6.0

    @field_validator("align_models", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """`en=DIR,ko=none` as it stands in an environment variable."""
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {language.strip(): model.strip() for language, _, model in pairs}

    @field_validator("align_models")
    @classmethod
    def _known_languages(cls, value: dict[str, str]) -> dict[str, str]:
        for language, model in value.items():
            if language not in LANGUAGES or not model:
                raise ValueError(f"{language}={model}: give LANGUAGE=MODEL pairs, such as en=DIR,ko=none")
        return value

    @classmethod
    def from_environment(cls) -> "EngineSettings":
        """Settings from ECG_WHISPERX_MODEL, ECG_WHISPERX_BATCH_SIZE and so on; an empty variable is not set.

        Raises:
            InvalidRequest: a variable does not make sense.
        """
        given = {
            field: value for field in cls.model_fields if (value := os.environ.get(PREFIX + field.upper(), "").strip())
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            variable = PREFIX + str(first["loc"][0]).upper()
            raise InvalidRequest(
                f"{variable}: {first['msg'].removeprefix('Value error, ')}", hint=f"Correct or unset {variable}."
            ) from None

    def settled(self, card_bytes: int | None = None) -> "EngineSettings":
        """The same with device and arithmetic decided for this machine, or for one whose GPU has so much memory."""
        if card_bytes is None:
            card_bytes = max((card.total_bytes for card in memory.gpus()), default=0)
        device = self.device if self.device != AUTO else "cuda" if card_bytes else "cpu"
        arithmetic = self.compute_type if self.compute_type != AUTO else "float16" if device == "cuda" else "int8"
        return self.model_copy(update={"device": device, "compute_type": arithmetic})

    @property
    def memory_budget_bytes(self) -> int:
        """The budget in bytes."""
        return round(self.memory_budget_gb * 1e9)

    @property
    def repository(self) -> str:
        """The Whisper model as the hub or the file system calls it."""
        return HUB_NAMES.get(self.model, self.model)
