"""What the 32 ms spectrum of a frame tells: centroid, rolloff, flatness, mel-frequency cepstrum, loudness and balance.

The definitions are librosa's (0.11, magnitude spectrum, periodic Hann, 40 Slaney mels, orthonormal DCT), with one
difference: levels have an absolute floor and no `top_db`, which would let a file's loudest sample move the cepstrum
of all its other frames.

Alpha ratio, Hammarberg index and the two slopes are those of eGeMAPS (Eyben et al., "The Geneva Minimalistic Acoustic
Parameter Set", IEEE Trans. Affective Computing 7(2), 2016), of this spectrum. Loudness adds the mel bands' powers,
each weighted by equal loudness (Hermansky 1990) and raised to 0.3, so that 10 dB more sound twice as loud (Stevens);
the unit is set so that a sine of 1 kHz at -60 dBFS has 1 sone. Flux is the distance of two neighbouring magnitude
spectra, each of unit length: a change of level alone is none.
"""

import functools
import math
from typing import Any

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.kernels.spectrum import CEPSTRA, MELS, POWER_FLOOR, SLOPE_BINS, WINDOW, Tables
from ecg_audio.voice.kernels.transform import order, roots

Array = Any

BALANCE = (
    "alpha_ratio_db",
    "hammarberg_index_db",
    "slope_0_500_db_per_hz",
    "slope_500_1500_db_per_hz",
    "spectral_flux",
    "loudness_sone",
)
"""The last of the kernel's rows in their order, and what is made of its mel bands."""
SLOPES = (1, 17, SLOPE_BINS)
"""Bins of the slopes: from above the direct current to 500 Hz, and from 500 to 1500 Hz."""
STEVENS = 0.3
NEPERS = STEVENS * math.log(10.0) / 10.0  # of loudness to a decibel
ONE_SONE_DBFS = -60.0
SILENT_RMS = 1e-6
"""Below -120 dBFS a frame holds nothing to describe: less than a 24-bit recording's own noise."""


def mel_filters() -> Array:
    """The 40 triangular mel filters of Slaney's Auditory Toolbox (1998), each of unit area, as float32 (40, 257).

    The scale is linear below 1 kHz and logarithmic above.
    """

    def to_hz(mels: Array) -> Array:
        linear = mels * (200.0 / 3.0)
        return np.where(mels < 15.0, linear, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mels - 15.0)))

    top_mel = 15.0 + np.log(RATE_HZ / 2 / 1000.0) / (np.log(6.4) / 27.0)
    edges_hz = to_hz(np.linspace(0.0, top_mel, MELS + 2))
    bins_hz = np.fft.rfftfreq(WINDOW, 1.0 / RATE_HZ)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    triangles = np.maximum(0.0, np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)))
    return (triangles * (2.0 / (high - low))).astype(np.float32)


def cosine_basis() -> Array:
    """The first 13 rows of the orthonormal DCT-II of 40 points, float32."""
    order = np.arange(CEPSTRA)[:, None]
    basis = np.sqrt(2.0 / MELS) * np.cos(np.pi * order * (np.arange(MELS) + 0.5) / MELS)
    basis[0] /= np.sqrt(2.0)
    return basis.astype(np.float32)


@functools.cache
def tables() -> Tables:
    """The kernel's constants."""
    mel = mel_filters()
    first = np.array([np.flatnonzero(row)[0] for row in mel])
    end = np.array([np.flatnonzero(row)[-1] + 1 for row in mel])
    spectra = (*roots(WINDOW // 2, np.float64), *roots(WINDOW, np.float64))
    first_bin, middle_bin, end_bin = SLOPES
    slopes = (_slope_weights(first_bin, middle_bin), _slope_weights(middle_bin - 1, end_bin))
    return Tables(_window(), *spectra, mel.ravel(), first, end, cosine_basis().ravel(), order(WINDOW // 2), *slopes)


def _window() -> Array:
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)


def sones(decibels: Array) -> Array:
    """Loudness of frames, float32 (frames,), from the decibels of their mel bands, float32 (40, frames)."""
    weights, nothing = _sones()
    bands = decibels * np.float32(NEPERS)
    bands += weights[:, None]
    heard = np.exp(bands, out=bands).sum(axis=0, dtype=np.float64) - nothing
    return np.maximum(0.0, heard).astype(np.float32)


@functools.cache
def _sones() -> tuple[Array, float]:
    """Logarithms of the bands' weights, float32, and what the floor alone would add up to."""
    weights = _sone_weights(_window(), mel_filters())
    return weights.astype(np.float32), float((np.exp(weights) * POWER_FLOOR**STEVENS).sum())


def _slope_weights(first: int, end: int) -> Array:
    """Weights of a straight line's slope by least squares through bins [first, end), as float32 (49,)."""
    hz = np.arange(first, end) * (RATE_HZ / WINDOW)
    weights = np.zeros(SLOPE_BINS, np.float32)
    weights[first:end] = (hz - hz.mean()) / ((hz - hz.mean()) ** 2).sum()
    return weights


def _sone_weights(window: Array, mel: Array) -> Array:
    """Logarithms of what a band's power, raised to `STEVENS`, is multiplied with to become sones."""
    bins_hz = np.fft.rfftfreq(WINDOW, 1.0 / RATE_HZ)
    centres = (2.0 * np.pi * (mel * bins_hz).sum(axis=1) / mel.sum(axis=1)) ** 2
    equal = (centres + 56.8e6) * centres**2 / ((centres + 6.3e6) ** 2 * (centres + 0.38e9))
    weights = (equal / mel.max(axis=1)) ** STEVENS  # a filter's area is one: by its height, it takes power
    sine = 10.0 ** (ONE_SONE_DBFS / 20.0) * np.sqrt(2.0) * np.sin(2.0 * np.pi * 1000.0 / RATE_HZ * np.arange(WINDOW))
    bands = np.maximum(POWER_FLOOR, mel @ np.abs(np.fft.rfft(window * sine)) ** 2)
    return np.log(weights / (weights * (bands**STEVENS - POWER_FLOOR**STEVENS)).sum())
