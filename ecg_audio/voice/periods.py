"""From one period of the voice to the next: jitter and shimmer.

Marks are set as Praat's "To PointProcess (cc)" sets them: from the strongest sample in the middle of a voiced stretch
in both directions, each where the sound is most like that around the mark before. A period's amplitude is the root mean
square under a Hann window from the mark before to the mark after. Each measure is taken at each period, relative to the
mean of the very periods it compares, so that a melody is no jitter; a frame has the mean over the periods marked in it.
"""

import math
from typing import Any

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.spectrum import HOP

Array = Any

COLUMNS = (
    "jitter_local",
    "jitter_rap",
    "jitter_ppq5",
    "shimmer_local",
    "shimmer_apq3",
    "shimmer_apq11",
    "shimmer_db",
)
REACH = 0.2
"""The next mark is looked for within this share of a period around where it should be."""
LEAST_LIKE = 0.4
"""Correlation below which the next period is not found, and the chain of marks ends."""
MOST_LONGER, MOST_LOUDER = 1.3, 1.6
"""Neighbours that differ by more than these factors are no neighbours: a period was missed (Praat's bounds)."""
HALF = 5  # periods to either side that the widest measure takes


@kernel
def find_perturbation(samples: Array, first: int, f0_hz: Array, out: Array) -> None:
    """Jitter and shimmer of each frame.

    Args:
        samples: float32.
        first: sample at which the first frame is centred.
        f0_hz: float32, (frames,), NaN where unvoiced.
        out: float32, (7, frames): what `COLUMNS` names, NaN where no period can be compared.
    """
    frames = len(f0_hz)
    counts = np.zeros((len(COLUMNS), frames), np.int32)
    marks = np.empty(2 * (frames + 2) * 8)
    out[:] = 0.0
    start = 0
    while start < frames:
        if math.isnan(f0_hz[start]):
            start += 1
            continue
        end = start
        while end < frames and not math.isnan(f0_hz[end]):
            end += 1
        count = _mark(samples, first, f0_hz, start, end, marks)
        _compare(samples, first, marks[:count], out, counts)
        start = end
    for row in range(len(COLUMNS)):
        for t in range(frames):
            out[row, t] = out[row, t] / counts[row, t] if counts[row, t] else np.nan


@kernel
def _mark(samples: Array, first: int, f0_hz: Array, start: int, end: int, marks: Array) -> int:
    """Set marks, in samples, through the voiced frames [start, end); returns how many."""
    low, high = first + start * HOP - HOP // 2, first + (end - 1) * HOP + HOP // 2
    middle = (start + end) // 2
    period = RATE_HZ / f0_hz[middle]
    centre = first + middle * HOP
    at, strongest = centre, -1.0
    for n in range(max(0, int(centre - 0.5 * period)), min(len(samples), int(centre + 0.5 * period) + 1)):
        if abs(samples[n]) > strongest:
            at, strongest = n, abs(samples[n])
    most = len(marks) // 2
    back, place = 0, float(at)
    while back < most:
        place = _next(samples, place, -1.0, first, f0_hz, low, high)
        if math.isnan(place):
            break
        marks[back] = place
        back += 1
    for i in range(back // 2):
        marks[i], marks[back - 1 - i] = marks[back - 1 - i], marks[i]
    marks[back] = at
    count, place = back + 1, float(at)
    while count < len(marks):
        place = _next(samples, place, 1.0, first, f0_hz, low, high)
        if math.isnan(place):
            break
        marks[count] = place
        count += 1
    return count


@kernel
def _next(samples: Array, place: float, way: float, first: int, f0_hz: Array, low: int, high: int) -> float:
    """The mark after (`way` 1) or before (-1) the one at `place`; NaN where there is none."""
    frame = min(len(f0_hz) - 1, max(0, int((place - first) / HOP + 0.5)))
    if math.isnan(f0_hz[frame]):
        return np.nan
    period = RATE_HZ / f0_hz[frame]
    half = int(0.5 * period)
    at = int(place + 0.5)
    shortest, longest = int((1.0 - REACH) * period), int((1.0 + REACH) * period) + 1
    outer = at + int(way) * (longest + 1)
    if min(at, outer) - half < 0 or max(at, outer) + half >= len(samples):
        return np.nan
    own = 0.0
    for i in range(-half, half + 1):
        own += np.float64(samples[at + i]) * np.float64(samples[at + i])
    if own <= 0.0:
        return np.nan
    here, best, best_lag, left, right = 0.0, -2.0, 0, 0.0, 0.0
    waiting = False
    for lag in range(shortest - 1, longest + 2):
        to = at + int(way) * lag
        product, power = 0.0, 0.0
        for i in range(-half, half + 1):
            one = np.float64(samples[to + i])
            product += np.float64(samples[at + i]) * one
            power += one * one
        now = product / math.sqrt(own * power) if power > 0.0 else 0.0
        if waiting:
            right, waiting = now, False
        if shortest <= lag <= longest and now > best:
            best, best_lag, left, waiting = now, lag, here, True
        here = now
    if best < LEAST_LIKE:
        return np.nan
    bend = left - 2.0 * best + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    found = place + way * (best_lag + max(-0.5, min(0.5, shift)))
    return found if low <= found <= high else np.nan


@kernel
def _compare(samples: Array, first: int, marks: Array, out: Array, counts: Array) -> None:
    """Add each period's measures to the frame that its mark lies in."""
    count = len(marks)
    if count < 4:
        return
    lengths, loud = np.zeros(count), np.zeros(count)  # of the period that ends, and around, each mark
    for i in range(1, count):
        lengths[i] = marks[i] - marks[i - 1]
    for i in range(1, count - 1):
        loud[i] = _amplitude(samples, marks[i - 1], marks[i], marks[i + 1])
    for i in range(1, count - 1):
        frame = math.floor((marks[i] - first) / HOP + 0.5)
        if not 0 <= frame < out.shape[1]:
            continue
        mine, after = lengths[i], lengths[i + 1]
        if max(mine, after) > MOST_LONGER * min(mine, after):
            continue
        _add(out, counts, 0, frame, abs(mine - after) / (0.5 * (mine + after)))
        for row, half in ((1, 1), (2, 2)):
            if i - 1 - half >= 0 and i + half < count and _is_even(lengths, i - half, i + half, MOST_LONGER):
                mean = (marks[i + half] - marks[i - 1 - half]) / (2 * half + 1)
                _add(out, counts, row, frame, abs(mine - mean) / mean)
        if i + 1 >= count - 1:
            continue
        here, there = loud[i], loud[i + 1]
        if min(here, there) <= 0.0 or max(here, there) > MOST_LOUDER * min(here, there):
            continue
        _add(out, counts, 3, frame, abs(here - there) / (0.5 * (here + there)))
        _add(out, counts, 6, frame, abs(20.0 * math.log10(here / there)))
        for row, half in ((4, 1), (5, HALF)):
            if i - half < 1 or i + half >= count - 1:
                continue
            # of three, one pair has been compared; among eleven a missed period is likely
            if half == 1 or _is_even(loud, i - half, i + half, MOST_LOUDER):
                mean = 0.0
                for j in range(i - half, i + half + 1):
                    mean += loud[j] / (2 * half + 1)
                _add(out, counts, row, frame, abs(here - mean) / mean)


@kernel
def _is_even(values: Array, first: int, last: int, most: float) -> bool:
    """Whether no two neighbours of values [first, last] differ by more than this factor."""
    for i in range(first, last):
        low, high = min(values[i], values[i + 1]), max(values[i], values[i + 1])
        if low <= 0.0 or high > most * low:
            return False
    return True


@kernel
def _add(out: Array, counts: Array, row: int, frame: int, value: float) -> None:
    out[row, frame] += value
    counts[row, frame] += 1


@kernel
def _amplitude(samples: Array, before: float, here: float, after: float) -> float:
    """Root mean square under a Hann window that rises from the mark before and falls to the mark after."""
    total, weight = 0.0, 0.0
    for n in range(max(0, int(before) + 1), min(len(samples), int(after) + 1)):
        reach = here - before if n < here else after - here
        rise = 0.5 + 0.5 * math.cos(math.pi * (n - here) / reach)
        total += (rise * samples[n]) ** 2
        weight += rise * rise
    return math.sqrt(total / weight) if weight > 0.0 else 0.0
