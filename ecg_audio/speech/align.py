"""When each word was said: by a wav2vec2 aligner, by the embedded one, or where the recogniser itself looked.

For the model process alone.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Notice, Span, Task, Transcript, Utterance, Word
from ecg_audio.compute.memory_ladder import Placement, descend
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import (
    alignment,
    attention,
    confidence,
    diarization,
    forced,
    loaders,
    missed,
    plan,
    recognise,
    suspect,
)
from ecg_audio.speech.alignment import Piece
from ecg_audio.speech.settings import NO_ALIGNER, EngineSettings
from ecg_audio.speech.sound import cut, samples_of


def align(path: str, settings: EngineSettings, found: Transcript, *, report: Report = silent) -> Transcript:
    """Give each utterance its words, timed by the best there is for its language.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: an aligner that the settings name cannot be had.
        GpuMemoryExhausted: not even the CPU's memory sufficed.
    """
    if not found.utterances:
        report(1.0)
        return found
    loaders.prepare(settings)
    samples = samples_of(path)

    def attempt(placement: Placement) -> tuple[list[Utterance], tuple[Notice, ...]]:
        aligning = _Aligning(samples, settings, found, placement)
        done = []
        within = forced.stretches(found.utterances, len(samples) / RATE_HZ)
        for number, (utterance, around) in enumerate(zip(found.utterances, within, strict=True), 1):
            done.append(aligning.timed(utterance, around))
            report(number / len(found.utterances))
        if found.task == "transcribe":
            done = aligning.completed(done)
        return done, tuple(aligning.notices.values())

    (utterances, missing), notices = descend(
        plan.placements("align", len(samples) / RATE_HZ, settings),
        attempt,
        what="alignment",
        free=functools.partial(loaders.loaded_models.drop, "aligner"),
    )
    return found.model_copy(update={"utterances": tuple(utterances), "notices": (*found.notices, *missing, *notices)})


class _Aligning:
    """One pass over a transcript.

    Args:
        samples: (samples,) of the recording, 16 kHz.
        settings: which aligners there are.
        found: the transcript.
        placement: where aligners run.
    """

    def __init__(
        self, samples: NDArray[np.float32], settings: EngineSettings, found: Transcript, placement: Placement
    ) -> None:
        self._samples = samples
        self._settings = settings
        self._found = found
        self._placement = placement
        self.notices: dict[str, Notice] = {}  # by language: an aligner that is not here

    def timed(self, utterance: Utterance, around: Span) -> Utterance:
        """The utterance with its words; `around` is where they may be looked for."""
        language = utterance.language or self._found.language
        task: Task = "translate" if self._found.task == "translate" and language != "en" else "transcribe"
        within = Span(start_s=utterance.start_s, end_s=utterance.end_s)
        # none finds English words in the sound of another language
        pieces = self._aligned(utterance, around, language) if task == "transcribe" else []
        pieces = alignment.worded(pieces, language)
        if any(piece.span for piece in pieces):
            edges = Span(start_s=min(within.start_s, around.start_s), end_s=max(within.end_s, around.end_s))
            return _with(utterance, alignment.words(pieces, edges, "aligned"))
        # no aligner for this language, or this text is beyond it
        attended = attention.attended(self._samples, utterance.text, within, language, self._recogniser().model, task)
        pieces = alignment.gathered(utterance.text, attended, "en" if task == "translate" else language)
        return _with(utterance, alignment.words(pieces, within, "engine"))

    def completed(self, utterances: list[Utterance]) -> list[Utterance]:
        """The utterances with those that the recogniser passed over, which are asked for and aligned now."""
        gaps = missed.gaps(utterances, self._found.speech)
        put_in: dict[int, list[Utterance]] = {}
        recogniser = self._recogniser() if gaps else None
        for index, gap in gaps:
            assert recogniser is not None
            code = utterances[index].language or self._found.language
            sounds = [cut(self._samples, gap)]
            (text,) = recognise.written(recogniser.model, recogniser.options, sounds, code, "transcribe")
            if not text.text or suspect.repetitive(text.text) or text.log_probability < missed.LEAST_LOG_PROBABILITY:
                continue
            heard = self.timed(recognise.utterance(gap, text, code), gap)
            if any(word.timing == "aligned" for word in heard.words):
                put_in.setdefault(index, []).append(heard)
        return [
            part
            for index, utterance in enumerate(utterances)
            for part in (missed.parted(utterance, put_in[index]) if index in put_in else [utterance])
        ]

    def _aligned(self, utterance: Utterance, around: Span, language: str) -> list[Piece]:
        """The words as an aligner places them; none where there is none, or it cannot place the text at all."""
        wanted = self._settings.align_models.get(language)
        try:
            wav2vec2 = loaders.aligner(self._settings, language, self._placement.device)
        except loaders.AlignerOutOfReach as missing:
            wav2vec2 = None
            if language not in forced.LANGUAGES:
                self.notices[language] = _missing(str(missing), language)
        if wav2vec2 is not None:
            return _by_wav2vec2(self._samples, utterance, wav2vec2)
        if language in forced.LANGUAGES and wanted != NO_ALIGNER:
            return forced.aligned(self._samples, utterance.text.split(), around, language)
        return []

    def _recogniser(self) -> Any:
        first = loaders.first_placement(self._settings)
        placement = first if self._placement.device == self._settings.device else Placement("cpu", 1, "int8")
        return loaders.recogniser(self._settings, placement)


def _with(utterance: Utterance, words: tuple[Word, ...]) -> Utterance:
    sure = confidence.confident(words, utterance.written)
    return utterance.model_copy(update={"words": sure, "written": ()})


def _missing(name: str, language: str) -> Notice:
    message = (
        f"{name}, the aligner for {language!r}, is not on this machine: words have rougher times; "
        f"`ecg models fetch --language {language}` gets it"
    )
    return Notice(code="ALIGNER_MISSING", message=message)


def _by_wav2vec2(
    samples: NDArray[np.float32], utterance: Utterance, aligner: tuple[Any, dict[str, Any]]
) -> list[Piece]:
    """The words as the forced aligner places them; none where it cannot place the text at all."""
    import whisperx.alignment

    model, about = aligner
    device = str(next(model.parameters()).device)
    # a capital whose small form is two letters would shift all that follow
    text = "".join(letter if len(letter.lower()) == 1 else letter.lower()[0] for letter in utterance.text)
    segment = {"start": utterance.start_s, "end": utterance.end_s, "text": text}
    with diarization.quiet():
        found = whisperx.alignment.align([segment], model, about, samples, device)["word_segments"]
    unspaced = about["language"] in whisperx.alignment.LANGUAGES_WITHOUT_SPACES
    written = [letter for letter in utterance.text if not letter.isspace()] if unspaced else utterance.text.split()
    if len(found) != len(written):
        return []
    return [_piece(word, times, about["dictionary"]) for word, times in zip(written, found, strict=True)]


def _piece(word: str, times: dict[str, Any], dictionary: dict[str, int]) -> Piece:
    # numerals and symbols: whisperx gives them whatever sounds there, which is no alignment
    if "start" not in times or "end" not in times or not any(letter in dictionary for letter in word.lower()):
        return Piece(word)
    span = Span(start_s=float(times["start"]), end_s=max(float(times["start"]), float(times["end"])))
    return Piece(word, span, float(times["score"]) if "score" in times else None)
