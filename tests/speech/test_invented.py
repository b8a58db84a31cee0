"""The benchmark of invented and doubted words: what it plays, and how it counts."""

import numpy as np
import pytest

from benchmarks.invented import Invented, Lost, scored, sounds, summary
from ecg_audio.analysis import Word


def test_the_sounds_are_always_the_same() -> None:
    """Two runs hear the same, of the length that was asked for, within full scale."""
    first, second = sounds(3.0), sounds(3.0)
    assert len(first) >= 10
    for name, samples in first.items():
        assert np.array_equal(samples, second[name]), name
        assert samples.shape == (48_000,)
        assert np.abs(samples).max() <= 1.0, name


def test_true_and_wrong_words_are_counted_apart() -> None:
    """Of four words two are in the reference, one of them is marked; of the other two one is."""
    words = [
        Word(text=text, start_s=0, end_s=1, suspect=suspect)
        for text, suspect in (("And,", None), ("so", "looping"), ("far", "looping"), ("away", None))
    ]
    assert scored("clip", ["and", "so", "on"], words) == Lost("clip", 3, 2, 1, 2, 1)
    assert scored("clip", ["and"], []) == Lost("clip", 1, 0, 0, 0, 0)


def test_a_word_of_two_parts_counts_twice() -> None:
    """References have no hyphens: what is written with one is two words of theirs."""
    words = [Word(text="cold-hearted", start_s=0, end_s=1, suspect="looping")]
    assert scored("clip", ["cold", "hearted"], words) == Lost("clip", 2, 2, 2, 0, 0)


def test_figures_are_pooled_over_all_sounds_and_recordings() -> None:
    """Words an hour are all words over all time; the share of lost words is over all true words."""
    found = [Invented("a", 60.0, 3, 1, 10, 5), Invented("b", 60.0, 0, 0, 2, None)]
    pooled = summary(found, [Lost("x", 10, 8, 1, 0, 0), Lost("y", 100, 92, 0, 3, 2)])
    assert pooled["marked_per_hour"] == pytest.approx(90)
    assert pooled["not_marked_per_hour"] == pytest.approx(30)
    assert pooled["bare_per_hour"] == pytest.approx(360)
    assert pooled["bare_with_vad_per_hour"] is None
    assert pooled["true_words_lost"] == pytest.approx(0.01)
    assert summary([], [])["true_words_lost"] is None
