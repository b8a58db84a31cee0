"""Peaks of a frame's autocorrelation: where its pitch may be, eight frames at once."""

from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.kernels.compiled import kernel, part
from ecg_audio.voice.kernels.lanes import (
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
from ecg_audio.voice.kernels.transform import Scratch, fold, powers, transform

Array = Any

CANDIDATES = 8
RATE_HZ = 16_000
LEAST_POWER = 1e-11
"""Frames of less power than this (about -110 dBFS) have no candidates."""


class Lags(NamedTuple):
    """The constants of the candidate search for one pair of floor and ceiling; arrays are float32."""

    window: Array  # Hann, three periods of the floor
    half_cos: Array
    half_sin: Array
    cos: Array
    sin: Array
    fade: Array  # weight of each power bin
    correction: Array  # the window's autocorrelation at 0 over that at each lag
    bonus: Array  # how much a candidate at each lag is preferred
    shortest: int
    longest: int
    floor_hz: float
    ceiling_hz: float
    least: float  # smallest autocorrelation that is a candidate


@kernel
def find_candidates(
    hops: Array, places: Array, constants: Lags, work: Scratch, score: Array, frames: int, out: Array
) -> None:
    """The strongest autocorrelation peaks of each frame.

    Args:
        hops: see `spectrum.measure_waveform`.
        places: see `spectrum.measure_waveform`, as long as the window.
        constants: the constants.
        work: from `transform.scratch`.
        score: float32, (LANES * CANDIDATES,), to work in.
        frames: how many, a multiple of LANES.
        out: float32, flat, ((1 + 2 * CANDIDATES) * frames,): largest absolute sample around the window's mean; F0 of
            each candidate in Hz, 0 where there is none; their corrected autocorrelations, at most 1.
    """
    length, half = len(constants.window), len(constants.half_cos)
    ar, ai, power = work.ar, work.ai, work.power
    for group in range(frames // LANES):
        first = group * LANES
        total, low, high = single(0.0), single(np.inf), single(-np.inf)
        for i in range(length):
            now = load_at(hops, places[i] + first)
            total += now
            low, high = smaller(low, now), larger(high, now)
        mean = total * (1.0 / length)
        store(out, group, larger(high - mean, mean - low))

        for i in range(length // 2):
            store(ar, i, (load_at(hops, places[2 * i] + first) - mean) * constants.window[2 * i])
            store(ai, i, (load_at(hops, places[2 * i + 1] + first) - mean) * constants.window[2 * i + 1])
        for i in range(length // 2, half):
            store(ar, i, single(0.0))
            store(ai, i, single(0.0))
        zr, zi = transform(ar, ai, work.br, work.bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, power)
        for k in range(half + 1):
            store(power, k, load(power, k) * constants.fade[k])
        fold(power, constants.cos, constants.sin, ar, ai)
        odd, even = transform(ai, ar, work.bi, work.br, constants.half_cos, constants.half_sin)

        whole = load(even, 0)  # a frame without power has no correlation either
        scale = below(single(LEAST_POWER * length * half), whole) / larger(whole, single(1e-30))
        for lag in range(constants.shortest - 1, constants.longest + 2):  # the spectrum is spent: its room is taken
            product = load(odd, lag // 2) if lag % 2 else load(even, lag // 2)
            store(power, lag, product * scale * constants.correction[lag])
        _pick(power, first, constants, score, frames, out)


@part
def _pick(correlation: Array, first: int, constants: Lags, score: Array, frames: int, out: Array) -> None:
    """Keep the best peaks of eight frames' correlations, in no particular order."""
    for lane in range(LANES):
        for slot in range(CANDIDATES):
            out[(1 + slot) * frames + first + lane] = 0.0
            out[(1 + CANDIDATES + slot) * frames + first + lane] = 0.0
            score[lane * CANDIDATES + slot] = -np.inf
    bound = single(constants.least)
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
            own = lane * CANDIDATES
            worst = 0
            for slot in range(1, CANDIDATES):
                if score[own + slot] < score[own + worst]:
                    worst = slot
            value = top + constants.bonus[lag]
            if value > score[own + worst]:
                score[own + worst] = value
                out[(1 + worst) * frames + first + lane] = frequency_hz
                out[(1 + CANDIDATES + worst) * frames + first + lane] = top
        before, here = here, after
