"""Legibility: known cues give known figures."""

import pytest

from benchmarks.legibility import legibility
from ecg_audio.captions.cues import Cue, CueSettings, cues
from tests.captions.conftest import Talk


def test_figures_of_known_cues(talk: Talk) -> None:
    """A slow, a hurried and a brief cue are counted for what they are."""
    (line,) = cues((talk("ten chars!"),))[0].lines
    found = (Cue(0, 2, (line,)), Cue(2, 2.5, (line,)), Cue(3, 4, (line, line)))
    figures = legibility(found, CueSettings())
    assert figures is not None
    assert (figures.cues, figures.median_cps, figures.p95_cps) == (3, 20, 20)
    assert figures.above_target == pytest.approx(2 / 3)
    assert figures.above_max == 0
    assert figures.below_min_s == pytest.approx(1 / 3)
    assert figures.two_lines == pytest.approx(1 / 3)
    assert figures.shared == 0


def test_no_cues_have_no_figures() -> None:
    """Nothing shown, nothing measured."""
    assert legibility((), CueSettings()) is None


def test_unhurried_speech_is_readable(talk: Talk) -> None:
    """At 150 words a minute no cue is read faster than the bound, and none is too brief."""
    text = "This is how most people speak when they explain a thing to others and are in no hurry at all. " * 12
    figures = legibility(cues((talk(text.strip(), word_s=0.35),)), CueSettings())
    assert figures is not None
    assert (figures.above_max, figures.below_min_s) == (0, 0)
