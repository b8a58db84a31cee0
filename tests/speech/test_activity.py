"""Spans and stretches of speech, from scores that are known."""

import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecg_audio.analysis import Span, Speech
from ecg_audio.speech import activity
from ecg_audio.speech.activity import (
    CERTAIN,
    HOP,
    LONGEST_S,
    MIN_PART_S,
    PADDING_S,
    RATE_HZ,
    Scores,
    later,
    leading_silence,
    spans,
    speech,
    split,
    stretches,
)
from tests.support.models import CONVERSATION

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


# Two detectors


@pytest.mark.parametrize(
    ("segmentation", "silero"),
    [
        (scores((0.0, 1.0), (0.9, 2.0), (0.0, 1.0)), scores((0.2, 4.0))),
        (scores((0.0, 4.0)), scores((0.0, 1.0), (0.9, 2.0), (0.0, 1.0))),
    ],
)
def test_what_either_detector_hears_is_speech(segmentation: Scores, silero: Scores) -> None:
    """Two seconds that one of them alone hears are a span, and its scores say which one."""
    (found,) = speech(segmentation, silero, 4.0)
    assert (found.start_s, found.end_s) == (1.0, 3.0)
    assert found.segmentation == pytest.approx(segmentation.values[100])
    assert found.silero == pytest.approx(silero.values[100])


def test_where_silero_is_certain_the_segmentation_is_not_believed() -> None:
    """A tone: the segmentation gives it 0.99, Silero never as much as a doubt. With a doubt it is speech."""
    tone = scores((0.0, 1.0), (0.99, 2.0), (0.0, 1.0))
    assert speech(tone, scores((0.01, 4.0)), 4.0) == ()
    assert len(speech(tone, scores((0.01, 2.0), (CERTAIN, 0.1), (0.01, 1.9)), 4.0)) == 1


def test_spans_are_cut_where_a_detector_joins_in_or_falls_silent() -> None:
    """Six seconds of the segmentation, of which Silero hears the middle two: three spans that touch."""
    found = speech(scores((0.9, 6.0)), scores((0.1, 2.0), (0.9, 2.0), (0.1, 2.0)), 6.0)
    assert [(span.start_s, span.end_s) for span in found] == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    assert [span.silero for span in found] == pytest.approx([0.1, 0.9, 0.1])
    assert [span.segmentation for span in found] == pytest.approx([0.9, 0.9, 0.9])


def test_a_detector_that_begins_a_little_later_makes_no_span_of_its_own() -> None:
    """Detectors differ by tenths of a second at every edge: that cuts nothing."""
    found = speech(scores((0.9, 6.0)), scores((0.1, 0.3), (0.9, 5.4), (0.1, 0.3)), 6.0)
    assert [(span.start_s, span.end_s) for span in found] == [(0.0, 6.0)]


heard = st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.4, 0.9]), st.floats(0.04, 3.0)), min_size=1, max_size=12)


@given(heard, heard)
def test_speech_is_ordered_disjoint_and_no_more_than_heard(
    segmentation: list[tuple[float, float]], silero: list[tuple[float, float]]
) -> None:
    """Whatever two detectors say: order, scores in [0, 1], all of Silero's speech, nothing that neither hears."""
    one, other = scores(*segmentation), scores(*silero)
    duration_s = max(len(one.values), len(other.values)) * STEP_S
    found = speech(one, other, duration_s)
    assert all(earlier.end_s <= later.start_s for earlier, later in itertools.pairwise(found))
    assert all(0 <= span.start_s < span.end_s <= duration_s + 1e-9 for span in found)
    assert all(0 <= score <= 1 for span in found for score in (span.segmentation, span.silero))
    for said in spans(other, duration_s):
        assert covered(found, [said]) == pytest.approx(said.end_s - said.start_s, abs=1e-6)
    either = [*spans(one, duration_s), *spans(other, duration_s)]
    for span in found:
        assert any(said.start_s < span.end_s and span.start_s < said.end_s for said in either)


@given(heard)
def test_detectors_that_agree_cut_nothing(said: list[tuple[float, float]]) -> None:
    """The same scores twice give the spans of one detector."""
    duration_s = len(scores(*said).values) * STEP_S
    found = speech(scores(*said), scores(*said), duration_s)
    assert [(span.start_s, span.end_s) for span in found] == [
        (span.start_s, span.end_s) for span in spans(scores(*said), duration_s)
    ]


def test_what_one_detector_hears_alone_is_long_enough_to_matter() -> None:
    """No span that touches its neighbour is shorter than half a second, but for what is left at an end."""
    rng = np.random.default_rng(7)
    one = Scores(rng.uniform(0, 1, 3000).astype(np.float32), STEP_S / 2, STEP_S)
    other = Scores(rng.uniform(0.3, 1, 3000).astype(np.float32), STEP_S / 2, STEP_S)
    found = speech(one, other, 60.0)
    starts = [span.start_s for span in found]
    for earlier, after in itertools.pairwise(found):
        if earlier.end_s == after.start_s:
            assert earlier.end_s - earlier.start_s >= MIN_PART_S, starts


def test_without_sound_there_is_no_speech() -> None:
    """No scores, no spans."""
    nothing = Scores(np.zeros(0, np.float32), 0.01, 0.02)
    assert speech(nothing, nothing, 0.0) == ()
    assert stretches((), 0.0) == ()


# Silero


@pytest.fixture(scope="module")
def conversation() -> NDArray[np.float32]:
    """A synthesised conversation, 16 kHz mono."""
    samples, rate_hz = soundfile.read(CONVERSATION, dtype="float32")
    assert rate_hz == RATE_HZ
    return np.asarray(samples, np.float32)


def sounding(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(windows,) which of Silero's windows are louder than -40 dBFS."""
    blocks = samples[: len(samples) // 512 * 512].reshape(-1, 512)
    return np.asarray(np.sqrt(np.mean(np.square(blocks), axis=1)) > 0.01)


def test_silero_hears_the_speech_in_a_recording(conversation: NDArray[np.float32]) -> None:
    """Of a conversation it hears nine tenths of what is loud, a window each 32 ms."""
    found = activity.silero(conversation)
    assert len(found.values) == -(-len(conversation) // 512)
    loud = sounding(conversation)
    assert np.mean(found.values[: len(loud)][loud] > 0.5) > 0.9


def test_the_level_of_a_recording_does_not_matter_to_silero(conversation: NDArray[np.float32]) -> None:
    """60 dB quieter, where Silero by itself hears nothing, the scores are nearly the same."""
    loud, quiet = (activity.silero(conversation * gain).values > 0.5 for gain in (np.float32(1), np.float32(1e-3)))
    assert np.mean(loud == quiet) > 0.97


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_silero_hears_nothing_where_nobody_speaks(kind: str) -> None:
    """Ten seconds of zeros, of white noise and of a tone that begins at once: not half a second of speech."""
    t = np.arange(10 * RATE_HZ) / RATE_HZ
    made = {
        "silence": 0 * t,
        "noise": 0.03 * np.random.default_rng(3).standard_normal(len(t)),
        "tone": 0.2 * np.sin(2 * np.pi * 440 * t),
    }
    assert activity.silero(made[kind].astype(np.float32)).values.max() < 0.5


def test_silero_takes_recordings_of_any_length() -> None:
    """No sample, one, and a window and one: as many scores as windows begin."""
    assert [len(activity.silero(np.full(n, 0.1, np.float32)).values) for n in (0, 1, 512, 513)] == [0, 1, 1, 2]


# A late beginning


def test_silence_that_nobody_recorded_is_left_out() -> None:
    """Zeros before the sound are counted in whole frames; a microphone's noise is not silence."""
    rng = np.random.default_rng(1)
    sound = 0.1 * rng.standard_normal(RATE_HZ).astype(np.float32)
    sound[0] = 0.1
    assert leading_silence(np.concatenate([np.zeros(100 * HOP, np.float32), sound])) == 100 * HOP
    noise = 1e-4 * rng.standard_normal(100 * HOP).astype(np.float32)
    assert leading_silence(np.concatenate([noise, sound])) == 0
    assert leading_silence(sound) == 0
    assert leading_silence(np.zeros(1000, np.float32)) == 0
    assert leading_silence(np.zeros(0, np.float32)) == 0


def test_a_recording_that_begins_later_is_heard_the_same(conversation: NDArray[np.float32]) -> None:
    """3.21 s of zeros in front move nothing but the times."""
    late = np.concatenate([np.zeros(321 * HOP, np.float32), conversation])
    skipped = leading_silence(late) - leading_silence(conversation)
    assert skipped == 321 * HOP
    first, second = (activity.silero(samples[leading_silence(samples) :]).values for samples in (conversation, late))
    assert np.array_equal(first, second)
    span = Speech(start_s=1.0, end_s=2.0, segmentation=0.5, silero=0.5)
    assert later([span], 3.21) == (Speech(start_s=4.21, end_s=5.21, segmentation=0.5, silero=0.5),)


# Stretches


def test_stretches_are_few() -> None:
    """Pauses of up to 5 s are bridged while there is room, longer ones are not."""
    said = (
        Span(start_s=1, end_s=2),
        Span(start_s=2.5, end_s=3),
        Span(start_s=7.5, end_s=9),
        Span(start_s=20, end_s=21),
    )
    assert stretches(said, 30.0) == (
        Span(start_s=1 - PADDING_S, end_s=9 + PADDING_S),
        Span(start_s=20 - PADDING_S, end_s=21 + PADDING_S),
    )


def test_what_fits_at_once_is_taken_at_once() -> None:
    """Thirty seconds of speech without a pause in a recording of thirty seconds are one stretch."""
    assert stretches((Span(start_s=0.02, end_s=30.0),), 30.0) == (Span(start_s=0.0, end_s=30.0),)


def test_a_long_run_is_cut_at_its_longest_pause() -> None:
    """Fifty seconds with pauses of 0.1 s and one of 0.5 s are cut at the latter, not where the room ends."""
    edges = [(0.0, 14.9), (15.0, 24.0), (24.5, 28.9), (29.0, 50.0)]
    cut = stretches(tuple(Span(start_s=start, end_s=end) for start, end in edges), 50.0)
    assert len(cut) == 2
    assert 24.0 <= cut[0].end_s <= cut[1].start_s <= 24.5


def test_a_good_pause_is_worth_more_than_a_full_stretch() -> None:
    """Of two ways to cut into two, the one whose pause is longest is taken."""
    edges = [(0.0, 20.0), (20.8, 28.0), (28.1, 45.0)]
    cut = stretches(tuple(Span(start_s=start, end_s=end) for start, end in edges), 45.0)
    assert [round(stretch.start_s, 2) for stretch in cut] == [0.0, 20.6]


def test_speech_without_a_pause_is_cut_where_the_detectors_doubt_it() -> None:
    """Forty seconds on end, with a dip of the scores that is no pause: the cut lies in the dip."""
    dipped = scores((0.95, 22.0), (0.6, 0.2), (0.95, 17.8))
    said = speech(dipped, dipped, 40.0)
    cut = stretches(said, 40.0, scores=(dipped, dipped))
    assert len(cut) == 2
    assert cut[0].end_s == cut[1].start_s
    assert 22.0 <= cut[0].end_s <= 22.2


def covered(found: tuple[Speech, ...] | tuple[Span, ...], said: list[Span]) -> float:
    """How many seconds of speech lie in what was found, each counted as often as it does."""
    return sum(
        max(0.0, min(span.end_s, stretch.end_s) - max(span.start_s, stretch.start_s))
        for span in said
        for stretch in found
    )


@st.composite
def said_spans(draw: st.DrawFn) -> tuple[list[Span], float]:
    """Ordered, disjoint spans, some much too long and some that touch, and the duration of their recording."""
    found, now = [], 0.0
    for _ in range(draw(st.integers(0, 12))):
        start = now + draw(st.sampled_from([0.0, 0.1, 0.5, 2.0, 7.0]) | st.floats(0.1, 3))
        now = start + draw(st.floats(0.1, 80))
        found.append(Span(start_s=start, end_s=now))
    return found, now + draw(st.floats(0, 1))


@given(said_spans(), st.sampled_from([8.0, 15.0, LONGEST_S]), st.booleans())
def test_stretches_hold_all_speech_once_within_bounds(
    given_speech: tuple[list[Span], float], longest_s: float, scored: bool
) -> None:
    """Stretches are ordered and disjoint, none too long, and together hold every second of speech exactly once."""
    found, duration_s = given_speech
    known = scores(*[(0.6 + 0.3 * (index % 7) / 7, 0.3) for index in range(int(duration_s / 0.3) + 1)])
    cut = stretches(found, duration_s, longest_s, scores=(known,) if scored else ())
    for earlier, after in itertools.pairwise(cut):
        assert earlier.end_s <= after.start_s + 1e-9
    for stretch in cut:
        assert 0 <= stretch.start_s < stretch.end_s <= duration_s
        assert stretch.end_s - stretch.start_s <= longest_s + 1e-6
    assert abs(covered(cut, found) - sum(span.end_s - span.start_s for span in found)) < 1e-6


@given(said_spans(), st.lists(st.floats(0, 300), max_size=5))
def test_no_stretch_bridges_a_border(given_speech: tuple[list[Span], float], times_s: list[float]) -> None:
    """Where the language changes a stretch ends, and all speech is still held once."""
    found, duration_s = given_speech
    borders = sorted(times_s)
    cut = stretches(found, duration_s, borders=borders)
    assert abs(covered(cut, found) - sum(span.end_s - span.start_s for span in found)) < 1e-6
    for stretch, border in itertools.product(cut, borders):
        if stretch.start_s < border < stretch.end_s:
            before = Span(start_s=stretch.start_s, end_s=border)
            after = Span(start_s=border, end_s=stretch.end_s)
            assert min(covered((before,), found), covered((after,), found)) < 1e-6


def test_a_stretch_is_split_at_its_longest_pause() -> None:
    """In the middle of the pause, if both halves are worth asking; else, and without a pause, not at all."""
    stretch = Span(start_s=0.0, end_s=10.0)
    said = [Span(start_s=0.0, end_s=1.0), Span(start_s=3.0, end_s=5.0), Span(start_s=5.6, end_s=9.8)]
    assert split(stretch, said) == (Span(start_s=0.0, end_s=2.0), Span(start_s=2.0, end_s=10.0))
    assert split(stretch, said[1:]) == (Span(start_s=0.0, end_s=5.3), Span(start_s=5.3, end_s=10.0))
    assert split(stretch, [stretch]) == ()
    assert split(Span(start_s=0.0, end_s=3.0), [Span(start_s=0.0, end_s=1.0), Span(start_s=1.5, end_s=3.0)]) == ()
