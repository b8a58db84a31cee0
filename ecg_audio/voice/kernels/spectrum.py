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
    moved,
    room,
    root,
    single,
    store,
    store_at,
    turn,
)
from ecg_audio.voice.kernels.marks import HOP
from ecg_audio.voice.kernels.transform import ordered_powers, transform_in_place

Array = Any

WINDOW = 512
TILE = 16  # frames
TILE_HOPS = 20
"""A tile's frames reach over so many hops: short enough for a near cache, and no power of two apart."""
PART = 32  # samples; a hop and a window are whole numbers of it
PARTS_A_HOP = HOP // PART
BEFORE = 64  # samples of a tile before its first window: hops begin at frames' centres
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
    order: Array  # int64, (256,): from `transform.order`
    low_slope: Array  # (49,): what to multiply decibels with, to have their slope in dB/Hz
    high_slope: Array


class Scratch(NamedTuple):
    """What the kernels work in."""

    tile: Array  # float32, (160 * TILE_HOPS,): sample 0 of all hops of a tile, then sample 1 of all hops, and so on
    powers: Array  # float32, (5 * TILE_HOPS,): of parts of hops, as the next three
    peaks: Array
    changes: Array
    edges: Array
    re: Array  # float64, (256 * LANES,)
    im: Array  # likewise
    squares: Array  # float64, (257 * LANES,)
    running: Array  # float64, (257 * LANES,): sums of magnitudes up to each bin
    spectrum: Array  # float32, (257 * LANES,)
    magnitudes: Array  # float32, (257 * LANES,): of the frames before
    lengths: Array  # float64, (LANES,): sums of their squares
    bands: Array  # float32, (40 * LANES,)


def scratch() -> Scratch:
    """Room for one thread."""
    magnitudes, lengths = room(BINS, np.float32), room(1)
    bands, spectrum = room(MELS, np.float32), room(BINS, np.float32)
    tile, parts = np.zeros(HOP * TILE_HOPS, np.float32), np.zeros((4, PARTS_A_HOP * TILE_HOPS), np.float32)
    re, im, squares, running = room(WINDOW // 2), room(WINDOW // 2), room(BINS), room(BINS)
    power, peak, change, edge = parts
    return Scratch(tile, power, peak, change, edge, re, im, squares, running, spectrum, magnitudes, lengths, bands)


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


@part
def rolloff_bin(running: Array, lane: int) -> int:
    """The first bin of a lane up to which the share `ROLLOFF` of all magnitudes lies; running sums only grow."""
    enough = running[(BINS - 1) * LANES + lane] * ROLLOFF
    low, high = 0, BINS
    while low < high:
        middle = (low + high) // 2
        if running[middle * LANES + lane] < enough:
            low = middle + 1
        else:
            high = middle
    return low


@part
def lay_tile(samples: Array, start: int, tile: Array) -> None:
    """Lay out the hops from a sample on."""
    for hops in range(0, TILE_HOPS, LANES):
        hop = min(hops, TILE_HOPS - LANES)
        for j in range(0, HOP, LANES):
            turn(samples, start + hop * HOP + j, HOP, tile, j * TILE_HOPS + hop, TILE_HOPS)


@kernel
def measure_waveform(samples: Array, start: int, work: Scratch, frames: int, out: Array) -> None:
    """Root mean square, largest absolute sample and share of sign changes of windows of 512 samples.

    As in librosa, a sample within 1e-10 of zero counts as positive and a change needs both its samples in the window.
    Windows overlap, so each part of a hop is measured once.

    Args:
        samples: float32.
        start: where the first frame's window begins, less `BEFORE`; after the last frame's, a tile more can be read.
        work: from `scratch`.
        frames: how many, a multiple of LANES.
        out: float32, flat, (3 * frames,).
    """
    groups = frames // LANES
    for group in range(groups):
        if group % (TILE // LANES) == 0:
            lay_tile(samples, start + group * LANES * HOP, work.tile)
            for hops in range(0, TILE_HOPS, LANES):
                hop = min(hops, TILE_HOPS - LANES)
                # of the hop before the first, nothing is asked for
                before = below(load_at(work.tile, (HOP - 1) * TILE_HOPS + hop - 1), single(-1e-10))
                for number in range(PARTS_A_HOP):
                    short, largest, changes = single(0.0), single(0.0), single(0.0)
                    for j in range(number * PART, (number + 1) * PART):
                        now = load_at(work.tile, j * TILE_HOPS + hop)
                        short += now * now
                        largest = larger(largest, absolute(now))
                        negative = below(now, single(-1e-10))
                        changes += absolute(negative - before)
                        if j == number * PART:
                            store_at(work.edges, number * TILE_HOPS + hop, changes)
                        before = negative
                    store_at(work.powers, number * TILE_HOPS + hop, short)
                    store_at(work.peaks, number * TILE_HOPS + hop, largest)
                    store_at(work.changes, number * TILE_HOPS + hop, changes)
        first = group % (TILE // LANES) * LANES
        power = double(0.0)
        largest = single(0.0)
        changes = single(0.0) - load_at(work.edges, BEFORE // PART * TILE_HOPS + first)
        for number in range(BEFORE // PART, (BEFORE + WINDOW) // PART):
            place = number % PARTS_A_HOP * TILE_HOPS + number // PARTS_A_HOP + first
            power += double(load_at(work.powers, place))  # short float32 sums into a float64 one
            largest = larger(largest, load_at(work.peaks, place))
            changes += load_at(work.changes, place)
        store(out, group, single(root(power * (1.0 / WINDOW))))
        store(out, groups + group, largest)
        store(out, 2 * groups + group, changes * (1.0 / WINDOW))


@kernel
def measure_spectrum(
    samples: Array,
    start: int,
    constants: Tables,
    work: Scratch,
    frames: int,
    out: Array,
    decibels: Array,
) -> None:
    """Centroid, rolloff, flatness, cepstrum and balance of spectra, and their mel bands.

    The transform is in float64, as librosa's is: in float32 its rounding, 1e-7 of the strongest partial, would drown
    the weakest mel bands and move the cepstrum of voices with strong basses by up to 2e-3.

    Args:
        samples: see `measure_waveform`; a hop before the first window can be read too.
        start: see `measure_waveform`.
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
        if group < 0:
            lay_tile(samples, start - HOP, work.tile)
        elif group % (TILE // LANES) == 0:
            lay_tile(samples, start + group * LANES * HOP, work.tile)
        first = max(group, 0) % (TILE // LANES) * LANES
        for i in range(WINDOW // 2):
            even, odd = BEFORE + 2 * i, BEFORE + 2 * i + 1
            now = load_at(work.tile, even % HOP * TILE_HOPS + even // HOP + first)
            store(work.re, i, double(now) * constants.window[2 * i])
            now = load_at(work.tile, odd % HOP * TILE_HOPS + odd // HOP + first)
            store(work.im, i, double(now) * constants.window[2 * i + 1])
        transform_in_place(work.re, work.im, constants.half_cos, constants.half_sin)
        ordered_powers(work.re, work.im, constants.order, constants.cos, constants.sin, squares)

        if group < 0:  # only for the flux of frame 0: the first lane is the frame before it, and becomes the last
            length = double(0.0)
            for k in range(BINS):
                magnitude = root(single(load(squares, k)))
                length += double(magnitude) * double(magnitude)
                store(magnitudes, k, magnitude)
                magnitudes[k * LANES + LANES - 1] = magnitudes[k * LANES]
            store(work.lengths, 0, length)
            work.lengths[LANES - 1] = work.lengths[0]
            continue

        total, moment, total_power, level = double(0.0), double(0.0), double(0.0), double(0.0)
        low_slope, high_slope = single(0.0), single(0.0)
        product, own = double(0.0), double(0.0)
        for k in range(BINS):
            square = single(load(squares, k))
            magnitude = root(square)
            store(spectrum, k, square)
            before = moved(load(magnitudes, k), magnitude)
            store(magnitudes, k, magnitude)
            exact = double(magnitude)
            total += exact
            store(work.running, k, total)
            moment += exact * float(k)
            own += exact * exact
            product += exact * double(before)
        for k in range(SLOPE_BINS):
            floored = larger(load(spectrum, k), single(POWER_FLOOR))
            octaves = logarithm(floored)
            total_power += double(floored)
            level += double(octaves)
            low_slope += octaves * constants.low_slope[k]
            high_slope += octaves * constants.high_slope[k]
        for k in range(SLOPE_BINS, BINS - 1, 3):  # three bins' logarithm at once: no product of three leaves float32
            one = larger(load(spectrum, k), single(POWER_FLOOR))
            two = larger(load(spectrum, k + 1), single(POWER_FLOOR))
            three = larger(load(spectrum, k + 2), single(POWER_FLOOR))
            total_power += double(one + two + three)
            level += double(logarithm(one * two * three))
        floored = larger(load(spectrum, BINS - 1), single(POWER_FLOOR))
        total_power += double(floored)
        level += double(logarithm(floored))

        sums, strongest = single(0.0), single(0.0)
        below_1k, strongest_low = single(0.0), single(0.0)
        for k in range(TILTED[0], TILTED[1]):
            if k == ONE_KHZ:
                below_1k, sums = sums, single(POWER_FLOOR)
            if k == TWO_KHZ:
                strongest_low, strongest = strongest, single(0.0)
            sums += load(spectrum, k)
            strongest = larger(strongest, load(spectrum, k))
        floor = single(POWER_FLOOR)
        tilt = logarithm(sums) - logarithm(below_1k + floor)
        step = logarithm(larger(strongest_low, floor)) - logarithm(larger(strongest, floor))
        others = moved(load(work.lengths, 0), own)
        store(work.lengths, 0, own)
        apart = 2.0 - product * 2.0 / root(own * others)  # no length, no distance: NaN
        store(out, group, single(moment / total * BIN_HZ))
        for lane in range(LANES):
            out[(groups + group) * LANES + lane] = rolloff_bin(work.running, lane) * BIN_HZ
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
            store(work.bands, m, level_db)
            store(decibels, m * groups + group, level_db)
        for c in range(CEPSTRA):
            coefficient = single(0.0)
            for m in range(MELS):
                coefficient += load(work.bands, m) * constants.dct[c * MELS + m]
            store(out, (3 + c) * groups + group, coefficient)
