"""What a speech engine is, and which one a request gets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ecg_audio.analysis import Diarization, EngineName, Transcript
from ecg_audio.progress import Report


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """What the request knows about the number of speakers; all None: nothing, and nothing is forced."""

    exact: int | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an engine can run here. `reason` is one line for a person, also where it can."""

    available: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine a request gets, and why. `notice` is set where `auto` settled for less."""

    engine: EngineName
    reason: str
    settled: bool = False


class Engine(Protocol):
    """Both engines keep this. Instances are cheap; models are loaded on first use or by `warm`."""

    name: EngineName

    def fingerprint(self) -> dict[str, str]:
        """Models, revisions and settings that decide the results: part of every cache key."""

    def check_language(self, language: str) -> None:
        """Raise `LanguageUnsupported` unless the engine has this language (or `auto`)."""

    def warm(self) -> None:
        """Begin loading whatever is slow to load, in the background, and return at once."""

    def transcribe(self, recording: Path, *, language: str, report: Report) -> Transcript:
        """Recognise the words of a 16 kHz mono FLAC.

        Raises:
            TranscriptionFailed: recognition broke.
            ModelLoadingFailed: a model's files are missing or broken.
        """

    def diarize(self, recording: Path, *, speakers: SpeakerCount, report: Report) -> Diarization:
        """Tell who spoke when.

        Raises:
            DiarizationFailed: the pipeline broke.
            ModelLoadingFailed: a model's files are missing or broken.
        """

    def close(self) -> None:
        """End the engine's child processes."""
