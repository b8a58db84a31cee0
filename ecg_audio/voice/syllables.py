"""Syllable nuclei in the loudness contour.

After de Jong and Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically" (Behavior
Research Methods 41(2), 2009): a syllable is a peak of intensity, high enough, with a dip on either side, and voiced.
"""

from typing import Any

import numpy as np

Array = Any

DIP_DB = 2.0
BELOW_LOUDEST_DB = 25.0
SMOOTHING_FRAMES = 5


def _peaks(contour_dbfs: list[float]) -> list[int]:
    """Every largest value between two dips: a peak is one once the contour has fallen far enough below it."""
    found = []
    lowest, highest, highest_at = contour_dbfs[0], contour_dbfs[0], 0
    rising = False
    for t, level in enumerate(contour_dbfs):
        if rising and level > highest:
            highest, highest_at = level, t
        elif rising and level <= highest - DIP_DB:
            found.append(highest_at)
            rising, lowest = False, level
        elif not rising and level < lowest:
            lowest = level
        elif not rising and level >= lowest + DIP_DB:
            rising, highest, highest_at = True, level, t
    return found


def find_nuclei(rms_dbfs: Array, f0_hz: Array) -> Array:
    """Mark the frames in which a syllable is loudest.

    Args:
        rms_dbfs: float32, (frames,), NaN in digital silence.
        f0_hz: float32, (frames,), NaN where unvoiced.

    Returns:
        bool, (frames,).
    """
    nuclei = np.zeros(len(rms_dbfs), np.bool_)
    voiced = np.isfinite(f0_hz) & np.isfinite(rms_dbfs)
    if not voiced.any():
        return nuclei
    floor_dbfs = np.percentile(rms_dbfs[voiced], 99) - BELOW_LOUDEST_DB
    # everything below the floor is one level: a dip is a dip however deep the silence
    contour = np.maximum(np.nan_to_num(rms_dbfs, nan=-np.inf), floor_dbfs)
    window = np.hanning(SMOOTHING_FRAMES + 2)[1:-1]
    around = np.pad(contour, SMOOTHING_FRAMES // 2, mode="edge")
    nuclei[_peaks(np.convolve(around, window / window.sum(), "valid").tolist())] = True
    return nuclei & voiced
