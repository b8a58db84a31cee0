"""Fourier transforms of eight frames at once, one frame a lane.

The transform of one short frame keeps vector units poorly busy. With eight frames side by side every butterfly is the
plain scalar formula, and all that follows (powers, filters, logarithms, peaks) goes on in the same layout. Decimation
in frequency by four, self-sorting after Stockham (Cochran et al., "What is the fast Fourier transform?", Proc. IEEE
55(10), 1967). Arrays are flat, element k of lane l at 8 k + l; float32 and float64 share the code.
"""

from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.kernels.compiled import part
from ecg_audio.voice.kernels.lanes import Lanes, load, room, store

Array = Any


class Scratch(NamedTuple):
    """What a kernel that goes to the spectrum and back works in: float32."""

    ar: Array  # (size / 2 * LANES,), as the next three
    ai: Array
    br: Array
    bi: Array
    power: Array  # ((size / 2 + 1) * LANES,)


def scratch(size: int) -> Scratch:
    """Room for one thread and transforms of `size` points."""
    ar, ai, br, bi = (room(size // 2, np.float32) for _ in range(4))
    return Scratch(ar, ai, br, bi, room(size // 2 + 1, np.float32))


def roots(size: int, dtype: type = np.float32) -> tuple[Array, Array]:
    """The roots of unity exp(-2 pi i k / size), k < size, as cosines and sines."""
    angle = -2.0 * np.pi * np.arange(size) / size
    return np.cos(angle).astype(dtype), np.sin(angle).astype(dtype)


@part
def _fourfold(xr: Array, xi: Array, yr: Array, yi: Array, size: int, stride: int, cos: Array, sin: Array) -> None:
    """One pass by four over `stride` interleaved transforms of `size`, from x to y."""
    quarter = size // 4
    for p in range(quarter):
        k = p * (len(cos) // size)
        r1, i1 = cos[k], sin[k]
        r2, i2 = cos[2 * k], sin[2 * k]
        r3, i3 = cos[3 * k], sin[3 * k]
        a = stride * p
        b, c, d = a + stride * quarter, a + 2 * stride * quarter, a + 3 * stride * quarter
        out = 4 * a
        for q in range(stride):
            ar, ai, br, bi = load(xr, a + q), load(xi, a + q), load(xr, b + q), load(xi, b + q)
            cr, ci, dr, di = load(xr, c + q), load(xi, c + q), load(xr, d + q), load(xi, d + q)
            even_r, even_i, odd_r, odd_i = ar + cr, ai + ci, br + dr, bi + di
            store(yr, out + q, even_r + odd_r)
            store(yi, out + q, even_i + odd_i)
            r, i = even_r - odd_r, even_i - odd_i
            store(yr, out + 2 * stride + q, r * r2 - i * i2)
            store(yi, out + 2 * stride + q, r * i2 + i * r2)
            even_r, even_i, odd_r, odd_i = ar - cr, ai - ci, bi - di, dr - br
            r, i = even_r + odd_r, even_i + odd_i
            store(yr, out + stride + q, r * r1 - i * i1)
            store(yi, out + stride + q, r * i1 + i * r1)
            r, i = even_r - odd_r, even_i - odd_i
            store(yr, out + 3 * stride + q, r * r3 - i * i3)
            store(yi, out + 3 * stride + q, r * i3 + i * r3)


@part
def _twofold(xr: Array, xi: Array, yr: Array, yi: Array, stride: int) -> None:
    """The last pass of sizes that are not powers of four."""
    for q in range(stride):
        ar, ai, br, bi = load(xr, q), load(xi, q), load(xr, stride + q), load(xi, stride + q)
        store(yr, q, ar + br)
        store(yi, q, ai + bi)
        store(yr, stride + q, ar - br)
        store(yi, stride + q, ai - bi)


@part
def transform(xr: Array, xi: Array, yr: Array, yi: Array, cos: Array, sin: Array) -> tuple[Array, Array]:
    """Complex transforms of `len(cos)` points, a power of two.

    Args:
        xr: real parts; overwritten.
        xi: imaginary parts; overwritten.
        yr: work space of the same shape.
        yi: work space of the same shape.
        cos: from `roots`.
        sin: from `roots`.

    Returns:
        Real and imaginary parts of the result: (xr, xi) or (yr, yi).
    """
    size = len(cos)
    while size >= 4:
        _fourfold(xr, xi, yr, yi, size, len(cos) // size, cos, sin)
        xr, xi, yr, yi = yr, yi, xr, xi
        size //= 4
    if size == 2:
        _twofold(xr, xi, yr, yi, len(cos) // 2)
        return yr, yi
    return xr, xi


def order(size: int) -> Array:
    """Where `transform_in_place` leaves each of its results, int64, (size,): at the number with its digits turned."""
    places, found = np.arange(size), np.zeros(size, np.int64)
    for _ in range(round(np.log2(size) / 2)):
        found, places = 4 * found + places % 4, places // 4
    return found


@part
def transform_in_place(re: Array, im: Array, cos: Array, sin: Array) -> None:
    """Complex transforms of `len(cos)` points, a power of four, in half the memory: float64 then fits a near cache.

    Args:
        re: real parts; then the results' real parts, in the order of `order`.
        im: imaginary parts; likewise.
        cos: from `roots`.
        sin: from `roots`.
    """
    points = len(cos)
    size = points
    while size >= 4:
        quarter = size // 4
        for p in range(quarter):
            k = p * (points // size)
            r1, i1 = cos[k], sin[k]
            r2, i2 = cos[2 * k], sin[2 * k]
            r3, i3 = cos[3 * k], sin[3 * k]
            for a in range(p, points, size):
                b, c, d = a + quarter, a + 2 * quarter, a + 3 * quarter
                ar, ai, br, bi = load(re, a), load(im, a), load(re, b), load(im, b)
                cr, ci, dr, di = load(re, c), load(im, c), load(re, d), load(im, d)
                even_r, even_i, odd_r, odd_i = ar + cr, ai + ci, br + dr, bi + di
                store(re, a, even_r + odd_r)
                store(im, a, even_i + odd_i)
                r, i = even_r - odd_r, even_i - odd_i
                store(re, c, r * r2 - i * i2)
                store(im, c, r * i2 + i * r2)
                even_r, even_i, odd_r, odd_i = ar - cr, ai - ci, bi - di, dr - br
                r, i = even_r + odd_r, even_i + odd_i
                store(re, b, r * r1 - i * i1)
                store(im, b, r * i1 + i * r1)
                r, i = even_r - odd_r, even_i - odd_i
                store(re, d, r * r3 - i * i3)
                store(im, d, r * i3 + i * r3)
        size = quarter


@part
def ordered_powers(zr: Array, zi: Array, order: Array, cos: Array, sin: Array, power: Array) -> None:
    """As `powers`, of what `transform_in_place` has left in its `order`."""
    half = len(cos) // 2
    for k in range(half // 2 + 1):
        mirror = half - k
        low, high = pair_power(zr, zi, order[k], order[mirror % half], cos[k], sin[k])
        store(power, k, low)
        store(power, mirror, high)


@part
def pair_power(zr: Array, zi: Array, k: int, mirror: int, wr: float, wi: float) -> tuple[Lanes, Lanes]:
    """The powers of two bins that mirror each other, by where their half-size transforms lie."""
    ar, ai = load(zr, k), load(zi, k)
    br, bi = load(zr, mirror), load(zi, mirror)
    even_r, even_i, odd_r, odd_i = ar + br, ai - bi, ar - br, ai + bi
    # the spectrum at k is (even - i w odd) / 2, at the mirror the conjugate of (even + i w odd) / 2
    r, i = odd_r * wi + odd_i * wr, odd_r * wr - odd_i * wi
    low_r, low_i, high_r, high_i = even_r + r, even_i - i, even_r - r, even_i + i
    return (low_r * low_r + low_i * low_i) * 0.25, (high_r * high_r + high_i * high_i) * 0.25


@part
def powers(zr: Array, zi: Array, cos: Array, sin: Array, power: Array) -> None:
    """Power spectra of real frames from the half-size transforms of their samples taken as (even, odd) pairs.

    Args:
        zr: real parts of the half-size transforms.
        zi: imaginary parts.
        cos: roots of the whole size N.
        sin: roots of the whole size N.
        power: out, N / 2 + 1 bins.
    """
    half = len(cos) // 2
    for k in range(half // 2 + 1):
        mirror = half - k
        low, high = pair_power(zr, zi, k, mirror % half, cos[k], sin[k])
        store(power, k, low)
        store(power, mirror, high)


@part
def fold(power: Array, cos: Array, sin: Array, zr: Array, zi: Array) -> None:
    """Prepare the way back from power spectra to autocorrelations: half-size spectra of their (even, odd) lags.

    The `transform` of (zi, zr), real and imaginary parts exchanged, then holds N times the autocorrelation, the odd
    lags in its real part and the even ones in its imaginary part.
    """
    half = len(cos) // 2
    for k in range(half // 2 + 1):
        mirror = half - k
        low, high = load(power, k), load(power, mirror)
        total, difference = low + high, low - high
        if mirror < half:
            store(zr, mirror, total - difference * sin[k])
            store(zi, mirror, difference * cos[k])
        store(zr, k, total + difference * sin[k])
        store(zi, k, difference * cos[k])
