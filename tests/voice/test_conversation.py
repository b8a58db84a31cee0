"""Pauses, pace and who takes the floor."""

import pytest

from ecg_audio.analysis import SpokenWord, Turn
from ecg_audio.voice.conversation import exchanges, pauses_s, tempo
from ecg_audio.voice.filled_pauses import is_filled_pause


def said(*times: tuple[str, float, float]) -> list[SpokenWord]:
    """Words by speaker, start and end."""
    return [SpokenWord(text="x", speaker=name, start_s=start, end_s=end) for name, start, end in times]


def floor(*times: tuple[str, float, float]) -> list[tuple[str, str, str | None]]:
    """Kind, who begins and who yields, of turns by speaker, start and end."""
    found = exchanges([Turn(speaker=name, start_s=start, end_s=end) for name, start, end in times])
    return [(one.kind, one.speaker, one.yielded_by) for one in found]


def test_pauses_are_of_one_speaker() -> None:
    """A silence between two words of one speaker is a pause; a short one, or one between two speakers, is none."""
    words = said(("A", 0.0, 1.0), ("A", 1.5, 2.0), ("A", 2.1, 2.5), ("B", 4.0, 5.0), ("A", 5.5, 6.0))
    assert pauses_s(words) == {"A": [0.5]}


def test_time_is_shared_between_talk_and_pauses() -> None:
    """Rates by talk alone and by talk with pauses, the pauses' lengths, and nothing where nothing is said."""
    found = tempo(said(("A", 0.0, 1.0), ("A", 2.0, 3.0)), [1.0], syllables=6.0)
    assert found is not None
    assert (found.phonation_s, found.pause_s, found.pause_count, found.pause_median_s) == (2.0, 1.0, 1, 1.0)
    assert found.articulation_syllables_per_s == 3.0
    assert found.speech_syllables_per_s == 2.0
    assert found.phonation_ratio == pytest.approx(2 / 3)
    assert tempo([], [], None) is None
    assert tempo(said(("A", 0.0, 5e-324)), [], 1.0) is None  # a pace without end


def test_filled_pauses_are_counted_apart() -> None:
    """Words that fill pauses are time of talk, and none that was written down is none that is known."""
    words = said(("A", 0.0, 1.0), ("A", 1.25, 1.5), ("A", 2.5, 3.0))
    found, without = tempo(words, [1.0], None, words[1:2]), tempo(words, [1.0], None)
    assert found is not None and without is not None
    assert (found.filled_pause_count, found.filled_pause_s, found.pause_count) == (1, 0.25, 1)
    assert found.phonation_s == without.phonation_s == 1.75
    assert (without.filled_pause_count, without.filled_pause_s) == (None, None)


@pytest.mark.parametrize(
    ("text", "language", "is_one"),
    [
        ("Uhhh...", "en", True),
        ("umbrella", "en", False),
        ("er", "de", False),
        ("Ähm,", "de", True),
        ("음", "ko", True),
        ("えき", "ja", False),
        ("えーと、", "ja", True),
        ("um", "xx", False),
    ],
)
def test_what_fills_a_pause_is_told_by_language(text: str, language: str, is_one: bool) -> None:
    """In any case and however drawn out, of the language's own list; a language without one has none."""
    assert is_filled_pause(text, language) == is_one


def test_without_pauses_their_lengths_are_absent() -> None:
    """No pause has no mean and no ratio to it."""
    found = tempo(said(("A", 0.0, 1.0)), [], None)
    assert found is not None
    assert (found.pause_count, found.pause_mean_s, found.speech_pause_ratio) == (0, None, None)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((2.5, 4.0), ("gap", "B", None)),
        ((1.8, 4.0), ("overlap", "B", "A")),
        ((1.0, 4.0), ("interruption", "B", "A")),
        ((0.5, 1.0), ("backchannel", "B", None)),
        ((0.5, 1.8), ("attempt", "B", "B")),
    ],
)
def test_who_takes_the_floor(other: tuple[float, float], expected: tuple[str, str, str | None]) -> None:
    """After somebody, over their end, into their talk: each is told from the other by who goes on, and for how long."""
    assert floor(("A", 0.0, 2.0), ("B", *other)) == [expected]


def test_the_floor_comes_back() -> None:
    """Who goes on after a backchannel has not taken the floor anew; who answers an answer has."""
    assert floor(("A", 0.0, 5.0), ("B", 2.0, 2.4), ("A", 5.1, 6.0), ("B", 6.5, 7.0), ("A", 7.2, 8.0)) == [
        ("backchannel", "B", None),
        ("gap", "B", None),
        ("gap", "A", None),
    ]
