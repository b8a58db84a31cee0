"""What the 32 ms spectrum of a frame tells: centroid, rolloff, flatness and mel-frequency cepstrum.

The definitions are librosa's (0.11, magnitude spectrum, periodic Hann, 40 Slaney mels, orthonormal DCT), with one
difference: levels have an absolute floor and no `top_db`, which would let a file's loudest sample move the cepstrum of
all its other frames.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.lanes import (
    LANES,
    Lanes,
    absolute,
    below,
    double,
    exponent,
    larger,
    load,
    load_at,
    mantissa,
    root,
    single,
    store,
)
from ecg_audio.voice.transform import powers, roots, transform

Array = Any

HOP = 160
WINDOW = 512
BINS = WINDOW // 2 + 1
MELS = 40
CEPSTRA = 13
ROLLOFF = 0.85
POWER_FLOOR = 1e-10
DB_PER_OCTAVE = 3.010299956639812  # 10 log10(2): binary logarithms of powers to decibels
SILENT_RMS = 1e-6
"""Below -120 dBFS a frame holds nothing to describe: less than a 24-bit recording's own noise."""


class Tables(NamedTuple):
    """The constants of the spectral measures; float32 unless said otherwise."""

    window: Array  # float64, periodic Hann, (512,)
    half_cos: Array  # float64, as the other roots of unity
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
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    mel = mel_filters()
    first = np.array([np.flatnonzero(row)[0] for row in mel])
    end = np.array([np.flatnonzero(row)[-1] + 1 for row in mel])
    return Tables(window, *roots(WINDOW // 2, np.float64), *roots(WINDOW, np.float64), mel, first, end, cosine_basis())


@kernel
def logarithm(x: Lanes) -> Lanes:
    """The binary logarithm of positive normal float32, to about 1e-7: Cephes' series (Moshier, 1989)."""
    f = mantissa(x) - 1.0
    square = f * f
    series = f * 7.0376836292e-2 - 1.1514610310e-1
    series = series * f + 1.1676998740e-1
    series = series * f - 1.2420140846e-1
    series = series * f + 1.4249322787e-1
    series = series * f - 1.6668057665e-1
    series = series * f + 2.0000714765e-1
    series = series * f - 2.4999993993e-1
    series = series * f + 3.3333331174e-1
    return exponent(x) + (f + (square * f * series - square * 0.5)) * 1.4426950408889634


@kernel
def measure_waveform(hops: Array, places: Array, rms: Array, peak: Array, crossings: Array) -> None:
    """Root mean square, largest absolute sample and share of sign changes of windows of 512 samples.

    As in librosa, a sample within 1e-10 of zero counts as positive and a change needs both its samples in the window.

    Args:
        hops: float32, flat: sample j of all hops, then sample j + 1 of all hops, and so on. So one sample of
            neighbouring frames, which begin a hop apart, is one contiguous stretch of memory.
        places: int64: where in `hops` the samples of the first frame's window lie.
        rms: out, float32, (frames,), a multiple of LANES.
        peak: out, likewise.
        crossings: out, likewise.
    """
    for group in range(len(rms) // LANES):
        first = group * LANES
        power = double(0.0)
        largest, changes = single(0.0), single(0.0)
        before = below(load_at(hops, places[0] + first), single(-1e-10))
        for start in range(0, WINDOW, 32):
            part = single(0.0)  # short float32 sums into a float64 one
            for i in range(start, start + 32):
                now = load_at(hops, places[i] + first)
                part += now * now
                largest = larger(largest, absolute(now))
                negative = below(now, single(-1e-10))
                changes += absolute(negative - before)
                before = negative
            power += double(part)
        store(rms, group, single(root(power * (1.0 / WINDOW))))
        store(peak, group, largest)
        store(crossings, group, changes * (1.0 / WINDOW))


@kernel
def measure_spectrum(hops: Array, places: Array, constants: Tables, shape: Array, cepstra: Array) -> None:
    """Centroid, rolloff, flatness and cepstrum.

    The transform is in float64, as librosa's is: in float32 its rounding, 1e-7 of the strongest partial, would drown
    the weakest mel bands and move the cepstrum of voices with strong basses by up to 2e-3.

    Args:
        hops: see `measure_waveform`.
        places: see `measure_waveform`.
        constants: from `tables`.
        shape: out, float32, (3, frames): centroid in Hz, rolloff in Hz, binary logarithm of flatness.
        cepstra: out, float32, (13, frames).
    """
    ar, ai = np.empty(WINDOW // 2 * LANES), np.empty(WINDOW // 2 * LANES)
    br, bi = np.empty(WINDOW // 2 * LANES), np.empty(WINDOW // 2 * LANES)
    squares = np.empty(BINS * LANES)
    spectrum, magnitudes = np.empty(BINS * LANES, np.float32), np.empty(BINS * LANES, np.float32)
    decibels = np.empty(MELS * LANES, np.float32)
    for group in range(shape.shape[1] // LANES):
        first = group * LANES
        for i in range(WINDOW // 2):
            store(ar, i, double(load_at(hops, places[2 * i] + first)) * constants.window[2 * i])
            store(ai, i, double(load_at(hops, places[2 * i + 1] + first)) * constants.window[2 * i + 1])
        zr, zi = transform(ar, ai, br, bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, squares)

        total, moment, total_power, level = double(0.0), double(0.0), double(0.0), double(0.0)
        for k in range(BINS):
            square = single(load(squares, k))
            magnitude = root(square)
            floored = larger(square, single(POWER_FLOOR))
            store(spectrum, k, square)
            store(magnitudes, k, magnitude)
            total += double(magnitude)
            moment += double(magnitude) * float(k)
            total_power += double(floored)
            level += double(logarithm(floored))
        running, under = double(0.0), double(0.0)
        for k in range(BINS):
            running += double(load(magnitudes, k))
            under += below(running, total * ROLLOFF)
        store(shape[0], group, single(moment / total * (RATE_HZ / WINDOW)))
        store(shape[1], group, single(under * (RATE_HZ / WINDOW)))
        mean_level = single(level * (1.0 / BINS))
        store(shape[2], group, mean_level - logarithm(single(total_power * (1.0 / BINS))))

        for m in range(MELS):
            band = single(0.0)
            for k in range(constants.mel_first[m], constants.mel_end[m]):
                band += load(spectrum, k) * constants.mel[m, k]
            store(decibels, m, logarithm(larger(band, single(POWER_FLOOR))) * DB_PER_OCTAVE)
        for c in range(CEPSTRA):
            coefficient = single(0.0)
            for m in range(MELS):
                coefficient += load(decibels, m) * constants.dct[c, m]
            store(cepstra[c], group, coefficient)
