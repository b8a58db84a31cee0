"""The recogniser by itself: real words, real times, real posteriors, and none of them out of nothing."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Span
from ecg_audio.speech.pocketsphinx_decoder import FILLER, VARIANT, recognise


@pytest.fixture(scope="module")
def sheila(conversation: Path) -> Span:
    """A sentence of the conversation: "and I'm Sheila in Texas, originally from Chicago", 14.44-17.77 s."""
    return Span(start_s=14.3, end_s=17.9)


def test_words_are_recognised_where_they_are_said(conversation: Path, sheila: Span) -> None:
    """The name is found, and times count from the start of the file, in order, inside the stretch."""
    words = recognise(str(conversation), sheila)
    (name,) = [word for word in words if word.text == "sheila"]
    assert 14.6 < name.start_s < name.end_s < 15.6
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert sheila.start_s <= edges[0]
    assert edges[-1] <= sheila.end_s


def test_confidence_is_a_posterior_and_not_a_constant(conversation: Path, sheila: Span) -> None:
    """Every word has its own figure between 0 and 1."""
    confidences = [word.confidence for word in recognise(str(conversation), sheila)]
    assert all(confidence is not None and 0.0 < confidence <= 1.0 for confidence in confidences)
    assert len(set(confidences)) > len(confidences) / 2


def test_the_same_stretch_gives_the_same_words_again(conversation: Path, sheila: Span) -> None:
    """Nothing of an earlier stretch colours a later one: any process may take any stretch."""
    first = recognise(str(conversation), sheila)
    recognise(str(conversation), Span(start_s=6.4, end_s=8.3))
    assert recognise(str(conversation), sheila) == first


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.05])
def test_next_to_nothing_has_no_words(seconds: float, tmp_path: Path) -> None:
    """A stretch too short for a word, or for a single frame, yields nothing and breaks nothing."""
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(round(16_000 * seconds), np.int16), 16_000)
    assert recognise(str(path), Span(start_s=0.0, end_s=seconds)) == ()


def test_another_sample_rate_is_refused(tmp_path: Path) -> None:
    """Audio that was not extracted first would be misheard: it is an error, not nonsense."""
    path = tmp_path / "fast.wav"
    soundfile.write(path, np.zeros(44_100, np.int16), 44_100)
    with pytest.raises(ValueError, match="16000 Hz mono"):
        recognise(str(path), Span(start_s=0.0, end_s=1.0))


@pytest.mark.parametrize("filler", ["<s>", "</s>", "<sil>", "[NOISE]", "[SPEECH]", "++BREATH++"])
def test_fillers_are_no_words(filler: str) -> None:
    """What the model hears besides words is recognised as such."""
    assert FILLER.fullmatch(filler)


@pytest.mark.parametrize(("heard", "word"), [("read(2)", "read"), ("the(3)", "the"), ("o'clock", "o'clock")])
def test_a_second_pronunciation_is_the_same_word(heard: str, word: str) -> None:
    """The dictionary's numbering of pronunciations does not reach the transcript."""
    assert VARIANT.sub("", heard) == word
