"""Spans and stretches of speech, from scores that are known."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Span
from ecg_audio.speech.activity import LONGEST_S, PADDING_S, Scores, spans, stretches

STEP_S = 0.02


def scores(*parts: tuple[float, float]) -> Scores:
    """Constant scores one after another: (value, seconds) each."""
    values = np.concatenate([np.full(round(seconds / STEP_S), value, np.float32) for value, seconds in parts])
    return Scores(values, STEP_S / 2, STEP_S)


def test_speech_is_found_where_the_scores_are_high() -> None:
    """A second of high scores between silences is one span, to within a frame."""
    (span,) = spans(scores((0.0, 1.0), (0.9, 1.0), (0.0, 1.0)), 3.0)
    assert abs(span.start_s - 1.0) <= STEP_S
    assert abs(span.end_s - 2.0) <= STEP_S


def test_a_score_between_the_thresholds_keeps_what_is_going_on() -> None:
    """Hysteresis: 0.42 does not begin a span, and does not end one either."""
    assert spans(scores((0.0, 1.0), (0.42, 1.0), (0.0, 1.0)), 3.0) == ()
    (span,) = spans(scores((0.9, 1.0), (0.42, 1.0), (0.0, 1.0)), 3.0)
    assert abs(span.end_s - 2.0) <= STEP_S


def test_clicks_are_no_speech_and_short_pauses_no_end() -> None:
    """Less than 0.1 s of speech is dropped; less than 0.1 s of pause is closed."""
    assert spans(scores((0.0, 1.0), (1.0, 0.06), (0.0, 1.0)), 2.06) == ()
    assert len(spans(scores((1.0, 1.0), (0.0, 0.06), (1.0, 1.0)), 2.06)) == 1
    assert len(spans(scores((1.0, 1.0), (0.0, 0.3), (1.0, 1.0)), 2.3)) == 2


def test_speech_to_the_very_end_ends_with_the_recording() -> None:
    """A score that is still high in the last frame gives a span that does not pass the duration."""
    (span,) = spans(scores((1.0, 2.0)), 1.95)
    assert span.end_s == 1.95


def test_short_pauses_join_and_long_ones_part_stretches() -> None:
    """Half a second apart is recognised together, a second apart is not."""
    speech = (Span(start_s=1, end_s=2), Span(start_s=2.5, end_s=3), Span(start_s=4, end_s=5))
    assert stretches(speech, 6.0) == (
        Span(start_s=1 - PADDING_S, end_s=3 + PADDING_S),
        Span(start_s=4 - PADDING_S, end_s=5 + PADDING_S),
    )


def test_a_long_run_is_cut_at_its_longest_pause() -> None:
    """Twenty seconds with pauses of 0.1 s and one of 0.5 s are cut at the latter."""
    edges = [(0.0, 4.9), (5.0, 11.0), (11.5, 15.9), (16.0, 20.0)]
    cut = stretches(tuple(Span(start_s=start, end_s=end) for start, end in edges), 20.0)
    assert len(cut) == 2
    assert 11.0 <= cut[0].end_s <= cut[1].start_s <= 11.5


@st.composite
def speech(draw: st.DrawFn) -> tuple[tuple[Span, ...], float]:
    """Ordered, disjoint spans, some much too long, and the duration of their recording."""
    found, now = [], 0.0
    for _ in range(draw(st.integers(0, 12))):
        start = now + draw(st.floats(0.1, 3))
        now = start + draw(st.floats(0.1, 40))
        found.append(Span(start_s=start, end_s=now))
    return tuple(found), now + draw(st.floats(0, 1))


@given(speech())
def test_stretches_hold_all_speech_once_within_bounds(given_speech: tuple[tuple[Span, ...], float]) -> None:
    """Stretches are ordered and disjoint, none too long, and together hold every second of speech."""
    found, duration_s = given_speech
    cut = stretches(found, duration_s)
    for earlier, later in itertools.pairwise(cut):
        assert earlier.end_s <= later.start_s + 1e-9
    for stretch in cut:
        assert 0 <= stretch.start_s < stretch.end_s <= duration_s
        assert stretch.end_s - stretch.start_s <= LONGEST_S + 2 * PADDING_S + 1e-6
    covered = sum(
        max(0.0, min(span.end_s, stretch.end_s) - max(span.start_s, stretch.start_s))
        for span in found
        for stretch in cut
    )
    assert abs(covered - sum(span.end_s - span.start_s for span in found)) < 1e-6
