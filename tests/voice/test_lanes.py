"""Lanes: eight numbers at once do what one number does."""

import numpy as np
import pytest

from ecg_audio.voice.kernels.compiled import kernel
from ecg_audio.voice.kernels.lanes import (
    LANES,
    absolute,
    below,
    double,
    exponent,
    first_lane,
    larger,
    load,
    load_at,
    mantissa,
    moved,
    peaks,
    root,
    single,
    smaller,
    store,
    turn,
)

ROWS = 20


@kernel
def combine(x, y, out):
    """One row of `out` for each operation."""
    a, b = load(x, 1), load_at(y, 3)
    store(out, 0, a + b)
    store(out, 1, a - b)
    store(out, 2, a * b)
    store(out, 3, a / b)
    store(out, 4, a + 0.5)
    store(out, 5, 2.0 - a)
    store(out, 6, larger(a, b))
    store(out, 7, smaller(a, b))
    store(out, 8, absolute(a))
    store(out, 9, root(absolute(a)))
    store(out, 10, below(a, b))
    total = a
    total += b
    total *= 3.0
    store(out, 11, total)


@kernel
def split(x, out):
    """Exponents and mantissas of float32."""
    for index in range(len(x) // LANES):
        store(out, 2 * index, exponent(load(x, index)))
        store(out, 2 * index + 1, mantissa(load(x, index)))


@kernel
def convert(x, wide, narrow):
    """To double precision and back."""
    store(wide, 0, double(load(x, 0)) * double(1.0))
    store(narrow, 0, single(load(wide, 0)) + single(0.0))


@kernel
def mark(x, least, out):
    """The lanes of the middle row that are peaks, in order; -1 ends them."""
    marks = peaks(load(x, 0), load(x, 1), load(x, 2), single(least))
    count = 0
    while marks:
        out[count] = first_lane(marks)
        marks &= np.uint8(marks - np.uint8(1))
        count += 1
    out[count] = -1


@kernel
def neighbours(x, out):
    """The second eight numbers' neighbours."""
    store(out, 0, moved(load(x, 0), load(x, 1)))


@kernel
def square(x, out):
    """From the second number on, rows of 10, to rows of 9 from the third."""
    turn(x, 1, 10, out, 2, 9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arithmetic_is_that_of_single_numbers(dtype):
    """Every operator and function gives, lane by lane, numpy's own bits, in both precisions."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 3 * LANES)).astype(dtype)
    out = np.zeros(ROWS * LANES, dtype)
    combine(x, y, out)
    a, b = x[LANES : 2 * LANES], y[3 : 3 + LANES]
    expected = [a + b, a - b, a * b, a / b, a + dtype(0.5), dtype(2.0) - a, np.maximum(a, b), np.minimum(a, b)]
    expected += [np.abs(a), np.sqrt(np.abs(a)), (a < b).astype(dtype), (a + b) * dtype(3.0)]
    assert np.array_equal(out.reshape(ROWS, LANES)[: len(expected)], expected)


def test_exponent_and_mantissa_make_the_number():
    """A float32 is its mantissa, between sqrt(1/2) and sqrt(2), times two to its exponent."""
    x = np.exp(np.random.default_rng(1).uniform(-60, 60, 8 * LANES)).astype(np.float32)
    out = np.zeros(2 * len(x), np.float32)
    split(x, out)
    parts = out.reshape(-1, 2, LANES)
    exponents, mantissas = parts[:, 0].ravel(), parts[:, 1].ravel()
    assert np.array_equal(mantissas * np.exp2(exponents), x)
    assert mantissas.min() >= np.sqrt(0.5) - 1e-7
    assert mantissas.max() < np.sqrt(2.0)


def test_precision_changes_both_ways():
    """float32 survives the way to float64 and back."""
    x = np.random.default_rng(2).normal(size=LANES).astype(np.float32)
    wide, narrow = np.zeros(LANES), np.zeros(LANES, np.float32)
    convert(x, wide, narrow)
    assert np.array_equal(wide, x.astype(np.float64))
    assert np.array_equal(narrow, x)


def test_peaks_are_named_by_their_lane():
    """A lane is a peak where it tops what comes before, is not topped by what comes after, and is high enough."""
    before = [0, 0, 2, 0, 0, 1, 0, 0]
    here = [1, 1, 1, 1, 9, 1, 1, 5]
    after = [0, 2, 0, 1, 0, 0, 0, 9]
    out = np.zeros(LANES + 1, np.int64)
    mark(np.array([*before, *here, *after], np.float32), 0.5, out)
    assert out[: list(out).index(-1)].tolist() == [0, 3, 4, 6]


def test_neighbours_come_from_the_eight_before():
    """Each lane holds what the lane before it held, the first what the last of the eight before did."""
    out = np.zeros(LANES, np.float32)
    neighbours(np.arange(2 * LANES, dtype=np.float32), out)
    assert out.tolist() == list(range(LANES - 1, 2 * LANES - 1))


def test_a_square_is_turned():
    """Eight rows become columns, and nothing beside them is touched."""
    x, out = np.arange(82, dtype=np.float32), np.full(2 + 9 * LANES, -1, np.float32)
    square(x, out)
    rows = x[1:81].reshape(LANES, 10)[:, :LANES]
    assert np.array_equal(out[2:].reshape(LANES, 9)[:, :LANES], rows.T)
    assert (out == -1).sum() == len(out) - LANES * LANES
