"""What the 32 ms spectrum of a frame tells: centroid, rolloff, flatness and mel-frequency cepstrum.

The definitions are librosa's (0.11, magnitude spectrum, periodic Hann, 40 Slaney mels, orthonormal DCT), with one
difference: levels have an absolute floor and no `top_db`, which would let a file's loudest sample move the cepstrum of
all its other frames.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.compiled import LANES, kernel
from ecg_audio.voice.transform import powers, roots, transform

Array = Any

RATE_HZ = 16_000
HOP = 160
WINDOW = 512
MELS = 40
CEPSTRA = 13
ROLLOFF = 0.85
POWER_FLOOR = 1e-10
SILENT_RMS = 1e-6
"""Below -120 dBFS a frame holds nothing to describe: less than a 24-bit recording's own noise."""


class Tables(NamedTuple):
    """The constants of the spectral measures; float32 unless said otherwise."""

    window: Array  # periodic Hann, (512,)
    half_cos: Array
    half_sin: Array
    cos: Array
    sin: Array
    mel: Array  # (40, 257)
    mel_first: Array  # int64, (40,): the first bin of each filter ...
    mel_end: Array  # ... and the one after its last
    dct: Array  # (13, 40)


def mel_filters() -> Array:
    """The 40 triangular mel filters of Slaney's Auditory Toolbox (1998), each of unit area, as float32 (40, 257).

    The scale is linear below 1 kHz and logarithmic above.
    """

    def to_hz(mels: Array) -> Array:
        linear = mels * (200.0 / 3.0)
        return np.where(mels < 15.0, linear, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mels - 15.0)))

    top_mel = 15.0 + np.log(RATE_HZ / 2 / 1000.0) / (np.log(6.4) / 27.0)
    edges_hz = to_hz(np.linspace(0.0, top_mel, MELS + 2))
    bins_hz = np.fft.rfftfreq(WINDOW, 1.0 / RATE_HZ)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    triangles = np.maximum(0.0, np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)))
    return (triangles * (2.0 / (high - low))).astype(np.float32)


def cosine_basis() -> Array:
    """The first 13 rows of the orthonormal DCT-II of 40 points, float32."""
    order = np.arange(CEPSTRA)[:, None]
    basis = np.sqrt(2.0 / MELS) * np.cos(np.pi * order * (np.arange(MELS) + 0.5) / MELS)
    basis[0] /= np.sqrt(2.0)
    return basis.astype(np.float32)


@functools.cache
def tables() -> Tables:
    """The one set of constants."""
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    mel = mel_filters()
    first = np.array([np.flatnonzero(row)[0] for row in mel])
    end = np.array([np.flatnonzero(row)[-1] + 1 for row in mel])
    return Tables(window, *roots(WINDOW // 2), *roots(WINDOW), mel, first, end, cosine_basis())


@kernel
def logarithm(x: Array, y: Array) -> None:
    """Binary logarithms of positive normal float32 into y, to about 1e-7 relative; x is overwritten.

    Vectors need a formula without branches. Exponent and mantissa are split at sqrt(1/2); the series is that of
    Cephes' logf (Moshier, 1989).
    """
    bits = x.view(np.int32)
    for i in range(len(x)):
        exponent = (bits[i] - np.int32(0x3F3504F3)) >> np.int32(23)
        y[i] = np.float32(exponent)
        bits[i] -= exponent << np.int32(23)
    for i in range(len(x)):
        f = x[i] - np.float32(1.0)
        square = f * f
        series = np.float32(7.0376836292e-2)
        series = series * f - np.float32(1.1514610310e-1)
        series = series * f + np.float32(1.1676998740e-1)
        series = series * f - np.float32(1.2420140846e-1)
        series = series * f + np.float32(1.4249322787e-1)
        series = series * f - np.float32(1.6668057665e-1)
        series = series * f + np.float32(2.0000714765e-1)
        series = series * f - np.float32(2.4999993993e-1)
        series = series * f + np.float32(3.3333331174e-1)
        natural = f + (square * f * series - np.float32(0.5) * square)
        y[i] += natural * np.float32(1.4426950408889634)


@kernel
def load(hops: Array, first: int, offset: int, window: Array, mean: Array, zr: Array, zi: Array) -> None:
    """Window `LANES` frames and lay their even samples into `zr`, the odd ones into `zi`.

    `hops[j, h]` is sample j of hop h, so one sample of neighbouring frames is one contiguous stretch of memory.

    Args:
        hops: float32, (HOP, number of hops).
        first: hop in which the first frame's origin lies.
        offset: samples from a frame's origin to its window's first one.
        window: float32, even length.
        mean: float32, (LANES,), taken off before the window is put on.
        zr: out, (len(window) // 2, LANES).
        zi: out, likewise.
    """
    for i in range(0, len(window), 2):
        at = offset + i
        even = hops[at % HOP, first + at // HOP : first + at // HOP + LANES]
        odd = hops[(at + 1) % HOP, first + (at + 1) // HOP : first + (at + 1) // HOP + LANES]
        for lane in range(LANES):
            zr[i // 2, lane] = (even[lane] - mean[lane]) * window[i]
            zi[i // 2, lane] = (odd[lane] - mean[lane]) * window[i + 1]


@kernel
def measure_waveform(hops: Array, first: int, offset: int, rms: Array, peak: Array, crossings: Array) -> None:
    """Root mean square, largest absolute sample and share of sign changes of `LANES` windows of 512 samples.

    As in librosa, a sample within 1e-10 of zero counts as positive and a change needs both its samples in the window.
    """
    power = np.zeros(LANES, np.float64)
    part = np.zeros(LANES, np.float32)
    changes = np.zeros(LANES, np.int32)
    peak[:] = np.float32(0.0)
    for i in range(WINDOW):
        at = offset + i
        now = hops[at % HOP, first + at // HOP : first + at // HOP + LANES]
        for lane in range(LANES):
            part[lane] += now[lane] * now[lane]
            peak[lane] = max(peak[lane], abs(now[lane]))
        if i % 32 == 31:  # short float32 sums into a float64 one
            for lane in range(LANES):
                power[lane] += part[lane]
                part[lane] = np.float32(0.0)
        if i > 0:
            before = hops[(at - 1) % HOP, first + (at - 1) // HOP : first + (at - 1) // HOP + LANES]
            for lane in range(LANES):
                changes[lane] += np.int32((now[lane] < np.float32(-1e-10)) != (before[lane] < np.float32(-1e-10)))
    for lane in range(LANES):
        rms[lane] = math.sqrt(power[lane] / WINDOW)
        crossings[lane] = np.float32(changes[lane]) / np.float32(WINDOW)


@kernel
def measure_spectrum(
    hops: Array, first: int, offset: int, constants: Tables, work: Array, shape: Array, cepstra: Array
) -> None:
    """Centroid, rolloff, flatness and cepstrum of `LANES` frames.

    Args:
        hops: see `load`.
        first: see `load`.
        offset: see `load`.
        constants: from `tables`.
        work: float32, at least (5, 257 * LANES).
        shape: out, float32, (3, LANES): centroid in Hz, rolloff in Hz, flatness.
        cepstra: out, float32, (13, LANES).
    """
    bins = WINDOW // 2 + 1
    half = WINDOW // 2 * LANES
    still = np.zeros(LANES, np.float32)
    ar, ai, br, bi = work[0, :half], work[1, :half], work[2, :half], work[3, :half]
    pairs = (WINDOW // 2, LANES)
    load(hops, first, offset, constants.window, still, ar.reshape(pairs), ai.reshape(pairs))
    flat_power = work[4, : bins * LANES]
    if transform(ar, ai, br, bi, LANES, constants.half_cos, constants.half_sin):
        powers(br, bi, LANES, constants.cos, constants.sin, flat_power)
    else:
        powers(ar, ai, LANES, constants.cos, constants.sin, flat_power)
    power = flat_power.reshape((bins, LANES))

    magnitude = work[0, : bins * LANES].reshape((bins, LANES))
    floored = work[1, : bins * LANES].reshape((bins, LANES))
    total = np.zeros(LANES, np.float64)
    moment = np.zeros(LANES, np.float64)
    total_power = np.zeros(LANES, np.float64)
    for k in range(bins):
        for lane in range(LANES):
            magnitude[k, lane] = math.sqrt(power[k, lane])
            floored[k, lane] = max(power[k, lane], np.float32(POWER_FLOOR))
            total[lane] += magnitude[k, lane]
            moment[lane] += magnitude[k, lane] * np.float64(k)
            total_power[lane] += floored[k, lane]

    levels = work[2, : bins * LANES]
    logarithm(floored.reshape(-1), levels)
    level = levels.reshape((bins, LANES))
    level_sum = np.zeros(LANES, np.float64)
    below = np.zeros(LANES, np.float32)
    running = np.zeros(LANES, np.float64)
    for k in range(bins):
        for lane in range(LANES):
            level_sum[lane] += level[k, lane]
            running[lane] += magnitude[k, lane]
            below[lane] += np.float32(running[lane] < ROLLOFF * total[lane])
    for lane in range(LANES):
        shape[0, lane] = moment[lane] / total[lane] * (RATE_HZ / WINDOW)
        shape[1, lane] = below[lane] * np.float32(RATE_HZ / WINDOW)
        shape[2, lane] = math.exp(level_sum[lane] / bins * math.log(2.0)) / (total_power[lane] / bins)

    mels = work[0, : MELS * LANES].reshape((MELS, LANES))
    for m in range(MELS):
        mels[m, :] = np.float32(0.0)
        for k in range(constants.mel_first[m], constants.mel_end[m]):
            weight = constants.mel[m, k]
            for lane in range(LANES):
                mels[m, lane] += weight * power[k, lane]
        for lane in range(LANES):
            mels[m, lane] = max(mels[m, lane], np.float32(POWER_FLOOR))
    mel_levels = work[1, : MELS * LANES]
    logarithm(mels.reshape(-1), mel_levels)
    decibels = mel_levels.reshape((MELS, LANES))
    for c in range(CEPSTRA):
        cepstra[c, :] = np.float32(0.0)
        for m in range(MELS):
            weight = constants.dct[c, m] * np.float32(3.010299956639812)  # log2 to dB
            for lane in range(LANES):
                cepstra[c, lane] += weight * decibels[m, lane]
