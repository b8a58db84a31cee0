"""Words that should not be trusted are marked, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Span, Utterance, Word
from ecg_audio.speech.quality import LOOPING, OUTSIDE, examined, looping

SPEECH = (Span(start_s=1.0, end_s=3.0), Span(start_s=8.0, end_s=9.0))


def said(text: str, start_s: float = 1.0, each_s: float = 0.1) -> Utterance:
    """An utterance whose words follow each other."""
    words = tuple(
        Word(text=word, start_s=start_s + index * each_s, end_s=start_s + (index + 1) * each_s)
        for index, word in enumerate(text.split())
    )
    return Utterance(start_s=start_s, end_s=start_s + len(words) * each_s, text=text, words=words)


def test_ordinary_speech_is_not_suspect() -> None:
    """Neither the words nor the whole of a plain sentence are marked."""
    found = examined(said("we will send the final report"), SPEECH)
    assert found.suspect is None
    assert all(word.suspect is None for word in found.words)


def test_words_where_nobody_speaks_are_marked() -> None:
    """A word in the silence between two voices is suspect; its neighbours inside speech are not."""
    utterance = said("yes thank you well", start_s=2.0, each_s=1.9)
    found = examined(utterance, SPEECH)
    assert [word.suspect for word in found.words] == [None, OUTSIDE, OUTSIDE, None]
    assert found.suspect is None


def test_an_utterance_of_suspect_words_alone_is_suspect() -> None:
    """Text over music or silence is kept, and marked as a whole."""
    found = examined(said("thanks for watching", start_s=5.0), SPEECH)
    assert found.suspect == OUTSIDE
    assert found.text == "thanks for watching"


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("no no no no no no", 5),
        ("go on and on and on and on and stop", 6),
        ("I know. I know, I know I know!", 6),
        ("no no no", 0),
        ("never, never, never, never", 0),
        ("row row row your boat", 0),
        ("a b c a b c a b c", 0),
        ("a b c a b c a b c a b c d", 9),
    ],
)
def test_phrases_that_come_again_and_again_are_found(text: str, repeats: int) -> None:
    """From the fourth time on all repetitions are marked, the first saying is not; what people do say is spared."""
    found = looping(text.split())
    assert len(found) == repeats
    assert 0 not in found


def test_loops_are_marked_on_words_and_whole() -> None:
    """A recogniser in circles: the repeated words and the utterance say so."""
    found = examined(said("you know the thing is " * 12, each_s=0.02), SPEECH)
    assert found.suspect == LOOPING
    assert [word.suspect for word in found.words[:5]] == [None] * 5
    assert {word.suspect for word in found.words[5:]} == {LOOPING}


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_only_repetitions_are_marked(texts: list[str]) -> None:
    """Every marked word stands somewhere before, too."""
    for index in looping(texts):
        assert texts[index] in texts[:index]
