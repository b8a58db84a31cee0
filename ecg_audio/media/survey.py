"""Which channels of a source carry a voice, and how they relate: a light look, window by window.

No speech detector runs here. A window is voiced where its autocorrelation repeats at a pitch that people have; a
channel carries a voice where enough windows are voiced and its level rises and falls, as that of a hum does not.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = Any

RATE_HZ = 4000
"""Pitch and relation of channels are read at about this rate: neighbouring samples are averaged down to it."""
WINDOW = 256
"""Samples of a window, 64 ms: four periods of the lowest pitch."""
STEP = 3 * WINDOW
"""One window of three is looked at."""
BATCH = 64
"""Windows that are looked at together."""
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
VOICED = 0.5
"""Height of the autocorrelation peak of a voiced window."""
FAINTEST = 1e-9
"""Power below which a window holds nothing: -90 dBFS."""
BELOW_DB = 30.0
"""A channel whose voiced windows are this far below those of the loudest one carries none: it is crosstalk."""
LEAST_SWING_DB = 6.0
"""From the softest tenth of a channel's windows to where its power lies: speech has more, a hum or hiss has none."""
FEWEST_FOR_SWING = 8
LEAST_SHARE = 0.05
"""Voiced windows that a channel needs, as a share of those of the one that has most."""
MOST_FIGURES = 4_000_000
"""Beyond so many figures every other window is forgotten, so that memory does not grow with the recording."""


class Survey:
    """Takes the channels block by block; what changes its channels in the middle is not looked at from there on."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._rest: list[Array] = []  # at the low rate, waiting for a batch
        self._held = 0
        self._rate_hz = float(RATE_HZ)
        self._powers: list[Array] = []  # (windows, channels, channels)
        self._voiced: list[Array] = []  # (windows, channels)
        self._figures = 0
        self._thinned = 1

    def take(self, channels: Array, names: tuple[str, ...], rate: int) -> None:
        """Take a block: float32 (channels, n)."""
        self.names = self.names or names
        factor = max(1, rate // RATE_HZ)
        count = channels.shape[1] // factor
        if len(channels) != len(self.names) or not count:
            return
        grouped = channels[:, : count * factor].reshape(len(channels), count, factor)
        self._rest.append(grouped @ np.full(factor, 1.0 / factor, np.float32))
        self._held += count
        self._rate_hz = rate / factor
        if self._held >= BATCH * STEP:
            self._look()

    def finish(self) -> None:
        """Look at what is still held."""
        self._look()

    @property
    def powers(self) -> Array:
        """Mean products of each pair of channels in each window: float64 (windows, channels, channels)."""
        shape = (0, len(self.names), len(self.names))
        return np.concatenate(self._powers) if self._powers else np.zeros(shape)

    @property
    def voiced(self) -> Array:
        """Which windows of which channel are voiced: bool (windows, channels)."""
        return np.concatenate(self._voiced) if self._voiced else np.zeros((0, len(self.names)), np.bool_)

    def voices(self) -> Array:
        """How many windows of each channel hold a voice; 0 where the channel carries none. int64 (channels,)."""
        powers, voiced = self.powers, self.voiced
        if not len(powers):
            return np.zeros(len(self.names), np.int64)
        own = np.einsum("kcc->kc", powers)
        counts = np.zeros(len(self.names), np.int64)
        levels = np.full(len(self.names), -np.inf)
        for channel in range(len(self.names)):
            mine = own[voiced[:, channel], channel]
            if len(mine) and self._swings(own[:, channel]):
                counts[channel] = len(mine)
                levels[channel] = 10.0 * np.log10(usual_power(mine))
        counts[levels < levels.max() - BELOW_DB] = 0
        counts[counts < max(1.0, LEAST_SHARE * counts.max())] = 0
        return counts * self._thinned

    @staticmethod
    def _swings(own: Array) -> bool:
        if len(own) < FEWEST_FOR_SWING:
            return True
        soft, loud = np.percentile(own, 10), usual_power(own)
        return bool(loud > FAINTEST and loud >= soft * 10 ** (LEAST_SWING_DB / 10))

    def _look(self) -> None:
        low = np.concatenate(self._rest, axis=1) if self._rest else np.zeros((len(self.names), 0), np.float32)
        count = (low.shape[1] - WINDOW) // STEP + 1 if low.shape[1] >= WINDOW else 0
        rest = low[:, count * STEP :]
        self._rest, self._held = [rest], rest.shape[1]
        if not count:
            return
        at = np.arange(count)[:, None] * STEP + np.arange(WINDOW)
        windows = low[:, at].transpose(1, 0, 2).astype(np.float32)  # (windows, channels, samples)
        windows -= windows.mean(axis=2, keepdims=True)
        powers = (windows @ windows.transpose(0, 2, 1) / WINDOW).astype(np.float64)
        audible = np.einsum("kcc->kc", powers) > FAINTEST
        voiced = np.zeros(audible.shape, np.bool_)
        voiced[audible] = is_voiced(windows[audible], self._rate_hz)
        self._keep(powers[:: self._thinned], voiced[:: self._thinned])

    def _keep(self, powers: Array, voiced: Array) -> None:
        self._powers.append(powers)
        self._voiced.append(voiced)
        self._figures += powers.size
        while self._figures > MOST_FIGURES:
            self._powers, self._voiced = [self.powers[::2]], [self.voiced[::2]]
            self._figures = self._powers[0].size
            self._thinned *= 2


def usual_power(powers: Array) -> float:
    """The power at which most of the energy lies, however little of the time it lasts; 0.0 for none."""
    total = float(powers.sum())
    return float((powers**2).sum()) / total if total else 0.0


@functools.cache
def _taper() -> tuple[Array, Array]:
    """A Hann window and its own normalised autocorrelation."""
    window = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * WINDOW)) ** 2)[:WINDOW]
    return window, (own / own[0]).astype(np.float32)


def is_voiced(windows: Array, rate_hz: float) -> Array:
    """Whether each window repeats at a pitch that people have.

    By the autocorrelation of the tapered window, divided by the taper's own, as in Boersma (Proc. Institute of
    Phonetic Sciences Amsterdam 17, 1993).

    Args:
        windows: float32 (n, WINDOW), without their mean.
        rate_hz: their sample rate.

    Returns:
        bool (n,).
    """
    taper, own = _taper()
    first, last = max(2, int(rate_hz / HIGHEST_HZ)), min(int(rate_hz / LOWEST_HZ) + 1, WINDOW * 2 // 3)
    spectra = np.fft.rfft(windows * taper, 2 * WINDOW)
    correlation = np.fft.irfft(spectra.real**2 + spectra.imag**2)[:, : last + 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = correlation / correlation[:, :1] / own[: last + 2]
    middle = correlation[:, first : last + 1]
    peaks = (middle >= correlation[:, first - 1 : last]) & (middle > correlation[:, first + 1 : last + 2])
    found: Array = (peaks & (middle >= VOICED)).any(axis=1)
    return found
