"""Blocks with time stamps become one unbroken row of samples in time."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.media.timeline import TOLERANCE_S, Timeline
from ecg_audio.sampling import RATE_HZ

RATES = st.sampled_from([8000, 16000, 22050, 44100, 48000])


def laid(timeline, blocks):
    """Everything that comes out for (start_s, samples, rate) blocks."""
    parts = [part for block in blocks for part in timeline.place(*block)]
    return np.concatenate([*parts, *timeline.finish(), np.zeros(0, np.float32)])


def ones(count):
    """A block that is not silence."""
    return np.ones(count, np.float32)


@settings(max_examples=25, deadline=None)
@given(RATES, st.lists(st.integers(1, 12_000), min_size=1, max_size=10))
def test_cutting_into_blocks_changes_nothing(rate, sizes):
    """However the samples are cut into blocks, the result is what soxr gives for the whole, exact to the sample."""
    whole = np.random.default_rng(len(sizes)).standard_normal(sum(sizes)).astype(np.float32)
    begins = np.cumsum([0, *sizes])
    blocks = [(b / rate, whole[b : b + n], rate) for b, n in zip(begins, sizes, strict=False)]
    got = laid(Timeline(), blocks)
    expected = whole if rate == RATE_HZ else soxr.resample(whole, rate, RATE_HZ, "HQ")
    assert len(got) == round(len(whole) * RATE_HZ / rate)
    shared = min(len(got), len(expected))
    assert np.abs(got[:shared] - expected[:shared]).max(initial=0) < 1e-5


@settings(max_examples=25, deadline=None)
@given(RATES, st.floats(0, 5), st.floats(0.1, 5))
def test_every_block_lies_where_its_time_stamp_says(rate, first_s, gap_s):
    """Silence fills what lies before the first block and between the blocks, to within the tolerance."""
    second_s = first_s + 0.5 + gap_s
    timeline = Timeline()
    got = laid(timeline, [(first_s, ones(rate // 2), rate), (second_s, ones(rate // 2), rate)])
    assert timeline.start_offset_s == pytest.approx(first_s, abs=1 / rate)
    assert timeline.filled_s == pytest.approx(gap_s, abs=2 / rate)
    assert len(got) == pytest.approx((second_s + 0.5) * RATE_HZ, abs=2)
    middle = got[round((first_s + 0.55) * RATE_HZ) : round((second_s - 0.05) * RATE_HZ)]
    assert not len(middle) or np.abs(middle).max() < 0.01


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-TOLERANCE_S / 3, TOLERANCE_S / 3), min_size=1, max_size=30))
def test_jitter_is_ignored(jitter):
    """Time stamps that only jitter neither add nor remove a sample."""
    blocks = [(max(0.0, index * 0.1 + shift), ones(1600), 16000) for index, shift in enumerate([0.0, *jitter])]
    assert np.array_equal(laid(Timeline(), blocks), ones(1600 * len(blocks)))


def test_small_shifts_do_not_add_up():
    """A clock that runs slow by 1 % stays in time: the missing samples are filled in."""
    blocks = [(index * 0.101, ones(1600), 16000) for index in range(100)]
    assert len(laid(Timeline(), blocks)) / RATE_HZ == pytest.approx(10.1, abs=TOLERANCE_S + 0.01)


def test_what_lies_before_the_beginning_is_dropped():
    """Samples with negative times (a codec's delay, a cut by an edit list) are not part of the recording."""
    blocks = [(-0.15, ones(1600), 16000), (-0.05, ones(1600), 16000), (0.05, ones(1600), 16000)]
    timeline = Timeline()
    assert len(laid(timeline, blocks)) == 2400
    assert timeline.start_offset_s == 0.0


def test_overlaps_are_dropped():
    """A block that begins before the last one ended gives only what is new."""
    assert len(laid(Timeline(), [(0.0, ones(16000), 16000), (0.5, ones(16000), 16000)])) == 24000


@pytest.mark.parametrize("restart_s", [0.0, 95_443.7])
def test_a_clock_that_restarts(restart_s):
    """Where a stream's clock jumps, the sound goes on."""
    blocks = [(50.0, ones(16000), 16000), (restart_s, ones(16000), 16000), (restart_s + 1, ones(16000), 16000)]
    timeline = Timeline(may_restart=True)
    assert len(laid(timeline, blocks)) == 53 * 16000


def test_a_time_stamp_beyond_the_end_is_not_believed():
    """One damaged time stamp does not become hours of silence, nor move what comes after it."""
    blocks = [(0.0, ones(16000), 16000), (7200.0, ones(16000), 16000), (2.0, ones(16000), 16000)]
    assert len(laid(Timeline(ends_s=3.0), blocks)) == 48000


def test_the_rate_may_change():
    """A stream that changes its sample rate keeps its time."""
    blocks = [(0.0, ones(44100), 44100), (1.0, ones(24000), 48000), (1.5, ones(8000), 16000)]
    assert len(laid(Timeline(), blocks)) == 32000


def test_blocks_without_time_stamps_follow_on():
    """A block without a time stamp comes right after the last one."""
    timeline = Timeline()
    assert len(laid(timeline, [(None, ones(800), 16000), (None, ones(800), 16000)])) == 1600
    assert timeline.start_offset_s == 0.0


def test_nothing_gives_nothing():
    """Without blocks there are no samples, and no offset is made up."""
    timeline = Timeline()
    assert len(laid(timeline, [])) == 0
    assert timeline.start_offset_s is None
