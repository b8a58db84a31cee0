"""Sound about its mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from ecg_audio.analysis import FRAME_COLUMNS
from ecg_audio.voice.frames import measure
from ecg_audio.voice.highpass import CORNER_HZ, about_mean
from ecg_audio.voice.spans import Aggregator

RATE_HZ = 16_000


def whole(blocks):
    """All of it."""
    return np.concatenate([*about_mean(blocks), np.zeros(0, np.float32)])


def voice(seconds, rate=RATE_HZ):
    """Three syllables a second of a buzz at 120 Hz, over a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    noise = 0.002 * np.random.default_rng(0).normal(size=len(t))
    return (0.1 * np.maximum(0.0, np.sin(3 * np.pi * t)) ** 2 * buzz + noise).astype(np.float32)


def figures(samples):
    """Level, zero crossings and centroid of the three parts of 6 s, and F0."""
    batches = list(measure([samples.astype(np.float32)]))
    frames = {name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}
    found = Aggregator(frames).over(np.array([0.5, 2.0, 4.0]), np.array([1.5, 3.5, 5.5]))
    return 20 * np.log10(found.rms), found.mean("zero_crossing_rate"), found.mean("spectral_centroid_hz"), found


def test_it_is_the_textbook_filter():
    """The samples are those of a first-order high-pass at 5 Hz, by scipy, that begins settled on the first mean."""
    samples = voice(3) + np.float32(0.2)
    pole = np.exp(-2 * np.pi * CORNER_HZ / RATE_HZ)
    expected = lfilter([1.0, -1.0], [1.0, -pole], samples - samples[:RATE_HZ].mean())
    expected[0] = samples[0] - samples[:RATE_HZ].mean()
    assert np.abs(whole([samples]) - expected).max() < 1e-5


@pytest.mark.parametrize("offset", [0.05, 0.4, -0.3])
def test_an_offset_changes_no_figure(offset):
    """A direct current of 5 or 40 % of full scale leaves levels within 0.05 dB, crossings, centroid and F0 alone."""
    plain, shifted = figures(voice(6)), figures(voice(6) + np.float32(offset))
    assert shifted[0] == pytest.approx(plain[0], abs=0.05)
    assert shifted[1] == pytest.approx(plain[1], rel=0.01)
    assert shifted[2] == pytest.approx(plain[2], rel=0.01)
    assert shifted[3].f0_median_hz == pytest.approx(plain[3].f0_median_hz, rel=1e-3)


def test_a_slow_drift_changes_no_level():
    """An offset that wanders by 5 % of full scale every 5 s leaves the level of a voice within 0.1 dB."""
    t = np.arange(6 * RATE_HZ) / RATE_HZ
    drifting = voice(6) + 0.05 * np.sin(2 * np.pi * 0.2 * t)
    assert figures(drifting)[0] == pytest.approx(figures(voice(6))[0], abs=0.1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=6))
def test_cutting_into_blocks_changes_nothing(sizes):
    """However the samples are cut into blocks, the result has the same bits, and as many of them."""
    samples = np.random.default_rng(1).normal(size=sum(sizes)).astype(np.float32)
    cuts = np.cumsum(sizes)[:-1]
    assert np.array_equal(whole(np.split(samples, cuts)), whole([samples]))
    assert len(whole([samples])) == len(samples)


def test_digital_silence_stays_silence():
    """After a voice the filter does not ring on into zeros."""
    samples = np.concatenate([voice(1), np.zeros(RATE_HZ, np.float32)])
    assert not whole([samples])[RATE_HZ + 16 :].any()


def test_nothing_gives_nothing():
    """Without samples there are none."""
    assert len(whole([])) == 0
