"""What the 32 ms spectrum of a frame tells: centroid, rolloff, flatness, mel-frequency cepstrum, loudness and balance.

The definitions are librosa's (0.11, magnitude spectrum, periodic Hann, 40 Slaney mels, orthonormal DCT), with one
difference: levels have an absolute floor and no `top_db`, which would let a file's loudest sample move the cepstrum
of all its other frames.

Alpha ratio, Hammarberg index and the two slopes are those of eGeMAPS (Eyben et al., "The Geneva Minimalistic Acoustic
Parameter Set", IEEE Trans. Affective Computing 7(2), 2016), of this spectrum. Loudness adds the mel bands' powers,
each weighted by equal loudness (Hermansky 1990) and raised to 0.3, so that 10 dB more sound twice as loud (Stevens);
the unit is set so that a sine of 1 kHz at -60 dBFS has 1 sone. Flux is the distance of two neighbouring magnitude
spectra, each of unit length: a change of level alone is none.
"""

import functools
import math
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
BALANCE = (
    "loudness_sone",
    "alpha_ratio_db",
    "hammarberg_index_db",
    "slope_0_500_db_per_hz",
    "slope_500_1500_db_per_hz",
    "spectral_flux",
)
"""The rows of `balance`, in their order."""
LOW, MIDDLE, HIGH = (2, 32), (32, 64), (64, 161)
"""Bins from 50 Hz to 1 kHz, from there to 2 kHz, and from there to 5 kHz."""
SLOPES = (1, 17, 49)
"""Bins of the slopes: from above the direct current to 500 Hz, and from 500 to 1500 Hz."""
STEVENS = 0.3
NEPERS = STEVENS * math.log(10.0) / 10.0  # of loudness to a decibel
ONE_SONE_DBFS = -60.0
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
    low_slope: Array  # (49,): what to multiply decibels with, to have their slope in dB/Hz
    high_slope: Array
    sones: Array  # float64, (40,): natural logarithms of the bands' weights
    sones_of_nothing: float  # what the floor alone would add up to


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
    spectra = (*roots(WINDOW // 2, np.float64), *roots(WINDOW, np.float64))
    first_bin, middle_bin, end_bin = SLOPES
    sones = _sone_weights(window, mel)
    nothing = float((np.exp(sones) * POWER_FLOOR**STEVENS).sum())
    slopes = (_slope_weights(first_bin, middle_bin), _slope_weights(middle_bin - 1, end_bin))
    return Tables(window, *spectra, mel, first, end, cosine_basis(), *slopes, sones, nothing)


def _slope_weights(first: int, end: int) -> Array:
    """Weights of a straight line's slope by least squares through bins [first, end), as float32 (49,)."""
    hz = np.arange(first, end) * (RATE_HZ / WINDOW)
    weights = np.zeros(SLOPES[-1], np.float32)
    weights[first:end] = (hz - hz.mean()) / ((hz - hz.mean()) ** 2).sum()
    return weights


def _sone_weights(window: Array, mel: Array) -> Array:
    """Logarithms of what a band's power, raised to `STEVENS`, is multiplied with to become sones."""
    bins_hz = np.fft.rfftfreq(WINDOW, 1.0 / RATE_HZ)
    centres = (2.0 * np.pi * (mel * bins_hz).sum(axis=1) / mel.sum(axis=1)) ** 2
    equal = (centres + 56.8e6) * centres**2 / ((centres + 6.3e6) ** 2 * (centres + 0.38e9))
    weights = (equal / mel.max(axis=1)) ** STEVENS  # a filter's area is one: by its height, it takes power
    sine = 10.0 ** (ONE_SONE_DBFS / 20.0) * np.sqrt(2.0) * np.sin(2.0 * np.pi * 1000.0 / RATE_HZ * np.arange(WINDOW))
    bands = np.maximum(POWER_FLOOR, mel @ np.abs(np.fft.rfft(window * sine)) ** 2)
    return np.log(weights / (weights * (bands**STEVENS - POWER_FLOOR**STEVENS)).sum())


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
def _tilt(spectrum: Array, group: int, balance: Array) -> None:
    """Alpha ratio and Hammarberg index of eight power spectra."""
    floor = single(POWER_FLOOR)
    below_1k, above_1k, strongest, strongest_high = floor, floor, floor, floor
    for k in range(LOW[0], LOW[1]):
        below_1k += load(spectrum, k)
        strongest = larger(strongest, load(spectrum, k))
    for k in range(MIDDLE[0], MIDDLE[1]):
        above_1k += load(spectrum, k)
        strongest = larger(strongest, load(spectrum, k))
    for k in range(HIGH[0], HIGH[1]):
        above_1k += load(spectrum, k)
        strongest_high = larger(strongest_high, load(spectrum, k))
    store(balance[1], group, (logarithm(above_1k) - logarithm(below_1k)) * DB_PER_OCTAVE)
    store(balance[2], group, (logarithm(strongest) - logarithm(strongest_high)) * DB_PER_OCTAVE)


@kernel
def _flux(magnitudes: Array, before: Array, length_before: float, length: Array, first: int, flux: Array) -> float:
    """Distance of each of eight magnitude spectra to the one before, all of unit length.

    Args:
        magnitudes: of the eight, as lanes.
        before: of the frame before them; becomes that of the last of them.
        length_before: its squared length.
        length: work space, (LANES,).
        first: number of the first frame.
        flux: out, (frames,).

    Returns:
        The squared length of the last.
    """
    for lane in range(LANES):
        product, own = 0.0, 0.0
        for k in range(BINS):
            now = np.float64(magnitudes[k * LANES + lane])
            product += now * before[k]
            own += now * now
            before[k] = now
        length[lane] = own
        other = length_before if lane == 0 else length[lane - 1]
        if own > 0.0 and other > 0.0:
            flux[first + lane] = math.sqrt(max(0.0, 2.0 - 2.0 * product / math.sqrt(own * other)))
        else:
            flux[first + lane] = np.nan
    return float(length[LANES - 1])


@kernel
def measure_spectrum(
    hops: Array, places: Array, constants: Tables, shape: Array, cepstra: Array, balance: Array
) -> None:
    """Centroid, rolloff, flatness, cepstrum, loudness and balance.

    The transform is in float64, as librosa's is: in float32 its rounding, 1e-7 of the strongest partial, would drown
    the weakest mel bands and move the cepstrum of voices with strong basses by up to 2e-3.

    Args:
        hops: see `measure_waveform`.
        places: see `measure_waveform`.
        constants: from `tables`.
        shape: out, float32, (3, frames): centroid in Hz, rolloff in Hz, binary logarithm of flatness.
        cepstra: out, float32, (13, frames).
        balance: out, float32, (6, frames): what `BALANCE` names.
    """
    ar, ai = np.empty(WINDOW // 2 * LANES), np.empty(WINDOW // 2 * LANES)
    br, bi = np.empty(WINDOW // 2 * LANES), np.empty(WINDOW // 2 * LANES)
    squares = np.empty(BINS * LANES)
    spectrum, magnitudes = np.empty(BINS * LANES, np.float32), np.empty(BINS * LANES, np.float32)
    decibels = np.empty(MELS * LANES, np.float32)
    before, length, length_before = np.empty(BINS, np.float64), np.empty(LANES), 0.0  # the frame before, for the flux
    for group in range(-1, shape.shape[1] // LANES):
        first = group * LANES if group >= 0 else -1
        for i in range(WINDOW // 2):
            store(ar, i, double(load_at(hops, places[2 * i] + first)) * constants.window[2 * i])
            store(ai, i, double(load_at(hops, places[2 * i + 1] + first)) * constants.window[2 * i + 1])
        zr, zi = transform(ar, ai, br, bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, squares)

        if group < 0:  # only for the flux of frame 0: the first lane is the frame before it
            for k in range(BINS):
                before[k] = math.sqrt(max(0.0, squares[k * LANES]))
                length_before += before[k] * before[k]
            continue

        total, moment, total_power, level = double(0.0), double(0.0), double(0.0), double(0.0)
        low_slope, high_slope = single(0.0), single(0.0)
        for k in range(BINS):
            square = single(load(squares, k))
            magnitude = root(square)
            floored = larger(square, single(POWER_FLOOR))
            store(spectrum, k, square)
            store(magnitudes, k, magnitude)
            total += double(magnitude)
            moment += double(magnitude) * float(k)
            total_power += double(floored)
            octaves = logarithm(floored)
            level += double(octaves)
            if k < len(constants.low_slope):
                low_slope += octaves * constants.low_slope[k]
                high_slope += octaves * constants.high_slope[k]
        running, under = double(0.0), double(0.0)
        for k in range(BINS):
            running += double(load(magnitudes, k))
            under += below(running, total * ROLLOFF)
        store(shape[0], group, single(moment / total * (RATE_HZ / WINDOW)))
        store(shape[1], group, single(under * (RATE_HZ / WINDOW)))
        store(balance[3], group, low_slope * DB_PER_OCTAVE)
        store(balance[4], group, high_slope * DB_PER_OCTAVE)
        _tilt(spectrum, group, balance)
        length_before = _flux(magnitudes, before, length_before, length, first, balance[5])
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
        for lane in range(LANES):
            sones = 0.0
            for m in range(MELS):
                sones += math.exp(constants.sones[m] + NEPERS * decibels[m * LANES + lane])
            balance[0, first + lane] = max(0.0, sones - constants.sones_of_nothing)
