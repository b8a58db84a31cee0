"""The fundamental frequency, by autocorrelation and the best path through its candidates.

The method is that of Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound" (Proc. Institute of Phonetic Sciences Amsterdam 17, 1993), which Praat made the field's
reference. A frame's windowed autocorrelation is divided by the window's own; its peaks are candidates; a Viterbi path
over the whole recording weighs their strength against jumps. Three things differ: spectra fade out between 2.5 and
5 kHz, so that a parabola suffices to find a peak between two lags; the silence reference is robust (see
`pitch_path.silence_reference`); and the path is decided while it is walked (see `pitch_path.PitchPath`).
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.kernels.candidates import Lags
from ecg_audio.voice.kernels.transform import roots

Array = Any

FADE_HZ = (2500.0, 5000.0)
PERIODS = 3  # periods of the lowest pitch that a window holds
LEAST_CANDIDATE = 0.5
"""A peak of less than this share of the voicing threshold is no candidate."""
LEAST_FOLDED = 1e-5
"""A circular transform of size N folds lag N - l onto lag l. Where only the window's vanishing tails meet there, this
much of the correlation at most, the smaller transform does."""


@dataclass(frozen=True, slots=True)
class PitchSettings:
    """What counts as voice. Costs are Boersma's, for frames 10 ms apart.

    Attributes:
        floor_hz: lowest F0; the window is three of its periods.
        ceiling_hz: highest F0.
        silence_threshold: frames whose peak is below this share of the recording's reference tend to be unvoiced.
        voicing_threshold: autocorrelation that a voiced frame needs.
        octave_cost: preference for high candidates, per octave.
        jump_cost: price of an F0 jump, per octave.
        switch_cost: price of going from voiced to unvoiced or back.
    """

    floor_hz: float = 60.0
    ceiling_hz: float = 500.0
    silence_threshold: float = 0.07
    voicing_threshold: float = 0.5
    octave_cost: float = 0.01
    jump_cost: float = 0.35
    switch_cost: float = 0.14

    def __post_init__(self) -> None:
        if not 40.0 <= self.floor_hz < self.ceiling_hz <= 1000.0:
            raise ValueError("pitch needs 40 <= floor_hz < ceiling_hz <= 1000")


@functools.cache
def lags(settings: PitchSettings) -> Lags:
    """The constants for `settings`."""
    length = int(PERIODS * RATE_HZ / settings.floor_hz) & ~1
    shortest, longest = int(RATE_HZ / settings.ceiling_hz), math.ceil(RATE_HZ / settings.floor_hz)
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window.astype(np.float64), 4 * length)) ** 2)[: 2 * length]
    size = 1 << math.ceil(math.log2(length))
    while own[size - longest] > LEAST_FOLDED * own[longest]:
        size *= 2
    low_hz, high_hz = FADE_HZ
    position = np.clip((high_hz - np.fft.rfftfreq(size, 1.0 / RATE_HZ)) / (high_hz - low_hz), 0.0, 1.0)
    fade = (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)
    correction = (own[0] / own[: longest + 2]).astype(np.float32)
    octaves = np.log2(longest / np.maximum(1, np.arange(longest + 2)))  # how far each lag is above the floor
    return Lags(
        window,
        *roots(size // 2),
        *roots(size),
        fade,
        correction,
        (settings.octave_cost * octaves).astype(np.float32),
        shortest,
        longest,
        float(settings.floor_hz),
        float(settings.ceiling_hz),
        LEAST_CANDIDATE * settings.voicing_threshold,
    )
