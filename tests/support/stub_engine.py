"""A speech engine without models, for tests of everything around it.

It says "hello there" and "good bye" wherever there is sound, by two speakers, quickly, and counts its calls in a file,
so that tests see from outside which stages really ran. It can be told to fail, or to wait until it is killed.
"""

import time
from pathlib import Path

import numpy as np

from ecg_audio.analysis import Diarization, Notice, Span, Speech, Transcript, Turn, Utterance, VoiceVectors, Word
from ecg_audio.errors import LanguageUnsupported, OptionUnsupported
from ecg_audio.media import decode
from ecg_audio.progress import Report
from ecg_audio.request import UNGUIDED, Guidance, SpeakerCount
from ecg_audio.sound_events import Remark, Remarks


class StubEngine:
    """Keeps the engine protocol.

    Args:
        log: a file that gets one line a call.
        failing: stage name -> the exception it raises.
        hanging: a stage that never ends, as long as the file of that name beside `log` does not exist.
    """

    notices: tuple[Notice, ...] = ()

    def __init__(self, log: Path, failing: dict[str, Exception] | None = None, hanging: str | None = None) -> None:
        self.log = log
        self.failing = failing or {}
        self.hanging = hanging

    def fingerprint(self, _stage: str = "transcribe") -> dict[str, str]:
        """Nothing that changes."""
        return {"engine": "stub"}

    def check_language(self, language: str) -> None:
        """English only."""
        if language not in ("auto", "en"):
            raise LanguageUnsupported(f"the stub has English only, not {language}")

    def check_guidance(self, guidance: Guidance) -> None:
        """None at all."""
        if guidance != UNGUIDED:
            raise OptionUnsupported(f"the stub cannot be given {guidance}")

    def warm(self) -> None:
        """Nothing to load."""
        self._called("warm")

    def close(self) -> None:
        """Nothing to end."""

    def transcribe(self, recording: Path, *, language: str, guidance: Guidance, report: Report) -> Transcript:
        """Two utterances in the first and the second half of what sounds."""
        self._called("transcribe")
        report(0.5)
        self._maybe_break("transcribe")
        heard = _sounding(recording)
        if heard is None:
            notice = Notice(code="NO_SPEECH", message="no speech was found")
            return Transcript(model="stub", language="en", utterances=(), speech=(), notices=(notice,))
        begin, end = heard.start_s, heard.end_s
        middle = (begin + end) / 2
        utterances = tuple(
            _utterance(text, a, b) for text, a, b in (("hello there", begin, middle), ("good bye", middle, end))
        )
        return Transcript(model="stub", language="en", utterances=utterances, speech=(heard,))

    def align(self, recording: Path, transcript: Transcript, *, report: Report) -> Transcript:
        """Words have their times already; those of an utterance without are said at even steps."""
        if any(not one.words for one in transcript.utterances):
            self._called("align")
            self._maybe_break("align")
        report(1.0)
        timed = [one if one.words else _evenly(one) for one in transcript.utterances]
        return transcript.model_copy(update={"utterances": tuple(timed)})

    def diarize(self, recording: Path, *, speakers: SpeakerCount, report: Report) -> Diarization:
        """One speaker for each half."""
        self._called("diarize")
        self._maybe_break("diarize")
        heard = _sounding(recording)
        if heard is None:
            return Diarization(model="stub", turns=(), exclusive=())
        middle = (heard.start_s + heard.end_s) / 2
        turns = (
            Turn(speaker="SPEAKER_00", start_s=heard.start_s, end_s=middle),
            Turn(speaker="SPEAKER_01", start_s=middle, end_s=heard.end_s),
        )
        return Diarization(model="stub", turns=turns, exclusive=turns, embeddings={"SPEAKER_00": (1.0, 0.0)})

    def listen(self, recording: Path, *, spans: tuple[Span, ...], language: str, report: Report) -> Remarks:
        """Laughter everywhere."""
        self._called("listen")
        self._maybe_break("listen")
        remarks = [Remark(**span.model_dump(), text="(laughs)", probability=0.5) for span in spans]
        return Remarks(remarks=tuple(remarks))

    def embed(self, recording: Path, *, voices: tuple[tuple[Span, ...], ...], report: Report) -> VoiceVectors:
        """The first voice of every recording is one person's, the second another's."""
        self._called("embed")
        self._maybe_break("embed")
        made = [np.random.default_rng(number).normal(size=256).astype(np.float32) for number in range(len(voices))]
        units = [tuple((vector / np.linalg.norm(vector)).tolist()) for vector in made]
        return VoiceVectors(encoder="stub", vectors=tuple(units))

    def _called(self, what: str) -> None:
        with self.log.open("a") as file:
            file.write(what + "\n")

    def _maybe_break(self, stage: str) -> None:
        if stage in self.failing:
            raise self.failing[stage]
        while stage == self.hanging and not self.log.with_name(stage).exists():
            time.sleep(0.05)


def _sounding(recording: Path) -> Speech | None:
    loud = np.flatnonzero(np.abs(decode.read(recording)) > 0.02)
    if not len(loud):
        return None
    return Speech(start_s=loud[0] / 16_000, end_s=loud[-1] / 16_000, segmentation=1.0, silero=1.0)


def _utterance(text: str, begin: float, end: float) -> Utterance:
    names = text.split()
    step = (end - begin) / len(names)
    words = tuple(
        Word(text=name, start_s=begin + index * step, end_s=begin + (index + 0.8) * step, confidence=0.5)
        for index, name in enumerate(names)
    )
    return Utterance(start_s=begin, end_s=end, text=text, words=words)


def _evenly(utterance: Utterance) -> Utterance:
    said = _utterance(utterance.text, utterance.start_s, utterance.end_s).words
    words = tuple(word.model_copy(update={"timing": "aligned"}) for word in said)
    return utterance.model_copy(update={"words": words})
