"""The accuracy benchmark counts right: a stand-in engine whose errors are known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.accuracy import by_turns, diarization_error_rate, measure, word_error_rate
from ecg_audio.analysis import Diarization, Transcript, Turn, Utterance, Word


class KnownErrors:
    """Says the same four words and the same turns to everything."""

    def transcribe(self, recording: Path, **_: object) -> Any:
        """One utterance."""
        return SimpleNamespace(utterances=(SimpleNamespace(text="and so my fellow"),))

    def diarize(self, recording: Path, **_: object) -> Any:
        """Two turns."""
        turns = (Turn(speaker="X", start_s=0, end_s=4), Turn(speaker="Y", start_s=4, end_s=8))
        return SimpleNamespace(turns=turns)


def test_errors_are_pooled_over_recordings(tmp_path: Path) -> None:
    """Word errors over all words, wrong seconds over all seconds; punctuation and case do not count."""
    for name, words, turn in (("a", "And so, my fellow!", (0, 4, 8)), ("b", "and so my dear fellow is", (0, 2, 8))):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros((441_000, 2)), 44_100)
        (tmp_path / f"{name}.txt").write_text(words)
        start, change, end = turn
        (tmp_path / f"{name}.rttm").write_text(
            f"SPEAKER {name} 1 {start} {change - start} <NA> <NA> P <NA> <NA>\n"
            f"SPEAKER {name} 1 {change} {end - change} <NA> <NA> Q <NA> <NA>\n"
        )
    scores = measure(KnownErrors(), tmp_path)  # type: ignore[arg-type]
    assert [score.errors for score in scores["words"]] == [0, 2]
    assert word_error_rate(scores["words"]) == pytest.approx(2 / 10)
    assert [score.confusion_s for score in scores["speakers"]] == pytest.approx([0.0, 2.0])
    assert diarization_error_rate(scores["speakers"]) == pytest.approx(2 / 16)
    assert [score.name for score in scores["sample"]] == ["sample", "sample"]


def test_without_material_there_is_the_bundled_sample_only() -> None:
    """No folder, no pooled figure: absent, not zero."""
    scores = measure(KnownErrors(), None)  # type: ignore[arg-type]
    assert len(scores["sample"]) == 2
    assert word_error_rate(scores["words"]) is None
    assert diarization_error_rate(scores["speakers"]) is None


def test_without_the_step_a_word_has_the_turn_that_overlaps_it_longest() -> None:
    """Else the nearest turn within half a second, else nobody."""
    words = tuple(Word(text=str(at), start_s=at, end_s=at + 0.4) for at in (0.0, 0.9, 1.5, 3.0))
    transcript = Transcript(
        model="test",
        language="en",
        utterances=(Utterance(start_s=0, end_s=4, text="0.0 0.9 1.5 3.0", words=words),),
        speech=(),
    )
    turns = (Turn(speaker="X", start_s=0, end_s=1.0), Turn(speaker="Y", start_s=1.0, end_s=1.4))
    found = Diarization(model="test", turns=turns, exclusive=turns)
    assert [speaker for _, speaker in by_turns(transcript, found)] == ["X", "Y", "Y", None]
