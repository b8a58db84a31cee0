"""The best path through the candidates of a recording.

Every frame is unvoiced or takes one of its candidates. The Viterbi path weighs their strength against jumps and against
changes between voiced and unvoiced (Boersma 1993, section 6).
"""

import math
from typing import Any

import numpy as np

from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.pitch import CANDIDATES, PitchSettings

Array = Any

SUSTAINED_FRAMES = 9
REFERENCE_PERCENTILE = 99.5
AUDIBLE_PEAK = 1e-3  # -60 dBFS
NOWHERE = -1e18  # worth of a candidate that does not exist


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


@kernel
def _advance(
    f0_hz: Array, strength: Array, unvoiced: Array, costs: Array, cost: Array, octaves: Array, came: Array
) -> None:
    """Walk the Viterbi recursion over new frames, from and into `cost` (candidates, then unvoiced) and `octaves`."""
    octave_cost, jump_cost, switch_cost, floor_hz = costs
    count = CANDIDATES
    fresh = np.empty(count + 1, np.float64)
    logs = np.empty(count, np.float64)
    for t in range(len(unvoiced)):
        best, best_at = NOWHERE, count
        for j in range(count):
            if cost[j] > best:
                best, best_at = cost[j], j
        came[t, count] = best_at if best - switch_cost > cost[count] else count
        fresh[count] = max(best - switch_cost, cost[count]) + unvoiced[t]
        for k in range(count):
            came[t, k] = count
            if f0_hz[k, t] <= 0.0:
                fresh[k] = NOWHERE
                logs[k] = 0.0
                continue
            logs[k] = math.log2(f0_hz[k, t])
            reach = cost[count] - switch_cost
            for j in range(count):
                value = cost[j] - jump_cost * abs(logs[k] - octaves[j])
                if value > reach:
                    reach = value
                    came[t, k] = j
            fresh[k] = reach + strength[k, t] + octave_cost * (logs[k] - math.log2(floor_hz))
        for k in range(count):
            cost[k], octaves[k] = fresh[k], logs[k]
        cost[count] = fresh[count]


@kernel
def _trace(came: Array, cost: Array, end: bool, states: Array) -> int:
    """Follow the surviving paths back; fill `states` for the frames on which they agree and return how many these are.

    At the `end` only the best path survives.
    """
    count = CANDIDATES
    alive = np.zeros(count + 1, np.bool_)
    best = count
    for k in range(count + 1):
        alive[k] = cost[k] > 0.5 * NOWHERE
        if cost[k] > cost[best]:
            best = k
    if end:
        alive[:] = False
        alive[best] = True
    t = len(came) - 1
    before = np.zeros(count + 1, np.bool_)
    while t >= 0:
        survivors, state = 0, count
        for k in range(count + 1):
            if alive[k]:
                survivors += 1
                state = k
        if survivors == 1:
            for i in range(t, -1, -1):
                states[i] = state
                state = came[i, state]
            return t + 1
        before[:] = False
        for k in range(count + 1):
            if alive[k]:
                before[came[t, k]] = True
        for k in range(count + 1):
            alive[k] = before[k]
        t -= 1
    return 0


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
        self._cost = np.full(CANDIDATES + 1, NOWHERE)
        self._cost[CANDIDATES] = 0.0
        self._octaves = np.zeros(CANDIDATES)
        self._f0_hz = np.empty((CANDIDATES, 0), np.float32)
        self._strength = np.empty((CANDIDATES, 0), np.float32)
        self._came = np.empty((0, CANDIDATES + 1), np.int8)

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
        came = np.empty((len(peaks), CANDIDATES + 1), np.int8)
        costs = (settings.octave_cost, settings.jump_cost, settings.switch_cost, settings.floor_hz)
        _advance(f0_hz, strength, unvoiced, costs, self._cost, self._octaves, came)
        self._f0_hz = np.concatenate([self._f0_hz, f0_hz], axis=1)
        self._strength = np.concatenate([self._strength, strength], axis=1)
        self._came = np.concatenate([self._came, came])

        states = np.empty(len(self._came), np.int8)
        certain = _trace(self._came, self._cost, end, states)
        voiced = np.flatnonzero(states[:certain] < CANDIDATES)
        chosen_f0_hz = np.full(certain, np.nan, np.float32)
        chosen_strength = np.full(certain, np.nan, np.float32)
        chosen_f0_hz[voiced] = self._f0_hz[states[voiced], voiced]
        chosen_strength[voiced] = self._strength[states[voiced], voiced]
        self._f0_hz = self._f0_hz[:, certain:]
        self._strength = self._strength[:, certain:]
        self._came = self._came[certain:]
        return chosen_f0_hz, chosen_strength
