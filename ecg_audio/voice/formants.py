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
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.lanes import LANES, double, load, load_at, store
from ecg_audio.voice.spectrum import HOP

Array = Any

CEILINGS_HZ = (5000, 5500)
FORMANTS = 3
ORDER = 10
WINDOW_S = 0.05
RAISED_FROM_HZ = 50.0
EDGE_HZ = 50.0
"""Roots nearer to 0 and to the ceiling than this are no formants."""
WIDEST_HZ = 1500.0
"""A root wider than this bends the spectrum and is no resonance; Praat counts it as a formant."""
ROUNDS = 60
CONVERGED = 1e-9
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


def resampled(samples: Array, ceiling_hz: int) -> Array:
    """A stretch of sound at twice a ceiling, its highs raised by 6 dB an octave, float32.

    Args:
        samples: float32, (n,), n a multiple of `HOP`.
        ceiling_hz: one of `CEILINGS_HZ`.
    """
    ratio = Fraction(2 * ceiling_hz, RATE_HZ)
    slow = resample_poly(samples, ratio.numerator, ratio.denominator)
    slow[1:] -= np.float32(math.exp(-2.0 * math.pi * RAISED_FROM_HZ / (2 * ceiling_hz))) * slow[:-1]
    return np.asarray(slow, np.float32)


def find_formants(slow: Array, margin: int, wanted: Array, ceiling_hz: int, out: Array) -> None:
    """Frequencies and bandwidths of the first three formants of each frame.

    Args:
        slow: from `resampled`.
        margin: hops of it before the first frame's centre.
        wanted: bool, (frames,), a multiple of LANES: the others stay NaN.
        ceiling_hz: that `slow` was made for.
        out: float32, (6, frames): F1, its bandwidth, F2 and so on, Hz; NaN where there is no such formant.
    """
    hop = 2 * ceiling_hz * HOP // RATE_HZ
    count = len(slow) // hop
    hops = np.ascontiguousarray(slow[: count * hop].reshape(count, hop).T).reshape(-1)
    window = gaussian(int(WINDOW_S * 2 * ceiling_hz))
    at = np.arange(len(window)) + margin * hop - len(window) // 2
    out[:] = np.nan
    _find(hops, at % hop * count + at // hop, window, wanted, 2.0 * ceiling_hz, out)


@kernel
def _find(hops: Array, places: Array, window: Array, wanted: Array, rate_hz: float, out: Array) -> None:
    length = len(window)
    forward, backward = np.empty(length * LANES), np.empty(length * LANES)
    coefficients = np.empty((ORDER + 1) * LANES)
    polynomial = np.empty(ORDER + 1)
    roots = np.empty(ORDER, np.complex128)
    for group in range(len(wanted) // LANES):
        first = group * LANES
        if not wanted[first : first + LANES].any():
            continue
        for i in range(length):
            sample = double(load_at(hops, places[i] + first)) * window[i]
            store(forward, i, sample)
            store(backward, i, sample)
        _burg(forward, backward, length, coefficients)
        for lane in range(LANES):
            if not wanted[first + lane]:
                continue
            for k in range(ORDER + 1):
                polynomial[k] = coefficients[k * LANES + lane]
            if _solve(polynomial, roots):
                _choose(roots, rate_hz, out[:, first + lane])


@kernel
def _burg(forward: Array, backward: Array, length: int, coefficients: Array) -> None:
    """Prediction polynomials 1 + a1 / z + ... of eight windowed frames, by Burg's recursion."""
    earlier = np.empty((ORDER + 1) * LANES)
    store(coefficients, 0, double(1.0))
    for k in range(1, ORDER + 1):
        store(coefficients, k, double(0.0))
    for order in range(1, ORDER + 1):
        product, power = double(0.0), double(1e-30)
        for n in range(order, length):
            ahead, behind = load(forward, n), load(backward, n - 1)
            product += ahead * behind
            power += ahead * ahead + behind * behind
        reflection = product * -2.0 / power
        for n in range(length - 1, order - 1, -1):
            ahead, behind = load(forward, n), load(backward, n - 1)
            store(forward, n, ahead + reflection * behind)
            store(backward, n, behind + reflection * ahead)
        for k in range(order + 1):
            store(earlier, k, load(coefficients, k))
        for k in range(1, order + 1):
            store(coefficients, k, load(earlier, k) + reflection * load(earlier, order - k))


@kernel
def _solve(polynomial: Array, roots: Array) -> bool:
    """All roots of a monic polynomial at once, by Aberth's iteration; whether they were found."""
    order = len(roots)
    for i in range(order):
        angle = 2.0 * math.pi * (i + 0.35) / order
        roots[i] = 0.9 * complex(math.cos(angle), math.sin(angle))
    for _round in range(ROUNDS):
        largest = 0.0
        for i in range(order):
            z = roots[i]
            value, slope = complex(polynomial[0], 0.0), complex(0.0, 0.0)
            for k in range(1, order + 1):
                slope = slope * z + value
                value = value * z + polynomial[k]
            others = complex(0.0, 0.0)
            for j in range(order):
                if j != i:
                    gap = z - roots[j]
                    scale = 1.0 / (gap.real * gap.real + gap.imag * gap.imag + 1e-300)
                    others += complex(gap.real * scale, -gap.imag * scale)
            below = slope - value * others
            scale = below.real * below.real + below.imag * below.imag
            if scale == 0.0:
                continue
            step = value * complex(below.real, -below.imag) / scale
            roots[i] = z - step
            largest = max(largest, abs(step.real) + abs(step.imag))
        if largest < CONVERGED:
            return True
    return False


@kernel
def _choose(roots: Array, rate_hz: float, out: Array) -> None:
    """Write the lowest three resonances, each with its bandwidth, in order of frequency."""
    found = 0
    last_hz = EDGE_HZ
    while found < FORMANTS:
        best_hz, width_hz = rate_hz / 2.0 - EDGE_HZ, -1.0
        for root in roots:
            frequency_hz = math.atan2(root.imag, root.real) * rate_hz / (2.0 * math.pi)
            wide_hz = abs(math.log(abs(root))) * rate_hz / math.pi
            if last_hz < frequency_hz < best_hz and wide_hz <= WIDEST_HZ:
                best_hz, width_hz = frequency_hz, wide_hz
        if width_hz < 0.0:
            return
        out[2 * found], out[2 * found + 1] = best_hz, width_hz
        last_hz = best_hz
        found += 1
