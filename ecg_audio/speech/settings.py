"""What the settings of the speech engine come to: names as the hub has them, device and arithmetic of this machine."""

from collections.abc import Mapping

from pydantic import field_validator

from ecg_audio.compute import gpu
from ecg_audio.request import AUTO
from ecg_audio.settings import Engine
from ecg_audio.speech.language import LANGUAGES

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


class EngineSettings(Engine):
    """The engine's settings, and what follows from them."""

    @field_validator("align_models")
    @classmethod
    def _known_languages(cls, value: dict[str, str]) -> dict[str, str]:
        for language, model in value.items():
            if language not in LANGUAGES or not model:
                raise ValueError(f"{language}={model}: give LANGUAGE=MODEL pairs, such as en=DIR,ko=none")
        return value

    def resolved(self, card_bytes: int | None = None) -> "EngineSettings":
        """The same with device and arithmetic decided for this machine, or for one whose GPU has so much memory."""
        if card_bytes is None:
            card_bytes = max((card.total_bytes for card in gpu.gpus()), default=0)
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
