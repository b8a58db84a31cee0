"""How sure the recogniser was of each word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Word
from ecg_audio.speech.confidence import confident


def words(text: str) -> list[Word]:
    """One a second."""
    return [Word(text=one, start_s=at, end_s=at + 1.0) for at, one in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "written", "sure"),
    [
        ("Just put it", [(" Just", 0.5), (" put", 0.9), (" it", 1.0)], [0.5, 0.9, 1.0]),
        ("the desk.", [(" the", 0.9), (" desk", 0.4), (".", 0.1)], [0.9, 0.4]),
        ("we'll go", [(" we", 0.9), ("'ll", 0.5), (" go", 0.8)], [0.45, 0.8]),
        ("雨が 降る", [("雨", 0.9), ("が降", 0.5), ("る", 0.8)], [0.45, 0.4]),
        ("- no", [(" -", 0.2), (" no", 0.7)], [None, 0.7]),
    ],
)
def test_a_word_is_as_sure_as_its_letters(
    text: str, written: list[tuple[str, float]], sure: list[float | None]
) -> None:
    """Probabilities multiply over the parts of a word; punctuation beside it counts for nothing."""
    assert [word.confidence for word in confident(words(text), written)] == pytest.approx(sure)


def test_a_persons_text_is_not_the_recognisers() -> None:
    """Words that the recogniser did not write keep what the aligner says of them."""
    said = [word.model_copy(update={"confidence": 0.25}) for word in words("on the desktop")]
    for written in ([(" on", 0.9), (" the", 0.9), (" desk", 0.4)], []):
        assert confident(said, written) == tuple(said)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.floats(0.0, 1.0)), max_size=12))
def test_however_tokens_cut_a_text(written: list[tuple[str, float]]) -> None:
    """Any cut of any text keeps its words, and a word with a letter in it gets a figure in [0, 1]."""
    text = "".join(part for part, _ in written)
    found = confident(words(text), written)
    assert [word.text for word in found] == text.split()
    for word in found:
        lettered = any(letter.isalnum() for letter in word.text)
        assert (word.confidence is not None and 0.0 <= word.confidence <= 1.0) == lettered
