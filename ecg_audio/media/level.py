"""How loud the voice of a recording is, how far above its noise, and how wide its band: read while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg_audio.sampling import RATE_HZ

Array = Any

WINDOW = 1600
"""Samples whose level is taken together: 100 ms, about half a syllable."""
SPECTRUM = 512
"""Samples in the middle of every other of them whose spectrum is taken."""
MARGIN_DB = 15.9
"""The active level is that of the windows no further below it than this: the method of ITU-T P.56, on windows where it
has an envelope."""
NOISE_PERCENTILE = 10.0
FEWEST_FOR_NOISE = 20
"""Windows without which nothing can be said about the noise: two seconds."""
BAND_DB = 40.0
"""The band ends where the mean spectrum stays this far below its middle between the two frequencies below: voices fall
by 20 to 35 dB up to 8 kHz, what a telephone or a low sample rate cuts off by 50 and more."""
MIDDLE_HZ = (300.0, 3000.0)
SMOOTHING = 5
"""Neighbouring bins of the spectrum that are averaged, 156 Hz."""


@dataclass(frozen=True, slots=True)
class Level:
    """Figures of a recording; None: there is too little of it.

    Attributes:
        active_dbfs: level of what is spoken, pauses left out.
        noise_dbfs: level that a tenth of the windows stays below; digital silence left out.
        bandwidth_hz: up to where there is sound, at most 8000.
    """

    active_dbfs: float | None = None
    noise_dbfs: float | None = None
    bandwidth_hz: float | None = None

    @property
    def snr_db(self) -> float | None:
        """How far what is spoken lies above the noise, estimated."""
        if self.active_dbfs is None or self.noise_dbfs is None:
            return None
        return self.active_dbfs - self.noise_dbfs


class LevelMeter:
    """Takes a recording, 16 kHz mono float32, in blocks of any length."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._powers: list[Array] = []
        self._spectrum = np.zeros(SPECTRUM // 2 + 1)
        self._taper = np.hanning(SPECTRUM).astype(np.float32)

    def take(self, block: Array) -> None:
        """Take a block."""
        samples = np.concatenate([self._rest, block])
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :]
        if not count:
            return
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        self._powers.append(np.einsum("kn,kn->k", windows, windows) / WINDOW)
        begin = (WINDOW - SPECTRUM) // 2
        spectra = np.fft.rfft(windows[::2, begin : begin + SPECTRUM] * self._taper)
        self._spectrum += (spectra.real**2 + spectra.imag**2).sum(axis=0)

    def level(self) -> Level:
        """The figures of all that was taken."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        powers = powers[powers > 0.0]
        if not len(powers):
            return Level()
        falling = np.sort(powers)[::-1]
        means = falling.sum() / np.arange(1, len(falling) + 1)
        below = np.flatnonzero(means >= falling * 10 ** (MARGIN_DB / 10))
        active = means[below[0]] if len(below) else means[-1]
        enough = len(powers) >= FEWEST_FOR_NOISE
        return Level(
            active_dbfs=_db(active),
            noise_dbfs=_db(np.percentile(powers, NOISE_PERCENTILE)) if enough else None,
            bandwidth_hz=self._bandwidth_hz() if enough else None,
        )

    def _bandwidth_hz(self) -> float:
        smooth = np.convolve(self._spectrum, np.full(SMOOTHING, 1.0 / SMOOTHING), "same")
        low, high = (round(hz * SPECTRUM / RATE_HZ) for hz in MIDDLE_HZ)
        reached = np.flatnonzero(smooth >= np.median(smooth[low:high]) * 10 ** (-BAND_DB / 10))
        return float(reached[-1] * RATE_HZ / SPECTRUM)


def _db(power: float) -> float:
    return round(float(10.0 * np.log10(power)), 2)
