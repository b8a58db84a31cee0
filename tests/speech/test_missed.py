"""Speech that was passed over: where it is, and how what was said there takes its place."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Span, Speech, Timing, Utterance, Word
from ecg_audio.speech.missed import gaps, parted


def said(*words: tuple[str, float, float], timing: Timing = "aligned") -> Utterance:
    """An utterance of words at these times."""
    timed = tuple(Word(text=text, start_s=start_s, end_s=end_s, timing=timing) for text, start_s, end_s in words)
    text = " ".join(text for text, _, _ in words)
    return Utterance(start_s=0.0, end_s=10.0, text=text, words=timed, language="en")


def heard(start_s: float, end_s: float, silero: float = 0.9) -> Speech:
    """Where somebody speaks."""
    return Speech(start_s=start_s, end_s=end_s, segmentation=0.9, silero=silero)


SKIPPED = said(("one", 0.2, 0.5), ("two", 0.5, 0.9), ("three", 4.0, 4.4))


def test_speech_between_two_words_is_asked_for_as_far_as_the_words() -> None:
    """The whole gap, clear of the words on both sides."""
    assert gaps([SKIPPED], [heard(0.1, 4.5)]) == [(0, Span(start_s=0.95, end_s=3.95))]


def test_parts_of_speech_in_one_gap_are_one_question() -> None:
    """Two short remarks that one pause parts are long enough together."""
    parts = [heard(0.1, 1.0), heard(1.8, 2.05), heard(2.3, 2.55), heard(3.9, 4.5)]
    assert [index for index, _ in gaps([SKIPPED], parts)] == [0]


def test_a_pause_is_no_gap() -> None:
    """Where nobody is heard nothing was passed over."""
    assert gaps([SKIPPED], [heard(0.1, 1.0), heard(3.9, 4.5)]) == []


def test_what_silero_does_not_hear_is_not_asked_for() -> None:
    """Laughter and noises, which the segmentation takes for speech, would be made into words."""
    assert gaps([SKIPPED], [heard(0.1, 4.5, silero=0.2)]) == []


def test_only_an_aligner_tells_a_gap() -> None:
    """Attention spreads the words it has over what was passed over: its gaps mean nothing."""
    attended = said(("one", 0.2, 0.5), ("three", 4.0, 4.4), timing="engine")
    assert gaps([attended], [heard(0.1, 4.5)]) == []


def test_what_was_passed_over_stands_in_its_place() -> None:
    """The utterance goes on after it, and all texts are those of their words."""
    between = said(("ask", 1.5, 1.9), ("not", 2.0, 2.4))
    assert [piece.text for piece in parted(SKIPPED, [between])] == ["one two", "ask not", "three"]


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_no_word_is_lost_and_time_runs_on(kept: list[bool]) -> None:
    """However many phrases were passed over, all words are there, in the order of their times."""
    words = [(f"w{index}", index * 0.3, index * 0.3 + 0.2) for index in range(len(kept))]
    own = [word for word, keep in zip(words, kept, strict=True) if keep]
    missing = [said(word) for word, keep in zip(words, kept, strict=True) if not keep]
    pieces = parted(said(*own), missing)
    together = [word for piece in pieces for word in piece.words]
    assert sorted(word.text for word in together) == sorted(text for text, _, _ in words)
    assert all(before.start_s < after.start_s for before, after in itertools.pairwise(together))
