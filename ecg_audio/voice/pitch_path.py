"""The best path through the candidates of a recording.

Every frame is unvoiced or takes one of its candidates. The Viterbi path weighs their strength against jumps and against
changes between voiced and unvoiced (Boersma 1993, section 6).
"""

from typing import Any

import numpy as np

from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.viterbi import NOWHERE, advance, trace
from ecg_audio.voice.pitch import PitchSettings

Array = Any

SUSTAINED_FRAMES = 9
REFERENCE_PERCENTILE = 99.5
AUDIBLE_PEAK = 1e-3  # -60 dBFS


def silence_reference(peaks: Array) -> float:
    """The level that a frame's peak is compared with: what the recording's loud passages reach and hold.

    Praat takes the file's largest sample, so that one clap makes quiet speech unvoiced. Here each frame counts with the
    smallest peak of the 90 ms around it, which removes anything shorter, and the reference is the 99.5th percentile
    of the frames above -60 dBFS, which forgives applause.

    Args:
        peaks: float32, (frames,), from `find_candidates`.

    Returns:
        A level as a share of full scale; 0.0 where nothing is audible.
    """
    if not len(peaks):
        return 0.0
    around = np.pad(peaks, SUSTAINED_FRAMES // 2, mode="edge")
    sustained = np.lib.stride_tricks.sliding_window_view(around, SUSTAINED_FRAMES).min(axis=1)
    audible = sustained[sustained > AUDIBLE_PEAK]
    return float(np.percentile(audible, REFERENCE_PERCENTILE)) if len(audible) else 0.0


class PitchPath:
    """The best path through the candidates, handed out as soon as it is certain.

    At any frame nine paths survive, one to each candidate and one to "unvoiced". Going back they soon meet, mostly
    within the last pause, and before their meeting point the final path is known, whatever comes: so only the frames
    since then are held, and the outcome is exactly that of one pass over the whole.

    Args:
        settings: costs and thresholds.
        reference: from `silence_reference`.
    """

    def __init__(self, settings: PitchSettings, reference: float) -> None:
        self._settings = settings
        self._reference = reference
        self._worth = np.full(2 * (CANDIDATES + 1), NOWHERE)
        self._worth[CANDIDATES] = 0.0
        self._octaves = np.zeros(2 * CANDIDATES)
        self._f0_hz = np.empty((CANDIDATES, 0), np.float32)
        self._strength = np.empty((CANDIDATES, 0), np.float32)
        self._came = np.empty(0, np.int8)

    def extend(self, f0_hz: Array, strength: Array, peaks: Array, *, end: bool = False) -> tuple[Array, Array]:
        """Add frames and take those that are now certain (at the `end`, all that are left).

        Args:
            f0_hz: float32, (CANDIDATES, frames), Hz, 0 where there is no candidate.
            strength: float32, (CANDIDATES, frames).
            peaks: float32, (frames,).
            end: no more frames follow.

        Returns:
            F0 in Hz and its autocorrelation, float32, of the next frames; both NaN where unvoiced.
        """
        settings = self._settings
        level = peaks / self._reference if self._reference > 0.0 else np.zeros_like(peaks)
        quiet = 2.0 - level.astype(np.float64) * (1.0 + settings.voicing_threshold) / settings.silence_threshold
        unvoiced = settings.voicing_threshold + np.maximum(0.0, quiet)
        came = np.empty(len(peaks) * (CANDIDATES + 1), np.int8)
        costs = np.array([settings.octave_cost, settings.jump_cost, settings.switch_cost, settings.floor_hz])
        f0_hz, strength = np.array(f0_hz, order="C"), np.array(strength, order="C")  # one kind, for the kernel
        advance(f0_hz, strength, unvoiced, costs, self._worth, self._octaves, came)
        self._f0_hz = np.concatenate([self._f0_hz, f0_hz], axis=1)
        self._strength = np.concatenate([self._strength, strength], axis=1)
        self._came = np.concatenate([self._came, came])

        states = np.empty(self._f0_hz.shape[1], np.int8)
        certain = trace(self._came, self._worth, end, states)
        voiced = np.flatnonzero(states[:certain] < CANDIDATES)
        chosen_f0_hz = np.full(certain, np.nan, np.float32)
        chosen_strength = np.full(certain, np.nan, np.float32)
        chosen_f0_hz[voiced] = self._f0_hz[states[voiced], voiced]
        chosen_strength[voiced] = self._strength[states[voiced], voiced]
        self._f0_hz = self._f0_hz[:, certain:]
        self._strength = self._strength[:, certain:]
        self._came = self._came[certain * (CANDIDATES + 1) :]
        return chosen_f0_hz, chosen_strength
