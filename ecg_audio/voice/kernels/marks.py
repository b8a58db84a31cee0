"""Marks of the voice's periods, and how loud each period is."""

import math
from typing import Any

import numpy as np

from ecg_audio.voice.kernels.compiled import kernel, part
from ecg_audio.voice.kernels.lanes import LANES, double, load_at, total

Array = Any

HOP = 160
RATE_HZ = 16_000
FEWEST = 4
"""Marks that a stretch of voice needs to be of use."""
REACH = 0.2
"""The next mark is looked for within this share of a period around where it should be."""
LEAST_LIKE = 0.4
"""Correlation below which the next period is not found, and the chain of marks ends."""
MARKS_A_FRAME = 16
"""More than a frame, or the one frame of a stretch, can have, and the gap after it."""


@kernel
def find_marks(samples: Array, first: int, f0_hz: Array, marks: Array, loud: Array) -> int:
    """Set marks through every voiced stretch.

    Args:
        samples: float32.
        first: sample at which the first frame is centred.
        f0_hz: float32, (frames,), NaN where unvoiced.
        marks: out, float64, (MARKS_A_FRAME * (frames + 2),): places in samples, NaN after each stretch.
        loud: out, float64, likewise: amplitude around each mark, NaN where it has no neighbour.

    Returns:
        How many were filled.
    """
    frames = len(f0_hz)
    start, count = first - first, first - first  # literal zeros would be compiled for by themselves
    while start < frames:
        if math.isnan(f0_hz[start]):
            start += 1
            continue
        end = start
        while end < frames and not math.isnan(f0_hz[end]):
            end += 1
        found = _follow(samples, first, f0_hz, start, end, marks, count)
        if found - count >= FEWEST:
            for i in range(count + 1, found - 1):
                loud[i] = _amplitude(samples, marks[i - 1], marks[i], marks[i + 1])
            loud[count], loud[found - 1], loud[found], marks[found] = np.nan, np.nan, np.nan, np.nan
            count = found + 1
        start = end
    return count


@part
def _follow(samples: Array, first: int, f0_hz: Array, start: int, end: int, marks: Array, count: int) -> int:
    """Set marks after the `count` there are, through the voiced frames [start, end); returns how many there are."""
    low, high = first + start * HOP - HOP // 2, first + (end - 1) * HOP + HOP // 2
    middle = (start + end) // 2
    period = RATE_HZ / f0_hz[middle]
    centre = first + middle * HOP
    at, strongest = centre, np.float32(-1.0)
    for n in range(max(0, int(centre - 0.5 * period)), min(len(samples), int(centre + 0.5 * period) + 1)):
        if abs(samples[n]) > strongest:
            at, strongest = n, abs(samples[n])
    filled = count
    for way in (-1.0, 1.0):  # back from the middle, and then forth
        place = float(at)
        while not math.isnan(place):
            marks[filled] = place
            filled += 1
            place = _next(samples, place, way, first, f0_hz, low, high)
        if way < 0.0:
            for i in range((filled - count) // 2):
                marks[count + i], marks[filled - 1 - i] = marks[filled - 1 - i], marks[count + i]
            filled -= 1  # the middle itself is set again
    return filled


@part
def _next(samples: Array, place: float, way: float, first: int, f0_hz: Array, low: int, high: int) -> float:
    """The mark after (`way` 1) or before (-1) the one at `place`; NaN where there is none."""
    frame = min(len(f0_hz) - 1, max(0, int((place - first) / HOP + 0.5)))
    if math.isnan(f0_hz[frame]):
        return np.nan
    period = RATE_HZ / f0_hz[frame]
    half, at, step = int(0.5 * period), int(place + 0.5), int(way)
    shortest, longest = int((1.0 - REACH) * period), int((1.0 + REACH) * period) + 1
    outer = at + step * (longest + 1)
    if min(at, outer) - half < 0 or max(at, outer) + half >= len(samples):
        return np.nan
    length = 2 * half + 1
    own = _product(samples, at - half, at - half, length)
    if own <= 0.0:
        return np.nan
    to = at + step * (shortest - 2) - half
    power = _product(samples, to, to, length)
    here, best, best_lag, left, right = 0.0, -2.0, 0, 0.0, 0.0
    for lag in range(shortest - 1, longest + 2):
        left_out, taken_in = (to, to + length) if step > 0 else (to + length - 1, to - 1)
        power += np.float64(samples[taken_in]) ** 2 - np.float64(samples[left_out]) ** 2
        to += step
        product = _product(samples, at - half, to, length)
        now = product / math.sqrt(own * power) if power > 0.0 else 0.0
        if best_lag == lag - 1:
            right = now
        if shortest <= lag <= longest and now > best:
            best, best_lag, left = now, lag, here
        here = now
    if best < LEAST_LIKE:
        return np.nan
    bend = left - 2.0 * best + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    found = place + way * (best_lag + max(-0.5, min(0.5, shift)))
    return found if low <= found <= high else np.nan


@part
def _product(samples: Array, one: int, other: int, length: int) -> float:
    """The inner product of two stretches."""
    summed = double(0.0)
    whole = length // LANES * LANES
    for i in range(0, whole, LANES):
        summed += double(load_at(samples, one + i)) * double(load_at(samples, other + i))
    found: float = total(summed)
    for i in range(whole, length):
        found += np.float64(samples[one + i]) * np.float64(samples[other + i])
    return found


@part
def _amplitude(samples: Array, before: float, here: float, after: float) -> float:
    """Root mean square under a Hann window that rises from the mark before and falls to the mark after."""
    power, weight = 0.0, 0.0
    first, middle = max(0, int(before) + 1), math.ceil(here)
    for half in range(2):
        start, end, reach = (first, middle, here - before) if half == 0 else (middle, int(after) + 1, after - here)
        turn = math.pi / reach
        cos, sin = math.cos(turn * (start - here)), math.sin(turn * (start - here))
        turn_cos, turn_sin = math.cos(turn), math.sin(turn)
        for n in range(start, min(len(samples), end)):
            rise = 0.5 + 0.5 * cos
            power += (rise * samples[n]) ** 2
            weight += rise * rise
            cos, sin = cos * turn_cos - sin * turn_sin, sin * turn_cos + cos * turn_sin
    return math.sqrt(power / weight) if weight > 0.0 else 0.0
