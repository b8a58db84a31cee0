"""The peak of a frame's cepstrum over its line, eight frames at once."""

from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.kernels.compiled import kernel
from ecg_audio.voice.kernels.lanes import LANES, absolute, below, larger, load, single, store
from ecg_audio.voice.kernels.spectrum import logarithm
from ecg_audio.voice.kernels.transform import Scratch, fold, powers, transform

Array = Any

FLOOR = 1e-12
NEPERS_PER_OCTAVE = 0.6931471805599453
DB_PER_OCTAVE = 6.020599913279624  # of an amplitude


class Constants(NamedTuple):
    """Of the cepstrum; arrays are float32."""

    window: Array
    half_cos: Array
    half_sin: Array
    cos: Array
    sin: Array
    offset: Array  # (size / 2,): what to multiply the decibels with, to have the line's offset
    slope: Array  # and its slope
    shortest: int  # the peak's quefrencies, from this
    longest: int  # to before this


@kernel
def find_prominence(samples: Array, starts: Array, constants: Constants, work: Scratch, out: Array) -> None:
    """Height of the cepstrum's peak over a straight line through it, in decibels.

    Args:
        samples: float32, (any,).
        starts: int64, (frames,), a multiple of LANES: where each frame's window begins.
        constants: the constants.
        work: from `transform.scratch`.
        out: float32, (frames,).
    """
    length, half = len(constants.window), len(constants.half_cos)
    ar, ai, power = work.ar, work.ai, work.power
    for group in range(len(starts) // LANES):
        for lane in range(LANES):
            first = starts[group * LANES + lane]
            for i in range(length // 2):
                ar[i * LANES + lane] = samples[first + 2 * i] * constants.window[2 * i]
                ai[i * LANES + lane] = samples[first + 2 * i + 1] * constants.window[2 * i + 1]
        for i in range(length // 2, half):
            store(ar, i, single(0.0))
            store(ai, i, single(0.0))
        zr, zi = transform(ar, ai, work.br, work.bi, constants.half_cos, constants.half_sin)
        powers(zr, zi, constants.cos, constants.sin, power)
        for k in range(half + 1):
            store(power, k, logarithm(load(power, k) + FLOOR) * NEPERS_PER_OCTAVE)
        fold(power, constants.cos, constants.sin, ar, ai)
        odd, even = transform(ai, ar, work.bi, work.br, constants.half_cos, constants.half_sin)
        offset, slope = single(0.0), single(0.0)
        for at in range(half):  # the spectrum is spent: its room is taken
            value = load(odd, at // 2) if at % 2 else load(even, at // 2)
            decibels = logarithm(absolute(value) * (0.5 / half) + FLOOR) * DB_PER_OCTAVE
            store(power, at, decibels)
            offset += decibels * constants.offset[at]
            slope += decibels * constants.slope[at]
        best, at_best = load(power, constants.shortest), single(float(constants.shortest))
        for at in range(constants.shortest + 1, constants.longest):
            now = load(power, at)
            at_best += below(best, now) * (float(at) - at_best)
            best = larger(best, now)
        store(ar, 0, offset)
        store(ar, 1, slope)
        store(ar, 2, at_best)
        for lane in range(LANES):
            at = int(ar[2 * LANES + lane]) * LANES + lane
            left, top, right = power[at - LANES], power[at], power[at + LANES]
            bend = min(left - np.float32(2.0) * top + right, np.float32(-1e-6))
            shift = min(max((left - right) / (np.float32(2.0) * bend), np.float32(-0.5)), np.float32(0.5))
            peak = top - np.float32(0.25) * (left - right) * shift
            out[group * LANES + lane] = peak - (ar[lane] + ar[LANES + lane] * (ar[2 * LANES + lane] + shift))
