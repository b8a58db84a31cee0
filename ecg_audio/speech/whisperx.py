"""The WhisperX engine: about a hundred languages, words aligned to the sound, speakers by pyannote; best on a GPU.

This side is light: settings, what is on disk, errors. The models live in one warm process (`whisperx_stages`, imported
here by those who call it: whoever only asks whether the engine can run does not wait for numpy).
"""

import contextlib
import importlib.util
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ecg_audio.analysis import Diarization, EngineName, Notice, Transcript
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import hub, idle
from ecg_audio.compute.memory import Metered
from ecg_audio.errors import (
    DiarizationFailed,
    EcgError,
    LanguageUnsupported,
    OptionUnsupported,
    TranscriptionFailed,
)
from ecg_audio.progress import Report, silent, took
from ecg_audio.speech import aligners, catalogue
from ecg_audio.speech.engine import UNGUIDED, UNKNOWN, Availability, Guidance, SpeakerCount, Stage
from ecg_audio.speech.language import LANGUAGES
from ecg_audio.speech.whisperx_settings import BUNDLED, WhisperXSettings
from ecg_audio.telemetry import TELEMETRY_OFF

PACKAGES = ("whisperx", "faster-whisper", "ctranslate2", "pyannote-audio", "torch")
UNTRANSLATING = ("turbo", "distil")  # trained on transcription alone
NO_SPEECH = Notice(code="NO_SPEECH", message="no speech was found in the recording")
DECIDING: dict[Stage, set[str]] = {
    "transcribe": {"model", "model_revision", "device", "compute_type", "beam_size", "chunk_s"},
    "align": {"align_models", "device"},
    "diarize": {"diarization", "diarization_revision", "device"},
}
ENVIRONMENT = {
    **TELEMETRY_OFF,
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}


def availability() -> Availability:
    """Whether the models that the settings name can be had: on disk, or from the hub, which gets 2 s to answer."""
    try:
        settings = WhisperXSettings.from_environment().settled()
    except EcgError as error:
        return Availability(False, error.message)
    missing_packages = [name for name in ("whisperx", "pyannote") if importlib.util.find_spec(name) is None]
    if missing_packages:
        return Availability(False, f"the package {missing_packages[0]} is not installed")
    # whisperx's own aligners are no condition: a job does without one that is out of reach, and says so
    missing = {model.name: model.variable for model in catalogue.needed(settings) if not model.here}
    where = f"{settings.model} on {'a GPU' if settings.device == 'cuda' else 'the CPU'}"
    if not missing:
        return Availability(True, f"its models are on disk ({where})")
    names, variables = " and ".join(missing), " and ".join(dict.fromkeys(missing.values()))
    for name, variable in missing.items():
        if name.startswith((".", "/", "~")):
            return Availability(False, f"{variable} names a directory that is not there: {name}")
    if not hub.answers():
        return Availability(
            False,
            f"{names}: not on disk, and the hub does not answer; `ecg models fetch` gets models where there is a "
            f"network, or set {variables} to directories",
        )
    gated = settings.diarization
    if gated in missing and not hub.token():
        return Availability(
            False,
            f"{gated} wants its conditions accepted on {hub.page(gated)} and HF_TOKEN set; "
            f"ECG_WHISPERX_DIARIZATION={BUNDLED} does without it",
        )
    return Availability(True, f"{names} can be fetched from the hub ({where})")


def _own_aligners_here() -> str:
    return " ".join(sorted(language for language, name in aligners.own().items() if aligners.here(name)))


def check_language(language: str, model: str) -> None:
    """Raise `LanguageUnsupported` unless a Whisper model has this language (or `auto`)."""
    if language != "auto" and language not in LANGUAGES:
        raise LanguageUnsupported(f"Whisper does not have the language {language!r}", hint="Use a code such as en.")
    if model.endswith(".en") and language not in ("auto", "en"):
        raise LanguageUnsupported(
            f"the model {model} has English only, not {language!r}",
            hint=f"Set ECG_WHISPERX_MODEL to {model.removesuffix('.en')}.",
        )


def check_guidance(guidance: Guidance, model: str) -> None:
    """Raise `OptionUnsupported` unless a Whisper model can be led so, as far as its name tells."""
    name = Path(model).name
    if guidance.translate and (name.endswith(".en") or any(kind in name for kind in UNTRANSLATING)):
        raise OptionUnsupported(
            f"the model {name} was not trained to translate",
            hint="Set ECG_WHISPERX_MODEL to a model that was, such as large-v3 or medium.",
        )


class WhisperXEngine:
    """Keeps the `Engine` protocol. Safe to use from several threads; work on the models queues.

    Args:
        settings: None takes them from the environment.

    Raises:
        InvalidRequest: a variable of the environment does not make sense.
    """

    name: EngineName = "whisperx"
    aligns = True

    def __init__(self, settings: WhisperXSettings | None = None) -> None:
        self.settings = (settings or WhisperXSettings.from_environment()).settled()
        self.memory: dict[Stage, Metered] = {}  # what each stage took when it ran last, the last one last
        self.loads: dict[str, int] = {}  # how often each kind of model was loaded, as of the last stage
        self.loaded: tuple[str, ...] = ()  # kinds of models that are in memory
        self._models = Child("the WhisperX models", environment=ENVIRONMENT)
        self._idle_s = idle.idle_s()
        self._rest = idle.Rest(self._idle_s, self._unload)

    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        """Models, revisions and settings that decide a stage's results: those of other stages do not."""
        settings = self.settings.model_dump(include=DECIDING[stage])
        models = {"transcribe": [self.settings.repository], "align": [*self.settings.align_models.values()]}
        return {
            **{name: str(value) for name, value in settings.items()},
            **{name: version(name) for name in PACKAGES},
            **{f"content of {name}": hub.content(name) for name in models.get(stage, [self.settings.diarization])},
            **({"own aligners here": _own_aligners_here()} if stage == "align" else {}),
        }

    def check_language(self, language: str) -> None:
        """Raise `LanguageUnsupported` unless the model has this language (or `auto`)."""
        check_language(language, self.settings.model)

    def check_guidance(self, guidance: Guidance) -> None:
        """Raise `OptionUnsupported` unless the model can be led so."""
        check_guidance(guidance, self.settings.model)

    def warm(self) -> None:
        """Begin the slow imports and the loading of models, and return at once."""
        from ecg_audio.speech import whisperx_stages

        def load() -> None:
            # a failure is not lost: the first real call meets it again, where somebody listens
            with contextlib.suppress(EcgError, ChildError, OSError), self._rest.work():
                self._models.call(whisperx_stages.prepare, self.settings)

        threading.Thread(target=load, name="warming the WhisperX models", daemon=True).start()

    def transcribe(
        self, recording: Path, *, language: str = "auto", guidance: Guidance = UNGUIDED, report: Report = silent
    ) -> Transcript:
        """Recognise what is said in a 16 kHz mono FLAC or WAV: utterances, as yet without words.

        Raises:
            LanguageUnsupported, OptionUnsupported: the model does not have this language, or cannot be led so.
            TranscriptionFailed: recognition broke.
            ModelLoadingFailed, ModelAccessDenied: a model cannot be had.
            GpuMemoryExhausted: memory did not suffice at any step of the ladder.
            WorkerLost: the model process died.
        """
        self.check_language(language)
        self.check_guidance(guidance)
        found: Transcript = self._call(
            TranscriptionFailed, "recognition failed", "transcribe", recording, language, guidance, report=report
        )
        if not found.utterances:
            return found.model_copy(update={"notices": (*found.notices, NO_SPEECH)})
        return found

    def align(self, recording: Path, transcript: Transcript, *, report: Report = silent) -> Transcript:
        """Find the words of each utterance, with their times and where those come from. Raises as `transcribe`."""
        aligned: Transcript = self._call(
            TranscriptionFailed, "alignment failed", "align", recording, transcript, report=report
        )
        report(1.0)
        return aligned

    def diarize(self, recording: Path, *, speakers: SpeakerCount = UNKNOWN, report: Report = silent) -> Diarization:
        """Tell who spoke when in a FLAC or WAV.

        Raises:
            DiarizationFailed: the pipeline broke.
            ModelLoadingFailed, ModelAccessDenied: the pipeline cannot be had.
            GpuMemoryExhausted: memory did not suffice at any step of the ladder.
            WorkerLost: the model process died.
        """
        found: Diarization = self._call(
            DiarizationFailed, "telling the speakers apart failed", "diarize", recording, speakers, report=report
        )
        return found

    def close(self) -> None:
        """End the model process; a later call starts it again."""
        self._rest.cancel()
        self._models.stop()
        self.loaded = ()

    def _call(
        self, failure: type[EcgError], what: str, stage: Stage, recording: Path, *asked: object, report: Report
    ) -> Any:
        from ecg_audio.speech import whisperx_stages

        try:
            with self._rest.work():
                found, measured, self.loads, self.loaded = self._models.call(
                    whisperx_stages.metered, stage, str(recording), self.settings, *asked, report=report
                )
        except ChildError as error:
            raise failure(f"{what}: {error}") from error
        self.memory.pop(stage, None)
        self.memory[stage] = measured
        took(measured.taken)
        return found

    def _unload(self) -> None:
        """Give back what nobody has used for long; the process stays, with its imports."""
        from ecg_audio.speech import whisperx_stages

        # a process that ends meanwhile has nothing left to give back
        with contextlib.suppress(EcgError, ChildError, OSError):
            if self._models.running:
                self.loaded = self._models.call(whisperx_stages.unload, self._idle_s)
