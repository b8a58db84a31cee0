"""Synthetic voices whose jitter, shimmer, formants, noise and tilt are set, after the source-filter model."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any

RATE_HZ = 16_000
OVERSAMPLED = 8
"""Pulses are placed on a grid this much finer, so that a period is set to a hundredth of a sample."""
VOWELS = {
    "a": (730.0, 1090.0, 2440.0, 3500.0, 4500.0),
    "i": (300.0, 2200.0, 2960.0, 3600.0, 4500.0),
    "u": (320.0, 870.0, 2240.0, 3400.0, 4400.0),
    "ae": (660.0, 1720.0, 2410.0, 3500.0, 4500.0),
}
BANDWIDTHS_HZ = (80.0, 100.0, 140.0, 200.0, 250.0)


@dataclass(frozen=True)
class Voice:
    """A sustained vowel and what is true of it.

    Attributes:
        samples: float32 at 16 kHz.
        truth: figures by the names of our columns, as far as they were set.
    """

    samples: Array
    truth: dict[str, float]


def sustained(
    f0_hz: float,
    vowel: str = "a",
    *,
    jitter: float = 0.0,
    shimmer_db: float = 0.0,
    hnr_db: float | None = None,
    seconds: float = 3.0,
    scale: float = 1.0,
    seed: int = 0,
) -> Voice:
    """A vowel of steady pitch.

    Args:
        f0_hz: its pitch.
        vowel: one of `VOWELS`.
        jitter: standard deviation of the periods, as a share of their mean.
        shimmer_db: standard deviation of the pulses' amplitudes.
        hnr_db: power of the voice over that of white noise added to it; None: none is.
        seconds: its length.
        scale: of the formants: above 1 for shorter vocal tracts.
        seed: of what is random.
    """
    from scipy.signal import decimate, lfilter

    random = np.random.default_rng(seed)
    fine_hz = RATE_HZ * OVERSAMPLED
    count = int(seconds * f0_hz) + 2
    periods = fine_hz / f0_hz * (1.0 + jitter * random.normal(size=count))
    places = np.cumsum(periods)
    places = np.rint(places[places < seconds * fine_hz - 10]).astype(int)
    gains = 10 ** (shimmer_db * random.normal(size=len(places)) / 20)
    # each period is a pulse through the vocal tract, begun anew: neighbours do not blend into each other's amplitude
    source = np.zeros(int(seconds * fine_hz))
    source[places] = gains
    pole = np.exp(-2 * np.pi * 100.0 / fine_hz)
    voice = lfilter([1.0], [1.0, -2 * pole, pole * pole], source)  # a glottal slope of -12 dB an octave
    voice = np.diff(voice, prepend=0.0)  # and +6 dB of radiation
    for formant_hz, width_hz in zip(VOWELS[vowel], BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width_hz / fine_hz)
        angle = 2 * np.pi * formant_hz * scale / fine_hz
        voice = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius * radius], voice)
    voice = decimate(voice / np.abs(voice).max(), OVERSAMPLED, ftype="fir")
    voice -= voice.mean()
    voice *= 0.1 / np.sqrt(np.mean(voice**2))
    if hnr_db is not None:
        noise = random.normal(size=len(voice))
        voice = voice + noise * 0.1 / np.sqrt(np.mean(noise**2)) / 10 ** (hnr_db / 20)
    lengths = np.diff(places)
    amplitudes = gains[1:]
    truth = {
        "f0_mean_hz": fine_hz / float(lengths.mean()),
        "jitter_local": float(np.abs(np.diff(lengths)).mean() / lengths.mean()),
        "jitter_rap": _perturbation(lengths, 3),
        "jitter_ppq5": _perturbation(lengths, 5),
        "shimmer_local": float(np.abs(np.diff(amplitudes)).mean() / amplitudes.mean()),
        "shimmer_apq3": _perturbation(amplitudes, 3),
        "shimmer_apq11": _perturbation(amplitudes, 11),
        "shimmer_db": float(np.abs(20 * np.log10(amplitudes[1:] / amplitudes[:-1])).mean()),
        **{f"f{number + 1}_hz": VOWELS[vowel][number] * scale for number in range(3)},
        **{f"f{number + 1}_bandwidth_hz": BANDWIDTHS_HZ[number] for number in range(3)},
    }
    if hnr_db is not None:
        truth["hnr_db"] = hnr_db
    return Voice(voice.astype(np.float32), truth)


def _perturbation(values: Array, width: int) -> float:
    """Mean deviation of each value from the mean of `width` around it, by the mean of all."""
    around = np.convolve(values, np.ones(width) / width, "valid")
    half = width // 2
    return float(np.abs(values[half:-half] - around).mean() / np.mean(values))
