"""Cepstral peak prominence: how far the periodicity of a voice stands out of its spectrum.

After Hillenbrand, Cleveland and Erickson, "Acoustic correlates of breathy vocal quality" (Journal of Speech and
Hearing Research 37, 1994): the cepstrum of 50 ms in decibels, the height of its peak between the periods of 60 and
500 Hz over a straight line through all of it. Nothing is smoothed over time, so a single frame's figure scatters;
means are meant.
"""

import functools
from typing import Any

import numpy as np

from ecg_audio.voice.kernels.cepstrum import Constants
from ecg_audio.voice.kernels.transform import roots

Array = Any

RATE_HZ = 10_000
WINDOW = 500
SIZE = 1024
LINE = slice(10, SIZE // 2)
"""Quefrencies from 1 ms on: before, there is the vocal tract."""
PEAK = slice(20, 168)
"""Periods of 500 to 60 Hz."""


@functools.cache
def constants() -> Constants:
    """The kernel's constants."""
    places = np.arange(SIZE // 2)[LINE]
    offset, slope = np.zeros(SIZE // 2, np.float32), np.zeros(SIZE // 2, np.float32)
    offset[LINE], slope[LINE] = np.linalg.pinv(np.stack([np.ones(len(places)), places], axis=1))
    window = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    return Constants(window, *roots(SIZE // 2), *roots(SIZE), offset, slope, PEAK.start, PEAK.stop)
