"""Syllable nuclei in the loudness contour.

After de Jong and Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically" (Behavior
Research Methods 41(2), 2009): a syllable is a peak of intensity, high enough, with a dip on either side, and voiced.
"""

import warnings
from typing import Any

import numpy as np

Array = Any

DIP_DB = 2.0
BELOW_LOUDEST_DB = 25.0
SMOOTHING_FRAMES = 5
NEIGHBOURHOOD_FRAMES = 101
"""How far a dip may lie away: half a second to either side."""


def find_nuclei(rms_dbfs: Array, f0_hz: Array) -> Array:
    """Mark the frames in which a syllable is loudest.

    Args:
        rms_dbfs: float32, (frames,), NaN in digital silence.
        f0_hz: float32, (frames,), NaN where unvoiced.

    Returns:
        bool, (frames,).
    """
    from scipy.ndimage import convolve1d
    from scipy.signal import find_peaks

    nuclei = np.zeros(len(rms_dbfs), np.bool_)
    voiced = np.isfinite(f0_hz)
    if not voiced.any():
        return nuclei
    loudest_dbfs = np.percentile(rms_dbfs[voiced], 99)
    floor_dbfs = float(loudest_dbfs) - BELOW_LOUDEST_DB
    # everything below the floor is one level: a dip is a dip however deep the silence
    contour = np.maximum(np.nan_to_num(rms_dbfs, nan=-np.inf), floor_dbfs)
    window = np.hanning(SMOOTHING_FRAMES + 2)[1:-1]
    smooth = convolve1d(contour, window / window.sum(), mode="nearest")
    with warnings.catch_warnings():
        # a peak on a slope that fills the neighbourhood has prominence 0: rightly none, and no news
        warnings.filterwarnings("ignore", "some peaks have a prominence of 0", RuntimeWarning)
        peaks, _ = find_peaks(smooth, height=floor_dbfs + 1e-3, prominence=DIP_DB, wlen=NEIGHBOURHOOD_FRAMES)
    nuclei[peaks[voiced[peaks]]] = True
    return nuclei
