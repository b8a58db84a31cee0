"""Formants by linear prediction: the resonances of the vocal tract.

After Praat's "To Formant (burg)" (Boersma and Weenink): the sound is resampled to twice a ceiling, its highs are
raised from 50 Hz on, 25 ms (twice that under the window's tails) are weighted by a Gaussian, Burg's recursion
(Childers, Modern spectrum analysis, 1978) gives ten coefficients, and the roots of their polynomial are resonances.
Five formants are expected below the ceiling: 5 kHz for low voices, 5.5 kHz for high ones, whose vocal tracts are
shorter.
"""

import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.sampling import RATE_HZ

Array = Any

CEILINGS_HZ = (5000, 5500)
FORMANTS = 3
WINDOW_S = 0.05
RAISED_FROM_HZ = 50.0
EDGE_HZ = 50.0
"""Roots nearer to 0 and to the ceiling than this are no formants."""
WIDEST_HZ = 1500.0
"""A root wider than this bends the spectrum and is no resonance; Praat counts it as a formant."""
CROSSINGS, KAISER_BETA = 10, 5.0
"""Of the resampling filter: zero crossings to either side, and its window."""
COLUMNS = tuple(
    f"f{number}{part}_below_{ceiling}_hz"
    for ceiling in CEILINGS_HZ
    for number in (1, 2, 3)
    for part in ("", "_bandwidth")
)


@functools.cache
def gaussian(length: int) -> Array:
    """Praat's window: a Gaussian that is let down to zero at its edges, float64."""
    place = np.arange(1, length + 1) - 0.5 * (length + 1)
    return (np.exp(-48.0 * place**2 / (length + 1) ** 2) - math.exp(-12.0)) / (1.0 - math.exp(-12.0))


class Filter(NamedTuple):
    """What makes a hop of sound at twice a ceiling from sound at 16 kHz."""

    samples: Array  # int64, (any,): which samples it takes, counted from the hop's first
    starts: Array  # int64, (new hop,): the first of these that each new sample takes
    taps: Array  # float32, (new hop, taps): their weights


@functools.cache
def resampling(ceiling_hz: int) -> Filter:
    """Resampling to twice a ceiling, and highs raised by 6 dB an octave, in one filter.

    The low-pass is that of `scipy.signal.resample_poly`.
    """
    ratio = Fraction(2 * ceiling_hz, RATE_HZ)
    up, down = ratio.numerator, ratio.denominator
    half = CROSSINGS * max(up, down)
    low_pass = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, KAISER_BETA)
    low_pass *= up / low_pass.sum()
    kept = math.exp(-2.0 * math.pi * RAISED_FROM_HZ / (2 * ceiling_hz))

    def weights(places: Array) -> Array:
        return np.where(abs(places) <= half, low_pass[np.clip(places + half, 0, 2 * half)], 0.0)

    phases = np.arange(2 * ceiling_hz // 100)[:, None] * down
    width = math.ceil(((2 * half + down) / up + 1) / 4) * 4
    first = (phases - down - half) // up
    samples = first + np.arange(width)
    own, before = weights(phases - samples * up), weights(phases - down - samples * up)
    taps = (own - kept * before).astype(np.float32)
    return Filter(np.arange(samples.min(), samples.max() + 1), (first - samples.min()).ravel(), taps)


def choose(re: Array, im: Array, rate_hz: float) -> Array:
    """The lowest three resonances of each frame, each with its bandwidth.

    Args:
        re: float64, (roots, frames): of the prediction polynomials; NaN where there are none.
        im: likewise.
        rate_hz: of the sound.

    Returns:
        float64, (6, frames): F1, its bandwidth, F2 and so on, Hz; NaN where there is no such formant.
    """
    hz = np.arctan2(im, re) * (rate_hz / (2.0 * np.pi))
    wide_hz = np.abs(np.log(re * re + im * im)) * (0.5 * rate_hz / np.pi)
    # NaN is no resonance either
    resonant = (hz > EDGE_HZ) & (hz < rate_hz / 2.0 - EDGE_HZ) & (wide_hz <= WIDEST_HZ)
    hz = np.where(resonant, hz, np.nan)
    lowest = np.argsort(hz, axis=0)[:FORMANTS]
    found = np.empty((2 * FORMANTS, hz.shape[1]))
    found[::2] = np.take_along_axis(hz, lowest, axis=0)
    found[1::2] = np.where(np.isnan(found[::2]), np.nan, np.take_along_axis(wide_hz, lowest, axis=0))
    return found
