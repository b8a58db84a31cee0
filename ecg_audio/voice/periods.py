"""From one period of the voice to the next: jitter and shimmer.

Marks are set as Praat's "To PointProcess (cc)" sets them: from the strongest sample in the middle of a voiced stretch
in both directions, each where the sound is most like that around the mark before. A period's amplitude is the root mean
square under a Hann window from the mark before to the mark after. Each measure is taken at each period, relative to the
mean of the very periods it compares, so that a melody is no jitter; a frame has the mean over the periods marked in it.
"""

from typing import Any

import numpy as np

from ecg_audio.voice.kernels.marks import HOP, MARKS_A_FRAME, find_marks

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
MOST_LONGER, MOST_LOUDER = 1.3, 1.6
"""Neighbours that differ by more than these factors are no neighbours: a period was missed (Praat's bounds)."""
HALF = 5  # periods to either side that the widest measure takes


def find_perturbation(samples: Array, first: int, f0_hz: Array) -> Array:
    """Jitter and shimmer of each frame.

    Args:
        samples: float32.
        first: sample at which the first frame is centred.
        f0_hz: float32, (frames,), NaN where unvoiced.

    Returns:
        float64, (7, frames): what `COLUMNS` names, NaN where no period can be compared.
    """
    room = MARKS_A_FRAME * (len(f0_hz) + 2)
    marks, loud = np.empty(room), np.empty(room)
    count = find_marks(samples, first, f0_hz, marks, loud)
    frames = np.floor((marks[:count] - first) / HOP + 0.5)
    inside = (frames >= 0) & (frames < len(f0_hz))  # not a gap's NaN
    owners = np.where(inside, frames, 0).astype(np.int64)
    found = np.empty((len(COLUMNS), len(f0_hz)))
    for row, measure in enumerate(_compare(marks[:count], loud[:count])):
        taken = inside & np.isfinite(measure)
        sums = np.bincount(owners[taken], measure[taken], len(f0_hz))
        with np.errstate(invalid="ignore"):  # nothing of nothing is NaN
            found[row] = sums / np.bincount(owners[taken], minlength=len(f0_hz))
    return found


def _compare(marks: Array, loud: Array) -> tuple[Array, ...]:
    """Each period's measures, NaN where its neighbours are missing or no neighbours."""
    lengths = marks - _shifted(marks, -1)  # of the period that ends at each mark
    next_length, next_loud = _shifted(lengths, 1), _shifted(loud, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        steady, even = _is_close(lengths, next_length, MOST_LONGER), _is_close(loud, next_loud, MOST_LOUDER)
        jitter = [abs(lengths - next_length) / (0.5 * (lengths + next_length))]
        for half in (1, 2):
            mean = (_shifted(marks, half) - _shifted(marks, -1 - half)) / (2 * half + 1)
            jitter.append(np.where(_all_around(steady, half), abs(lengths - mean) / mean, np.nan))
        shimmer = [abs(loud - next_loud) / (0.5 * (loud + next_loud))]
        for half in (1, HALF):
            mean = sum(_shifted(loud, by) for by in range(-half, half + 1)) / (2 * half + 1)
            # of three, one pair has been compared; among eleven a missed period is likely
            close = True if half == 1 else _all_around(even, half)
            shimmer.append(np.where(close, abs(loud - mean) / mean, np.nan))
        shimmer.append(abs(20.0 * np.log10(loud / next_loud)))
    both = steady & even
    return (*(np.where(steady, one, np.nan) for one in jitter), *(np.where(both, one, np.nan) for one in shimmer))


def _shifted(values: Array, by: int) -> Array:
    """What lies `by` places on, NaN beyond the ends."""
    out = np.full(len(values), np.nan)
    inside = max(0, len(values) - abs(by))
    if by >= 0:
        out[:inside] = values[by:]
    else:
        out[-by:] = values[:inside]
    return out


def _is_close(one: Array, other: Array, most: float) -> Array:
    """Whether two are above zero and differ by no more than a factor; not where one is NaN."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    return (low > 0.0) & (high <= most * low)


def _all_around(close: Array, half: int) -> Array:
    """Whether no two neighbours among the 2 half + 1 around each differ by too much."""
    around = np.ones(len(close), np.bool_)
    for by in range(-half, half):
        around &= np.nan_to_num(_shifted(close.astype(np.float64), by)).astype(np.bool_)
    return around
