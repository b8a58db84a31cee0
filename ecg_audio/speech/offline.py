"""The offline engine: modest words and honest speakers, with nothing downloaded, ever.

PocketSphinx recognises, pyannote's pipeline tells the speakers apart, both with models from inside installed packages.
The heavy imports live in one model process, recognition in one light process a core; this process imports neither.
"""

import contextlib
import functools
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ecg_audio.analysis import Diarization, EngineName, Notice, Span, Transcript, Utterance, Word
from ecg_audio.child import Child, ChildError
from ecg_audio.errors import DiarizationFailed, EcgError, LanguageUnsupported, OptionUnsupported, TranscriptionFailed
from ecg_audio.progress import Report, silent
from ecg_audio.speech import activity, bundled, offline_models, pocketsphinx_decoder
from ecg_audio.speech.engine import UNGUIDED, UNKNOWN, Guidance, SpeakerCount, Stage
from ecg_audio.telemetry import TELEMETRY_OFF

LANGUAGES = ("auto", "en")
MODEST = Notice(
    code="ENGINE_MODEST",
    message="words are approximate: the offline engine recognises English only, and roughly",
)
NO_SPEECH = Notice(code="NO_SPEECH", message="no speech was found in the recording")
FINDING_SHARE = 0.15  # of transcription's progress: finding where somebody speaks


class OfflineEngine:
    """Keeps the `Engine` protocol. Safe to use from several threads; work on the models queues.

    Args:
        cores: how many recognisers work side by side; None: one for each core this process may use.
    """

    name: EngineName = "offline"
    aligns = False

    def __init__(self, cores: int | None = None) -> None:
        # passive: torch's threads must not spin on cores that the recognisers need
        self._models = Child("the speech models", environment={**TELEMETRY_OFF, "OMP_WAIT_POLICY": "PASSIVE"})
        self._recognisers = [
            Child(f"recogniser {number}") for number in range(1, (cores or len(os.sched_getaffinity(0))) + 1)
        ]
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for recogniser in self._recognisers:
            self._idle.put(recogniser)
        self._speech: tuple[tuple[str, int, int], Future[tuple[Span, ...]]] | None = None
        self._lock = threading.Lock()

    def fingerprint(self, _stage: Stage = "transcribe", /) -> dict[str, str]:
        """Models, revisions and settings that decide the results, of all stages alike.

        Raises:
            ModelLoadingFailed: a package that carries a model is not installed.
        """
        return {
            "recogniser": bundled.recogniser(),
            "segmentation": _sha256(bundled.segmentation_path()),
            "voice_encoder": _sha256(bundled.voice_encoder_path()),
            "settings": repr((sorted(bundled.SEGMENTATION.items()), sorted(bundled.CLUSTERING.items()))),
        }

    def check_language(self, language: str) -> None:
        """Raise `LanguageUnsupported` unless `language` is en or auto."""
        if language not in LANGUAGES:
            raise LanguageUnsupported(f"the offline engine has English only, not {language!r}")

    def check_guidance(self, guidance: Guidance) -> None:
        """Raise `OptionUnsupported` for any guidance: PocketSphinx takes none."""
        if guidance != UNGUIDED:
            raise OptionUnsupported(f"the offline engine cannot take {guidance}")

    def warm(self) -> None:
        """Begin the slow imports and the loading of models, and return at once."""
        self._begin(self._models, offline_models.prepare)
        for recogniser in self._recognisers:
            self._begin(recogniser, pocketsphinx_decoder.prepare)

    def transcribe(
        self, recording: Path, *, language: str = "auto", guidance: Guidance = UNGUIDED, report: Report = silent
    ) -> Transcript:
        """Recognise the words of a 16 kHz mono FLAC or WAV.

        Raises:
            LanguageUnsupported: `language` is neither en nor auto.
            OptionUnsupported: there is guidance.
            TranscriptionFailed: recognition broke.
            ModelLoadingFailed: a model's files are missing or broken.
            WorkerLost: a child process died.
        """
        self.check_language(language)
        self.check_guidance(guidance)
        with _named(TranscriptionFailed, "recognition failed"):
            speech = self._find_speech(recording, lambda fraction: report(FINDING_SHARE * fraction))
            report(FINDING_SHARE)
            duration_s = _duration_s(recording)
            words = self._recognise(
                recording,
                activity.stretches(speech, duration_s),
                lambda fraction: report(FINDING_SHARE + (1 - FINDING_SHARE) * fraction),
            )
        utterances = tuple(_utterance(heard) for heard in words if heard)
        report(1.0)
        return Transcript(
            engine="offline",
            model=bundled.recogniser(),
            language="en",
            utterances=utterances,
            speech=speech,
            notices=(MODEST,) if utterances else (MODEST, NO_SPEECH),
        )

    def align(self, _recording: Path, transcript: Transcript, *, report: Report = silent) -> Transcript:
        """The transcript as it is: the recogniser times its words itself."""
        report(1.0)
        return transcript

    def diarize(
        self,
        recording: Path,
        *,
        speakers: SpeakerCount = UNKNOWN,
        report: Report = silent,
    ) -> Diarization:
        """Tell who spoke when in a FLAC or WAV.

        Raises:
            DiarizationFailed: the pipeline broke.
            ModelLoadingFailed: a model's files are missing or broken.
            WorkerLost: the model process died.
        """
        with _named(DiarizationFailed, "telling the speakers apart failed"):
            self._find_speech(recording, lambda fraction: report(0.4 * fraction))
            found: Diarization = self._models.call(offline_models.diarize, str(recording), speakers, report=report)
        return found

    def close(self) -> None:
        """End the engine's processes; a later call starts them again."""
        for child in (self._models, *self._recognisers):
            child.stop()

    def _find_speech(self, recording: Path, report: Report) -> tuple[Span, ...]:
        """Spans of speech. Whoever asks first has the models look; all others wait for the same answer."""
        status = recording.stat()
        key = (str(recording), status.st_size, status.st_mtime_ns)
        with self._lock:
            asked_before = self._speech is not None and self._speech[0] == key
            if not asked_before:
                self._speech = (key, Future())
            assert self._speech is not None
            answer = self._speech[1]
        if not asked_before:
            try:
                answer.set_result(self._models.call(offline_models.find_speech, str(recording), report=report))
            except BaseException as error:
                answer.set_exception(error)
                with self._lock:
                    self._speech = None  # a retry looks again
                raise
        return answer.result()

    def _recognise(self, recording: Path, stretches: Sequence[Span], report: Report) -> list[tuple[Word, ...]]:
        """The words of each stretch, in the order of `stretches`."""
        total_s = sum(stretch.end_s - stretch.start_s for stretch in stretches)
        done_s = 0.0
        lock = threading.Lock()

        def recognise(stretch: Span) -> tuple[Word, ...]:
            nonlocal done_s
            recogniser = self._idle.get()
            try:
                words: tuple[Word, ...] = recogniser.call(pocketsphinx_decoder.recognise, str(recording), stretch)
            finally:
                self._idle.put(recogniser)
            with lock:
                done_s += stretch.end_s - stretch.start_s
                report(done_s / total_s)
            return words

        # longest first, so that no core is left with a long one at the end
        order = sorted(range(len(stretches)), key=lambda index: stretches[index].start_s - stretches[index].end_s)
        with ThreadPoolExecutor(len(self._recognisers)) as pool:
            futures = {index: pool.submit(recognise, stretches[index]) for index in order}
            try:
                return [futures[index].result() for index in range(len(stretches))]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _begin(self, child: Child, prepare: Callable[..., None]) -> None:
        def load() -> None:
            # a failure is not lost: the first real call meets it again, where somebody listens
            with contextlib.suppress(EcgError, ChildError, OSError):
                child.call(prepare)

        threading.Thread(target=load, name=f"warming {child.name}", daemon=True).start()


def _utterance(words: tuple[Word, ...]) -> Utterance:
    return Utterance(
        start_s=words[0].start_s, end_s=words[-1].end_s, text=" ".join(word.text for word in words), words=words
    )


def _duration_s(recording: Path) -> float:
    import soundfile

    return float(soundfile.info(recording).duration)


@functools.cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _named(failure: type[EcgError], what: str) -> Iterator[None]:
    """Give an unforeseen exception in a child its name."""
    try:
        yield
    except ChildError as error:
        raise failure(f"{what}: {error}") from error
