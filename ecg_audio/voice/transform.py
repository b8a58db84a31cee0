"""Fourier transforms of many frames at once, one frame a lane.

A transform of one short frame keeps vector units poorly busy. Here the same element of `LANES` frames lies side by
side in memory, so every butterfly is the plain scalar formula done on full vectors, and all that follows (powers,
filters, logarithms, peaks) can go on in the same layout. Decimation in frequency, self-sorting after Stockham
(Cochran et al., "What is the fast Fourier transform?", Proc. IEEE 55(10), 1967): the lanes are its innermost stride.
"""

from typing import Any

import numpy as np

from ecg_audio.voice.compiled import kernel

Array = Any
U = np.uintp  # unsigned indices spare the compiler the question of negative ones


def roots(size: int) -> tuple[Array, Array]:
    """The roots of unity exp(-2 pi i k / size), k < size, as float32 cosines and sines."""
    angle = -2.0 * np.pi * np.arange(size) / size
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


@kernel
def _fourfold(xr: Array, xi: Array, yr: Array, yi: Array, size: Any, stride: Any, cos: Array, sin: Array) -> None:
    """One radix-4 pass over transforms of `size`, from x to y."""
    quarter = size // U(4)
    step = U(len(cos)) // size
    for p in range(quarter):
        k = p * step
        r1, i1 = cos[k], sin[k]
        r2, i2 = cos[k + k], sin[k + k]
        r3, i3 = cos[k + k + k], sin[k + k + k]
        a = stride * p
        b = a + stride * quarter
        c = b + stride * quarter
        d = c + stride * quarter
        e = stride * U(4) * p
        f = e + stride
        g = f + stride
        h = g + stride
        for q in range(stride):
            sum_r, sum_i = xr[a + q] + xr[c + q], xi[a + q] + xi[c + q]
            difference_r, difference_i = xr[a + q] - xr[c + q], xi[a + q] - xi[c + q]
            odd_r, odd_i = xr[b + q] + xr[d + q], xi[b + q] + xi[d + q]
            turned_r, turned_i = xi[b + q] - xi[d + q], xr[d + q] - xr[b + q]
            yr[e + q] = sum_r + odd_r
            yi[e + q] = sum_i + odd_i
            r, i = difference_r + turned_r, difference_i + turned_i
            yr[f + q] = r * r1 - i * i1
            yi[f + q] = r * i1 + i * r1
            r, i = sum_r - odd_r, sum_i - odd_i
            yr[g + q] = r * r2 - i * i2
            yi[g + q] = r * i2 + i * r2
            r, i = difference_r - turned_r, difference_i - turned_i
            yr[h + q] = r * r3 - i * i3
            yi[h + q] = r * i3 + i * r3


@kernel
def _twofold(xr: Array, xi: Array, yr: Array, yi: Array, stride: Any) -> None:
    """The last pass of sizes that are not powers of four."""
    for q in range(stride):
        ar, ai, br, bi = xr[q], xi[q], xr[stride + q], xi[stride + q]
        yr[q] = ar + br
        yi[q] = ai + bi
        yr[stride + q] = ar - br
        yi[stride + q] = ai - bi


@kernel
def transform(xr: Array, xi: Array, yr: Array, yi: Array, lanes: int, cos: Array, sin: Array) -> bool:
    """Complex transforms of `len(cos)` points (a power of two) of `lanes` frames; x is overwritten.

    Args:
        xr: real parts, float32, element k of lane l at k * lanes + l.
        xi: imaginary parts.
        yr: work space of the same shape.
        yi: work space of the same shape.
        lanes: frames side by side.
        cos: from `roots`.
        sin: from `roots`.

    Returns:
        Whether the result lies in y (else in x).
    """
    size = U(len(cos))
    stride = U(lanes)
    in_y = False
    while size > U(1):
        if in_y:
            ar, ai, br, bi = yr, yi, xr, xi
        else:
            ar, ai, br, bi = xr, xi, yr, yi
        if size >= U(4):
            _fourfold(ar, ai, br, bi, size, stride, cos, sin)
            size //= U(4)
            stride *= U(4)
        else:
            _twofold(ar, ai, br, bi, stride)
            size = U(1)
        in_y = not in_y
    return in_y


@kernel
def powers(zr: Array, zi: Array, lanes: int, cos: Array, sin: Array, power: Array) -> None:
    """Power spectra of real frames from the half-size transforms of their samples taken as (even, odd) pairs.

    Args:
        zr: real parts of the half-size transforms, as `transform` leaves them.
        zi: imaginary parts.
        lanes: frames side by side.
        cos: roots of the whole size N.
        sin: roots of the whole size N.
        power: out, N / 2 + 1 bins, float32.
    """
    half = U(len(cos)) // U(2)
    stride = U(lanes)
    for k in range(half // U(2) + U(1)):
        mirror = half - k
        wr, wi = cos[k], sin[k]
        a = k * stride
        b = (mirror % half) * stride
        c = mirror * stride
        for q in range(stride):
            even_r = np.float32(0.5) * (zr[a + q] + zr[b + q])
            even_i = np.float32(0.5) * (zi[a + q] - zi[b + q])
            odd_r = np.float32(0.5) * (zr[a + q] - zr[b + q])
            odd_i = np.float32(0.5) * (zi[a + q] + zi[b + q])
            # the spectrum at k is even - i w odd, at the mirror the conjugate of even + i w odd
            r = -(odd_r * wi + odd_i * wr)
            i = odd_r * wr - odd_i * wi
            low_r, low_i = even_r - r, even_i - i
            high_r, high_i = even_r + r, even_i + i
            power[a + q] = low_r * low_r + low_i * low_i
            power[c + q] = high_r * high_r + high_i * high_i


@kernel
def fold(power: Array, lanes: int, cos: Array, sin: Array, zr: Array, zi: Array) -> None:
    """Prepare the way back from power spectra to autocorrelations: the half-size spectra of their (even, odd) lags.

    The forward `transform` of (zi, zr), real and imaginary parts exchanged, then holds N times the autocorrelation,
    the odd lags in its real part and the even ones in its imaginary part.
    """
    half = U(len(cos)) // U(2)
    stride = U(lanes)
    for k in range(half // U(2) + U(1)):
        mirror = half - k
        wr, wi = cos[k], -sin[k]
        a = k * stride
        c = mirror * stride
        b = (mirror % half) * stride
        for q in range(stride):
            total = power[a + q] + power[c + q]
            difference = power[a + q] - power[c + q]
            if mirror < half:
                zr[b + q] = total + difference * wi
                zi[b + q] = difference * wr
            zr[a + q] = total - difference * wi
            zi[a + q] = difference * wr
