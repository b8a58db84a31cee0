"""What the waveform and the 32 ms spectrum of a frame tell, eight frames at once."""

from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.kernels.compiled import kernel, part
from ecg_audio.voice.kernels.lanes import (
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
    room,
    root,
    single,
    store,
    store_at,
)
from ecg_audio.voice.kernels.transform import powers, transform

Array = Any

WINDOW = 512
BINS = WINDOW // 2 + 1
BIN_HZ = 31.25
MELS = 40
CEPSTRA = 13
ROLLOFF = 0.85
POWER_FLOOR = 1e-10
DB_PER_OCTAVE = 3.010299956639812  # 10 log10(2): binary logarithms of powers to decibels
SLOPE_BINS = 49  # up to 1500 Hz
ONE_KHZ, TWO_KHZ = 32, 64  # the first bins of what lies above
TILTED = (2, 161)  # bins from 50 Hz to 5 kHz
ROWS = 3 + CEPSTRA + 5
"""Of `measure_spectrum`: centroid, rolloff, flatness, cepstrum, alpha ratio, Hammarberg index, two slopes, flux."""


class Tables(NamedTuple):
    """The constants of the spectral measures; float32 unless said otherwise."""

    window: Array  # float64, periodic Hann, (512,)
    half_cos: Array  # float64, as the other roots of unity
    half_sin: Array
    cos: Array
    sin: Array
    mel: Array  # (40 * 257,)
    mel_first: Array  # int64, (40,): the first bin of each filter ...
    mel_end: Array  # ... and the one after its last
    dct: Array  # (13 * 40,)
    low_slope: Array  # (49,): what to multiply decibels with, to have their slope in dB/Hz
    high_slope: Array


class Scratch(NamedTuple):
    """What `measure_spectrum` works in."""

    ar: Array  # float64, (256 * LANES,), as the next three
    ai: Array
    br: Array
    bi: Array
    squares: Array  # float64, (257 * LANES,)
    spectrum: Array  # float32, (257 * LANES,)
    magnitudes: Array  # float32, (257 * (LANES + 1),): before the eight frames', that of the frame before


def scratch() -> Scratch:
    """Room for one thread."""
    ar, ai, br, bi = (room(WINDOW // 2) for _ in range(4))
    return Scratch(ar, ai, br, bi, room(BINS), room(BINS, np.float32), np.empty(BINS * (LANES + 1), np.float32))


@part
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
def measure_waveform(hops: Array, places: Array, frames: int, out: Array) -> None:
    """Root mean square, largest absolute sample and share of sign changes of windows of 512 samples.

    As in librosa, a sample within 1e-10 of zero counts as positive and a change needs both its samples in the window.

    Args:
        hops: float32, flat: sample j of all hops, then sample j + 1 of all hops, and so on. So one sample of
            neighbouring frames, which begin a hop apart, is one contiguous stretch of memory.
        places: int64, (512,): where in `hops` the samples of the first frame's window lie.
        frames: how many, a multiple of LANES.
        out: float32, flat, (3 * frames,).
    """
    groups = frames // LANES
    for group in range(groups):
        first = group * LANES
        power = double(0.0)
        largest, changes = single(0.0), single(0.0)
        before = below(load_at(hops, places[0] + first), single(-1e-10))
        for start in range(0, WINDOW, 32):
            short = single(0.0)  # short float32 sums into a float64 one
            for i in range(start, start + 32):
                now = load_at(hops, places[i] + first)
                short += now * now
                largest = larger(largest, absolute(now))
                negative = below(now, single(-1e-10))
                changes += absolute(negative - before)
                before = negative
            power += double(short)
        store(out, group, single(root(power * (1.0 / WINDOW))))
        store(out, groups + group, largest)
        store(out, 2 * groups + group, changes * (1.0 / WINDOW))


@kernel
def measure_spectrum(
    hops: Array, places: Array, constants: Tables, work: Scratch, frames: int, out: Array, decibels: Array
) -> None:
    """Centroid, rolloff, flatness, cepstrum and balance of spectra, and their mel bands.

    The transform is in float64, as librosa's is: in float32 its rounding, 1e-7 of the strongest partial, would drown
    the weakest mel bands and move the cepstrum of voices with strong basses by up to 2e-3.

    Args:
        hops: see `measure_waveform`.
        places: see `measure_waveform`.
        constants: the constants.
        work: from `scratch`.
        frames: how many, a multiple of LANES.
        out: float32, flat, (ROWS * frames,): centroid in Hz, rolloff in Hz, binary logarithm of flatness, 13 cepstral
            coefficients, alpha ratio and Hammarberg index in dB, slopes of 0 to 500 Hz and to 1500 Hz in dB/Hz, flux.
        decibels: float32, flat, (40 * frames,): mel bands.
    """
    groups = frames // LANES
    squares, spectrum, magnitudes = work.squares, work.spectrum, work.magnitudes
    for group in range(-1, groups):
        first = group * LANES if group >= 0 else -1
        for i in range(WINDOW // 2):
            store(work.ar, i, double(load_at(hops, places[2 * i] + first)) * constants.window[2 * i])
            store(work.ai, i, double(load_at(hops, places[2 * i + 1] + first)) * constants.window[2 * i + 1])
        zr, zi = transform(work.ar, work.ai, work.br, work.bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, squares)

        if group < 0:  # only for the flux of frame 0: the first lane is the frame before it
            for k in range(BINS):
                store_at(magnitudes, k * (LANES + 1) + 1, root(single(load(squares, k))))
                magnitudes[k * (LANES + 1)] = magnitudes[k * (LANES + 1) + 1]
            continue

        total, moment, total_power, level = double(0.0), double(0.0), double(0.0), double(0.0)
        low_slope, high_slope = single(0.0), single(0.0)
        product, own, others = double(0.0), double(0.0), double(0.0)
        for k in range(BINS):
            square = single(load(squares, k))
            magnitude = root(square)
            floored = larger(square, single(POWER_FLOOR))
            store(spectrum, k, square)
            store_at(magnitudes, k * (LANES + 1) + 1, magnitude)
            total += double(magnitude)
            moment += double(magnitude) * float(k)
            total_power += double(floored)
            octaves = logarithm(floored)
            level += double(octaves)
            if k < SLOPE_BINS:
                low_slope += octaves * constants.low_slope[k]
                high_slope += octaves * constants.high_slope[k]
            before = double(load_at(magnitudes, k * (LANES + 1)))
            product += double(magnitude) * before
            own += double(magnitude) * double(magnitude)
            others += before * before
            magnitudes[k * (LANES + 1)] = magnitudes[k * (LANES + 1) + LANES]

        running, under = double(0.0), double(0.0)
        sums, strongest = single(0.0), single(0.0)
        below_1k, strongest_low = single(0.0), single(0.0)
        for k in range(BINS):
            running += double(load_at(magnitudes, k * (LANES + 1) + 1))
            under += below(running, total * ROLLOFF)
            if TILTED[0] <= k < TILTED[1]:
                if k == ONE_KHZ:
                    below_1k, sums = sums, single(POWER_FLOOR)
                if k == TWO_KHZ:
                    strongest_low, strongest = strongest, single(0.0)
                sums += load(spectrum, k)
                strongest = larger(strongest, load(spectrum, k))
        floor = single(POWER_FLOOR)
        tilt = logarithm(sums) - logarithm(below_1k + floor)
        step = logarithm(larger(strongest_low, floor)) - logarithm(larger(strongest, floor))
        apart = 2.0 - product * 2.0 / root(own * others)  # no length, no distance: NaN
        store(out, group, single(moment / total * BIN_HZ))
        store(out, groups + group, single(under * BIN_HZ))
        flatness = single(level * (1.0 / BINS)) - logarithm(single(total_power * (1.0 / BINS)))
        store(out, 2 * groups + group, flatness)
        row = (3 + CEPSTRA) * groups + group
        store(out, row, tilt * DB_PER_OCTAVE)
        store(out, row + groups, step * DB_PER_OCTAVE)
        store(out, row + 2 * groups, low_slope * DB_PER_OCTAVE)
        store(out, row + 3 * groups, high_slope * DB_PER_OCTAVE)
        store(out, row + 4 * groups, single(root(apart * below(double(0.0), apart))))

        for m in range(MELS):
            band = single(0.0)
            for k in range(constants.mel_first[m], constants.mel_end[m]):
                band += load(spectrum, k) * constants.mel[m * BINS + k]
            level_db = logarithm(larger(band, single(POWER_FLOOR))) * DB_PER_OCTAVE
            store(decibels, m * groups + group, level_db)
        for c in range(CEPSTRA):
            coefficient = single(0.0)
            for m in range(MELS):
                coefficient += load(decibels, m * groups + group) * constants.dct[c * MELS + m]
            store(out, (3 + c) * groups + group, coefficient)
