"""Frames: what the one pass over the samples yields."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import FRAME_COLUMNS, Span
from ecg_audio.errors import MeasurementFailed
from ecg_audio.voice.frames import BATCH, measure

RATE_HZ = 16_000


def measured(samples, **options):
    """All frames of `samples`, column by column."""
    batches = list(measure([np.asarray(samples, np.float32)], **options))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}


def same(one, other):
    """Whether two recordings' frames agree in every bit."""
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in FRAME_COLUMNS)


@pytest.fixture(scope="module")
def mixed():
    """45 s of tones, noise and silence: more than two batches."""
    random = np.random.default_rng(1)
    t = np.arange(45 * RATE_HZ) / RATE_HZ
    voice = np.sin(2 * np.pi * np.cumsum(120 + 40 * np.sin(t)) / RATE_HZ) * (np.sin(3 * t) > -0.3)
    return (0.3 * voice + 0.01 * random.normal(size=len(t)) * (np.sin(0.7 * t) > -0.5)).astype(np.float32)


@pytest.fixture(scope="module")
def whole(mixed):
    """Its frames, from one block on one core."""
    return measured(mixed, threads=1)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 45 * RATE_HZ), max_size=12), threads=st.integers(1, 3))
def test_blocks_of_any_size_give_the_same_bits(mixed, whole, cuts, threads):
    """However the samples are cut into blocks, and on however many cores, every bit of every column is the same."""
    edges = [0, *sorted(cuts), len(mixed)]
    blocks = (mixed[a:b] for a, b in itertools.pairwise(edges))
    batches = list(measure(blocks, threads=threads))
    assert same({name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}, whole)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, BATCH * 160 - 1, BATCH * 160, BATCH * 160 + 1])
def test_a_frame_every_ten_milliseconds(samples):
    """Any n samples give 1 + n // 160 frames, all columns alike, also around the edges of a batch."""
    frames = measured(np.full(samples, 0.1))
    assert {len(column) for column in frames.values()} == {1 + samples // 160}
    assert all(column.dtype == np.float32 for column in frames.values())


def test_nothing_in_nothing_out():
    """A recording without samples has no frames."""
    assert list(measure([])) == []


def test_digital_silence_is_absent():
    """Zeros have a level of zero and nothing else: no dBFS, no spectrum, no pitch."""
    frames = measured(np.zeros(RATE_HZ))
    assert not frames["rms"].any()
    assert not frames["peak"].any()
    for name in set(FRAME_COLUMNS) - {"rms", "peak"}:
        assert np.isnan(frames[name]).all(), name


@pytest.mark.parametrize("block", [np.zeros(10), np.zeros((2, 10), np.float32), np.full(10, np.nan, np.float32)])
def test_what_is_not_sound_is_refused(block):
    """Other types, other shapes and numbers that are none end with a named error."""
    with pytest.raises(MeasurementFailed):
        list(measure([block]))


def test_no_column_is_a_constant(mixed):
    """Between noise, a tone, a quiet tone and silence every figure moves: none is made up."""
    random = np.random.default_rng(3)
    t = np.arange(RATE_HZ) / RATE_HZ
    sounds = [
        0.1 * random.normal(size=RATE_HZ),
        0.3 * np.sin(2 * np.pi * 130 * t) + 0.002 * random.normal(size=RATE_HZ),
        0.1 * np.sign(np.sin(2 * np.pi * 310 * t)) + 0.02 * random.normal(size=RATE_HZ),
        np.zeros(RATE_HZ),
    ]
    spans = [(Span(start_s=0.2, end_s=0.5),), (), (), ()]
    frames = [measured(sound, clipped=clipped) for sound, clipped in zip(sounds, spans, strict=True)]
    for name in FRAME_COLUMNS:
        means = {round(float(np.mean(column)), 4) for f in frames if len(column := f[name][np.isfinite(f[name])])}
        assert len(means) >= 2, f"{name} is {means} for everything"
