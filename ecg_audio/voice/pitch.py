"""The fundamental frequency, by autocorrelation and the best path through its candidates.

The method is that of Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound" (Proc. Institute of Phonetic Sciences Amsterdam 17, 1993), which Praat made the field's
reference. A frame's windowed autocorrelation is divided by the window's own; its peaks are candidates; a Viterbi path
over the whole recording weighs their strength against jumps. Three things differ: spectra fade out between 2.5 and
5 kHz, so that a parabola suffices to find a peak between two lags; the silence reference is robust (see
`path.silence_reference`); and the path is settled while it is walked (see `path.PitchPath`).
"""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.lanes import (
    LANES,
    below,
    first_lane,
    larger,
    load,
    load_at,
    peaks,
    single,
    smaller,
    store,
)
from ecg_audio.voice.transform import fold, powers, roots, transform

Array = Any

CANDIDATES = 8
FADE_HZ = (2500.0, 5000.0)
PERIODS = 3  # periods of the lowest pitch that a window holds
LEAST_POWER = 1e-11
"""Frames of less power than this (about -110 dBFS) have no candidates."""
LEAST_FOLDED = 1e-5
"""A circular transform of size N folds lag N - l onto lag l. Where only the window's vanishing tails meet there, this
much of the correlation at most, the smaller transform does."""


@dataclass(frozen=True, slots=True)
class PitchSettings:
    """What counts as voice. Costs are Boersma's, for frames 10 ms apart.

    Attributes:
        floor_hz: lowest F0; the window is three of its periods.
        ceiling_hz: highest F0.
        silence_threshold: frames whose peak is below this share of the recording's reference tend to be unvoiced.
        voicing_threshold: autocorrelation that a voiced frame needs.
        octave_cost: preference for high candidates, per octave.
        jump_cost: price of an F0 jump, per octave.
        switch_cost: price of going from voiced to unvoiced or back.
    """

    floor_hz: float = 60.0
    ceiling_hz: float = 500.0
    silence_threshold: float = 0.07
    voicing_threshold: float = 0.5
    octave_cost: float = 0.01
    jump_cost: float = 0.35
    switch_cost: float = 0.14

    def __post_init__(self) -> None:
        if not 40.0 <= self.floor_hz < self.ceiling_hz <= 1000.0:
            raise ValueError("pitch needs 40 <= floor_hz < ceiling_hz <= 1000")


class Lags(NamedTuple):
    """The constants of the candidate search for one pair of floor and ceiling."""

    window: Array  # Hann, float32, three periods of the floor
    half_cos: Array
    half_sin: Array
    cos: Array
    sin: Array
    fade: Array  # float32, weight of each power bin
    correction: Array  # float32: the window's autocorrelation at 0 over that at each lag
    octaves: Array  # float32: how far each lag's frequency is above the floor
    shortest: int
    longest: int
    floor_hz: float
    ceiling_hz: float


@functools.cache
def lags(settings: PitchSettings) -> Lags:
    """The constants for `settings`."""
    length = int(PERIODS * RATE_HZ / settings.floor_hz) & ~1
    shortest, longest = int(RATE_HZ / settings.ceiling_hz), math.ceil(RATE_HZ / settings.floor_hz)
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window.astype(np.float64), 4 * length)) ** 2)[: 2 * length]
    size = 1 << math.ceil(math.log2(length))
    while own[size - longest] > LEAST_FOLDED * own[longest]:
        size *= 2
    low_hz, high_hz = FADE_HZ
    position = np.clip((high_hz - np.fft.rfftfreq(size, 1.0 / RATE_HZ)) / (high_hz - low_hz), 0.0, 1.0)
    fade = (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)
    correction = (own[0] / own[: longest + 2]).astype(np.float32)
    bounds_hz = (settings.floor_hz, settings.ceiling_hz)
    octaves = np.log2(longest / np.maximum(1, np.arange(longest + 2))).astype(np.float32)
    return Lags(window, *roots(size // 2), *roots(size), fade, correction, octaves, shortest, longest, *bounds_hz)


@kernel
def find_candidates(
    hops: Array,
    places: Array,
    constants: Lags,
    octave_cost: float,
    least: float,
    peak: Array,
    f0_hz: Array,
    strength: Array,
) -> None:
    """The strongest autocorrelation peaks of each frame.

    Args:
        hops: see `spectrum.measure_waveform`.
        places: see `spectrum.measure_waveform`.
        constants: from `lags`.
        octave_cost: see `PitchSettings`.
        least: smallest autocorrelation that is a candidate.
        peak: out, float32, (frames,), a multiple of LANES: largest absolute sample around the window's mean.
        f0_hz: out, float32, (CANDIDATES, frames); 0 where there is no candidate.
        strength: out, float32, (CANDIDATES, frames): corrected autocorrelation at the peak, at most 1.
    """
    length, half = len(constants.window), len(constants.half_cos)
    ar, ai = np.empty(half * LANES, np.float32), np.empty(half * LANES, np.float32)
    br, bi = np.empty(half * LANES, np.float32), np.empty(half * LANES, np.float32)
    power = np.empty((half + 1) * LANES, np.float32)
    correlation = np.empty((constants.longest + 2) * LANES, np.float32)
    for group in range(len(peak) // LANES):
        first = group * LANES
        total, low, high = single(0.0), single(np.inf), single(-np.inf)
        for i in range(length):
            now = load_at(hops, places[i] + first)
            total += now
            low, high = smaller(low, now), larger(high, now)
        mean = total * (1.0 / length)
        store(peak, group, larger(high - mean, mean - low))

        for i in range(length // 2):
            store(ar, i, (load_at(hops, places[2 * i] + first) - mean) * constants.window[2 * i])
            store(ai, i, (load_at(hops, places[2 * i + 1] + first) - mean) * constants.window[2 * i + 1])
        for i in range(length // 2, half):
            store(ar, i, single(0.0))
            store(ai, i, single(0.0))
        zr, zi = transform(ar, ai, br, bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, power)
        for k in range(half + 1):
            store(power, k, load(power, k) * constants.fade[k])
        fold(power, constants.cos, constants.sin, ar, ai)
        odd, even = transform(ai, ar, bi, br, constants.half_cos, constants.half_sin)

        whole = load(even, 0)  # a frame without power has no correlation either
        scale = below(single(LEAST_POWER * length * half), whole) / larger(whole, single(1e-30))
        for lag in range(constants.shortest - 1, constants.longest + 2):
            product = load(odd, lag // 2) if lag % 2 else load(even, lag // 2)
            store(correlation, lag, product * scale * constants.correction[lag])
        _pick(correlation, first, constants, octave_cost, least, f0_hz, strength)


@kernel
def _pick(
    correlation: Array,
    first: int,
    constants: Lags,
    octave_cost: float,
    least: float,
    f0_hz: Array,
    strength: Array,
) -> None:
    """Keep the best peaks of eight frames' correlations, in no particular order."""
    bound = single(least)
    score = np.empty((LANES, CANDIDATES), np.float32)
    for lane in range(LANES):
        for slot in range(CANDIDATES):
            f0_hz[slot, first + lane] = 0.0
            strength[slot, first + lane] = 0.0
            score[lane, slot] = -np.inf
    before, here = load(correlation, constants.shortest - 1), load(correlation, constants.shortest)
    for lag in range(constants.shortest, constants.longest + 1):
        after = load(correlation, lag + 1)
        marks = peaks(before, here, after, bound)
        while marks:
            lane = first_lane(marks)
            marks &= np.uint8(marks - np.uint8(1))
            at = lag * LANES + lane
            left, middle, right = correlation[at - LANES], correlation[at], correlation[at + LANES]
            shift = np.float32(0.5) * (right - left) / (np.float32(2.0) * middle - left - right)
            frequency_hz = RATE_HZ / (lag + shift)
            if not constants.floor_hz <= frequency_hz <= constants.ceiling_hz:
                continue
            top = middle + np.float32(0.25) * shift * (right - left)
            if top > np.float32(1.0):
                top = np.float32(1.0) / top  # Boersma's way with what cannot be
            worst = 0
            for slot in range(1, CANDIDATES):
                if score[lane, slot] < score[lane, worst]:
                    worst = slot
            value = top + octave_cost * constants.octaves[lag]
            if value > score[lane, worst]:
                score[lane, worst] = value
                f0_hz[worst, first + lane] = frequency_hz
                strength[worst, first + lane] = top
        before, here = here, after
