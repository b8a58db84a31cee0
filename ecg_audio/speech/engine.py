"""What a speech engine is, and which one a request gets."""

import atexit
import functools
import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ecg_audio.analysis import Diarization, EngineName, Transcript
from ecg_audio.errors import EngineUnavailable, ModelLoadingFailed
from ecg_audio.progress import Report
from ecg_audio.request import AnalysisRequest
from ecg_audio.speech import bundled

Stage = Literal["transcribe", "align", "diarize"]

WHISPERX_ENGINE = "ecg_audio.speech.whisperx"  # provides `availability()` and `WhisperXEngine`
REMOTE_ENGINE = "ecg_audio.serving.client"  # provides them from a model server


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """What the request knows about the number of speakers; all None: nothing, and nothing is forced."""

    exact: int | None = None
    least: int | None = None
    most: int | None = None


UNKNOWN = SpeakerCount()


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the request wants of the words: text to take for what came before, likely words, English."""

    initial_prompt: str | None = None
    hotwords: str | None = None
    translate: bool = False

    @classmethod
    def of(cls, request: AnalysisRequest) -> "Guidance":
        """What a request says about it."""
        return cls(request.initial_prompt, request.hotwords, request.translate)

    def __str__(self) -> str:
        return ", ".join(name for name in ("initial_prompt", "hotwords", "translate") if getattr(self, name))


UNGUIDED = Guidance()


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
    aligns: bool
    """Whether words are found in a stage of their own, `align`; else `transcribe` returns them."""

    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        """Models, revisions and settings that decide a stage's results: part of its cache key."""

    def check_language(self, language: str) -> None:
        """Raise `LanguageUnsupported` unless the engine has this language (or `auto`)."""

    def check_guidance(self, guidance: Guidance) -> None:
        """Raise `OptionUnsupported` unless recognition can be led so."""

    def warm(self) -> None:
        """Begin loading whatever is slow to load, in the background, and return at once."""

    def transcribe(self, recording: Path, *, language: str, guidance: Guidance, report: Report) -> Transcript:
        """Recognise the words of a 16 kHz mono FLAC.

        Raises:
            TranscriptionFailed: recognition broke.
            ModelLoadingFailed: a model's files are missing or broken.
        """

    def align(self, recording: Path, transcript: Transcript, *, report: Report) -> Transcript:
        """Give the utterances of this recording's transcript their words; as it is where the engine does not align.

        Raises:
            TranscriptionFailed: alignment broke.
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


def availability(name: EngineName) -> Availability:
    """Whether an engine can run here, and why (not). Takes 2 s at most and imports nothing heavy."""
    if name == "offline":
        return _offline_availability()
    if importlib.util.find_spec(_whisperx()) is None:
        return Availability(False, "this version does not have the whisperx engine yet")
    found: Availability = importlib.import_module(_whisperx()).availability()
    return found


def choose(requested: Literal["auto", "whisperx", "offline"]) -> Choice:
    """The engine for a request: the named one, or for `auto` whisperx where its models can be had, else offline.

    Raises:
        EngineUnavailable: the engine that was asked for by name cannot run here, or for `auto` neither can.
    """
    if requested != "auto":
        asked = availability(requested)
        if not asked.available:
            raise EngineUnavailable(f"the {requested} engine cannot run here: {asked.reason}")
        return Choice(requested, asked.reason)
    best = availability("whisperx")
    if best.available:
        return Choice("whisperx", best.reason)
    fallback = availability("offline")
    if not fallback.available:
        raise EngineUnavailable(f"no engine can run here: {best.reason}; {fallback.reason}")
    return Choice("offline", best.reason, settled=True)


def create(name: EngineName) -> Engine:
    """A new engine. Cheap: nothing is loaded before its first use or `warm`.

    Raises:
        EngineUnavailable: it is not part of this version.
    """
    if name == "offline":
        from ecg_audio.speech.offline import OfflineEngine

        return OfflineEngine()
    if importlib.util.find_spec(_whisperx()) is None:
        raise EngineUnavailable(f"the whisperx engine cannot run here: {availability(name).reason}")
    engine: Engine = importlib.import_module(_whisperx()).WhisperXEngine()
    return engine


@functools.cache
def shared(name: EngineName) -> Engine:
    """This process's one engine of a kind, so that its models are loaded once, whoever uses them first.

    Raises:
        EngineUnavailable: it is not part of this version.
    """
    engine = create(name)
    atexit.register(engine.close)
    return engine


def _whisperx() -> str:
    # both provide the same; serving stands above speech, so it is named here and not imported
    return REMOTE_ENGINE if os.environ.get("ECG_MODEL_SERVER") else WHISPERX_ENGINE


def _offline_availability() -> Availability:
    try:
        bundled.segmentation_path(), bundled.voice_encoder_path(), bundled.recogniser()
    except ModelLoadingFailed as error:
        return Availability(False, error.message)
    return Availability(True, "its models come with the installed packages")
