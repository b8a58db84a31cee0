"""The speech engine: Whisper's words, their edges, who spoke when; with its models in a process of their own.

This side is light: settings, what is on disk, errors. Whoever only asks whether models can be had does not wait for
numpy. Where ECG_MODEL_SERVER is set, the models are that server's, and its client is an engine too.
"""

import atexit
import contextlib
import functools
import importlib.util
import threading
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

from ecg_audio import time_limit
from ecg_audio.analysis import Diarization, Notice, Span, Transcript, VoiceVectors
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import hub, model_server
from ecg_audio.compute.idle import IdleTimer
from ecg_audio.compute.memory import Metered
from ecg_audio.environment import MODELS
from ecg_audio.errors import (
    DiarizationFailed,
    EcgError,
    EngineUnavailable,
    LanguageUnsupported,
    OptionUnsupported,
    TranscriptionFailed,
)
from ecg_audio.progress import Report, current, silent, took
from ecg_audio.request import AUTO, EMBEDDED, UNGUIDED, UNKNOWN, Guidance, SpeakerCount
from ecg_audio.settings import Models
from ecg_audio.sound_events import Remarks
from ecg_audio.speech import weights
from ecg_audio.speech.language import LANGUAGES
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.telemetry import TELEMETRY_OFF

Stage = Literal["transcribe", "align", "diarize", "listen", "embed"]

PACKAGES = ("whisperx", "faster-whisper", "ctranslate2", "pyannote-audio", "torch", "pocketsphinx")
UNTRANSLATING = ("turbo", "distil")  # trained on transcription alone
NO_SPEECH = Notice(code="NO_SPEECH", message="no speech was found in the recording")
DECIDING: dict[Stage, set[str]] = {
    "transcribe": {"model", "model_revision", "device", "compute_type", "beam_size", "chunk_s"},
    "align": {"align_models", "own_aligners", "device", "model", "model_revision", "compute_type", "beam_size"},
    "diarize": {"diarization", "diarization_revision", "device"},
    "listen": {"model", "model_revision", "device", "compute_type", "beam_size"},
    "embed": {"device"},
}
FAILURES: dict[Stage, tuple[type[EcgError], str]] = {
    "transcribe": (TranscriptionFailed, "recognition"),
    "align": (TranscriptionFailed, "alignment"),
    "diarize": (DiarizationFailed, "telling the speakers apart"),
    "listen": (TranscriptionFailed, "listening for sounds"),
    "embed": (DiarizationFailed, "listening to the speakers' voices"),
}
IMPORTS = "ecg_audio.speech.model_imports:import_all"
ENVIRONMENT = {
    **TELEMETRY_OFF,
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}


class Engine(ABC):
    """What recognises speech. Instances are cheap; models are loaded on first use or by `warm`.

    Attributes:
        notices: what `auto` came to.
    """

    notices: tuple[Notice, ...]

    @property
    @abstractmethod
    def model(self) -> str:
        """The Whisper model, as settings name it."""

    @abstractmethod
    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        """Models, revisions and settings that decide a stage's results, and no others: part of its cache key."""

    def check_language(self, language: str) -> None:
        """Raise `LanguageUnsupported` unless the model has this language (or `auto`)."""
        check_language(language, self.model)

    def check_guidance(self, guidance: Guidance) -> None:
        """Raise `OptionUnsupported` unless recognition can be led so."""
        check_guidance(guidance, self.model)

    @abstractmethod
    def warm(self) -> None:
        """Begin loading whatever is slow to load, in the background, and return at once."""

    def transcribe(
        self, recording: Path, *, language: str = "auto", guidance: Guidance = UNGUIDED, report: Report = silent
    ) -> Transcript:
        """Recognise what is said in a 16 kHz mono FLAC or WAV: utterances, as yet without words.

        Raises:
            LanguageUnsupported, OptionUnsupported: the model does not have this language, or cannot be led so.
            TranscriptionFailed: recognition broke.
            ModelLoadingFailed, ModelAccessDenied: a model cannot be had.
            GpuMemoryExhausted: memory did not suffice at any step of the ladder.
            WorkerLost: the model process died, or the model server was lost.
            ProcessingTimeout: it took longer than it may.
        """
        self.check_language(language)
        self.check_guidance(guidance)
        # in the model process, `process.py` finds what does a stage by its name: `recognise.transcribe` here
        found: Transcript = self.ask("transcribe", recording, language, guidance, report=report)
        return found if found.utterances else found.model_copy(update={"notices": (*found.notices, NO_SPEECH)})

    def align(self, recording: Path, transcript: Transcript, *, report: Report = silent) -> Transcript:
        """Find the words of each utterance, with their times and where those come from. Raises as `transcribe`."""
        found: Transcript = self.ask("align", recording, transcript, report=report)
        return found

    def diarize(self, recording: Path, *, speakers: SpeakerCount = UNKNOWN, report: Report = silent) -> Diarization:
        """Tell who spoke when in a FLAC or WAV. Raises as `transcribe`, or `DiarizationFailed`."""
        found: Diarization = self.ask("diarize", recording, speakers, report=report)
        return found

    def listen(
        self, recording: Path, *, spans: tuple[Span, ...], language: str = "en", report: Report = silent
    ) -> Remarks:
        """What the recogniser writes for stretches without words, when sounds may be named. Raises as `transcribe`."""
        if not spans:
            return Remarks(remarks=())
        found: Remarks = self.ask("listen", recording, spans, language, report=report)
        return found

    def embed(self, recording: Path, *, voices: tuple[tuple[Span, ...], ...], report: Report = silent) -> VoiceVectors:
        """The vectors of voices, by where each alone is heard. Raises as `transcribe`, or `DiarizationFailed`."""
        found: VoiceVectors = self.ask("embed", recording, voices, report=report)
        return found

    @abstractmethod
    def close(self) -> None:
        """End the engine's processes."""

    @abstractmethod
    def ask(self, stage: Stage, recording: Path, *asked: object, report: Report) -> Any:
        """Do a stage, with what its method was asked."""


@functools.cache
def shared(models: str = AUTO) -> Engine:
    """This process's one engine for what a request says of its models, so that they are loaded once.

    Args:
        models: `auto`, `embedded`, or the name of a Whisper model.

    Raises:
        EngineUnavailable: the models cannot be had.
        InvalidRequest: a setting does not make sense.
    """
    client = model_server.client()
    engine: Engine = client.RemoteEngine(models=models) if client else LocalEngine(models, process=_process())
    atexit.register(engine.close)
    return engine


def unavailable(settings: EngineSettings) -> str | None:
    """Why models that settings name cannot be had: one line for a person; None where they can. Takes 2 s at most."""
    absent = [name for name in ("whisperx", "pyannote") if importlib.util.find_spec(name) is None]
    if absent:
        return f"the package {absent[0]} is not installed"
    # whisperx's own aligners are no condition: a job does without one that is not here, and says so
    missing = {model.name: model.variable for model in weights.needed(settings) if not model.here}
    if not missing:
        return None
    if EMBEDDED in missing:
        return f"the embedded Whisper model is not installed. {weights.MEND}"
    names, variables = " and ".join(missing), " and ".join(dict.fromkeys(missing.values()))
    for name, variable in missing.items():
        if name.startswith((".", "/", "~")):
            return f"{variable} names a directory that is not there: {name}"
        if not weights.HUB_NAME.fullmatch(name) and name not in weights.TORCHAUDIO_FILES:
            what = "a size such as small, a hub name" if variable == EngineSettings.variable("model") else "a hub name"
            return f"{variable}: there is no {name}; give {what} such as OWNER/NAME, or a directory"
    if not hub.answers():
        return (
            f"{names}: not on disk, and the hub does not answer; `ecg models fetch` gets models where there is a "
            f"network, or set {variables} to directories"
        )
    gated = settings.diarization
    if gated in missing and not hub.token():
        return (
            f"{gated} wants its conditions accepted on {hub.page(gated)} and HF_TOKEN set; "
            f"{EngineSettings.variable('diarization')}={EMBEDDED} does without it"
        )
    return None


def check_language(language: str, model: str) -> None:
    """Raise `LanguageUnsupported` unless a Whisper model has this language (or `auto`)."""
    if language != "auto" and language not in LANGUAGES:
        raise LanguageUnsupported(f"Whisper does not have the language {language!r}", hint="Use a code such as en.")
    if model.endswith(".en") and language not in ("auto", "en"):
        raise LanguageUnsupported(
            f"the model {model} has English only, not {language!r}",
            hint=f"Name the model {model.removesuffix('.en')} instead.",
        )


def check_guidance(guidance: Guidance, model: str) -> None:
    """Raise `OptionUnsupported` unless a Whisper model can be led so, as far as its name tells."""
    name = Path(model).name
    if guidance.translate and (name.endswith(".en") or any(kind in name for kind in UNTRANSLATING)):
        raise OptionUnsupported(
            f"the model {name} was not trained to translate",
            hint="Name a model that was, such as large-v3 or medium.",
        )


class ModelProcess:
    """The one process that holds models, whichever engines use it, and what is known of it."""

    def __init__(self) -> None:
        self.memory: dict[Stage, Metered] = {}  # what each stage took when it ran last, the last one last
        self.loads: dict[str, int] = {}  # how often each kind of model was loaded, as of the last stage
        self.loaded: tuple[str, ...] = ()  # kinds of models that are in memory
        self.child = Child("the speech models", variables=MODELS, environment=ENVIRONMENT, ahead=IMPORTS)
        self._closings = 0
        self._idle_s = Models.read().models_idle_s
        self._idle_timer = IdleTimer(self._idle_s, self._unload)

    def warm(self, settings: EngineSettings) -> None:
        """Begin the slow imports and the loading of models, and return at once."""
        closings = self._closings

        def load() -> None:
            from ecg_audio.speech import process

            if self._closings != closings:
                return  # nobody wants them any more
            # a failure is not lost: the first real call meets it again, where somebody listens
            with contextlib.suppress(EcgError, ChildError, OSError), self._idle_timer.work():
                self.child.call(process.prepare, settings, timeout_s=time_limit.stage_s())

        self.child.start()
        threading.Thread(target=load, name="warming the speech models", daemon=True).start()

    def run(self, stage: Stage, recording: Path, settings: EngineSettings, *asked: object, report: Report) -> Any:
        """Run a stage.

        Raises:
            EcgError: as the stage raised it.
            ProcessingTimeout: the stage, or the whole job, took longer than it may; the process was ended.
            ChildError: an unforeseen exception in it.
        """
        from ecg_audio.speech import process

        limit_s = time_limit.stage_on_s(recording, gpu=settings.device == "cuda")
        with self._idle_timer.work():
            found, measured, self.loads, self.loaded = self.child.call(
                process.metered,
                stage,
                str(recording),
                settings,
                *asked,
                report=report,
                timeout_s=current().deadline.within(limit_s),
            )
        self.memory.pop(stage, None)
        self.memory[stage] = measured
        took(measured.taken)
        return found

    def close(self) -> None:
        """End the process; a later call starts it again."""
        self._closings += 1
        self._idle_timer.cancel()
        self.child.stop()
        self.loaded = ()
        self.memory.clear()

    def _unload(self) -> None:
        """Give back what nobody has used for long; the process stays, with its imports."""
        from ecg_audio.speech import process

        # a process that ends meanwhile has nothing left to give back
        with contextlib.suppress(EcgError, ChildError, OSError):
            if self.child.running:
                self.loaded = self.child.call(process.unload, self._idle_s, timeout_s=time_limit.stage_s())


class LocalEngine(Engine):
    """An engine with a model process of this machine. Safe to use from several threads; work queues.

    Args:
        models: what a request says of its models.
        settings: None takes them from the environment.
        process: holds the models; None: one of its own.

    Raises:
        EngineUnavailable: the models cannot be had.
        InvalidRequest: a variable of the environment does not make sense.
    """

    def __init__(
        self, models: str = AUTO, *, settings: EngineSettings | None = None, process: ModelProcess | None = None
    ) -> None:
        self._given = settings or EngineSettings.read()
        choice = weights.choose(self._given, models)
        reason = unavailable(choice.settings)
        if reason:
            raise EngineUnavailable(f"the speech models cannot be had: {reason}")
        self.settings = choice.settings
        self.notices = choice.notices
        self.process = process or ModelProcess()

    @property
    @override
    def model(self) -> str:
        return self.settings.model

    def of(self, models: str) -> "LocalEngine":
        """The engine for what another request says of its models, on the same process and settings."""
        return LocalEngine(models, settings=self._given, process=self.process)

    @override
    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        settings = self.settings.model_dump(include=DECIDING[stage])
        recogniser = self.settings.repository
        models = {
            "transcribe": [recogniser],
            "listen": [recogniser],
            "align": [recogniser, *self.settings.align_models.values()],
        }
        return {
            **{name: str(value) for name, value in settings.items()},
            **{name: version(name) for name in PACKAGES},
            **{f"content of {name}": weights.content(name) for name in models.get(stage, [self.settings.diarization])},
            **({"own aligners here": _own_aligners_here()} if stage == "align" else {}),
        }

    @override
    def warm(self) -> None:
        self.process.warm(self.settings)

    @override
    def close(self) -> None:
        """End the model process; a later call starts it again."""
        self.process.close()

    @override
    def ask(self, stage: Stage, recording: Path, *asked: object, report: Report) -> Any:
        try:
            return self.process.run(stage, recording, self.settings, *asked, report=report)
        except ChildError as error:
            failure, what = FAILURES[stage]
            raise failure(f"{what} failed: {error}") from error


@functools.cache
def _process() -> ModelProcess:
    return ModelProcess()


def _own_aligners_here() -> str:
    own = weights.own_aligners().items()
    return " ".join(sorted(language for language, name in own if weights.aligner_here(name)))
