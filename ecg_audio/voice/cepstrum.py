"""Cepstral peak prominence: how far the periodicity of a voice stands out of its spectrum.

After Hillenbrand, Cleveland and Erickson, "Acoustic correlates of breathy vocal quality" (Journal of Speech and
Hearing Research 37, 1994): the cepstrum of 50 ms in decibels, the height of its peak between the periods of 60 and
500 Hz over a straight line through all of it. Nothing is smoothed over time, so a single frame's figure scatters;
means are meant.
"""

import functools
from typing import Any

import numpy as np
from scipy import fft

Array = Any

RATE_HZ = 10_000
WINDOW = 500
SIZE = 1024
LINE = slice(10, SIZE // 2)
"""Quefrencies from 1 ms on: before, there is the vocal tract."""
PEAK = slice(20, 168)
"""Periods of 500 to 60 Hz."""
FLOOR = 1e-12
PIECE = 256
"""Frames transformed at a time, which keeps them in the processor's cache."""


@functools.cache
def _line() -> tuple[Array, Array]:
    """What to multiply a cepstrum with, to have the offset and the slope of the line through it."""
    places = np.arange(SIZE // 2)[LINE]
    design = np.stack([np.ones(len(places)), places], axis=1)
    offset, slope = np.linalg.pinv(design)
    return offset.astype(np.float32), slope.astype(np.float32)


def find_prominence(slow: Array, margin: int, wanted: Array, out: Array) -> None:
    """Cepstral peak prominence of each frame.

    Args:
        slow: float32 at 10 kHz, as `formants.resampled` makes it.
        margin: hops of it before the first frame's centre.
        wanted: bool, (frames,): the others stay NaN.
        out: float32, (frames,), dB.
    """
    out[:] = np.nan
    hop = RATE_HZ // 100
    window = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    offset, slope = _line()
    windows = np.lib.stride_tricks.sliding_window_view(slow, WINDOW)
    frames = np.flatnonzero(wanted)
    for start in range(0, len(frames), PIECE):
        chosen = frames[start : start + PIECE]
        spectra = fft.rfft(windows[(chosen + margin) * hop - WINDOW // 2] * window, SIZE, axis=1)
        levels = np.log(spectra.real**2 + spectra.imag**2 + np.float32(FLOOR))
        cepstra = fft.irfft(levels, axis=1)[:, : SIZE // 2]
        decibels = np.float32(20.0 * np.log10(np.e)) * np.log(np.abs(cepstra) + np.float32(FLOOR))
        at = PEAK.start + decibels[:, PEAK].argmax(axis=1)
        rows = np.arange(len(chosen))
        left, top, right = decibels[rows, at - 1], decibels[rows, at], decibels[rows, at + 1]
        bend = np.minimum(left - 2 * top + right, np.float32(-1e-6))
        shift = np.clip((left - right) / (2 * bend), -0.5, 0.5)
        peak = top - np.float32(0.25) * (left - right) * shift
        line = (decibels[:, LINE] * offset).sum(axis=1) + (decibels[:, LINE] * slope).sum(axis=1) * (at + shift)
        out[chosen] = peak - line
