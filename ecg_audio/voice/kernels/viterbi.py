"""The best path through pitch candidates: the recursion forward and the way back."""

import math
from typing import Any

from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.compiled import kernel

Array = Any

UNVOICED = CANDIDATES  # the state after the candidates
NOWHERE = -1e18  # worth of a candidate that does not exist


@kernel
def advance(
    f0_hz: Array, strength: Array, unvoiced: Array, costs: Array, worth: Array, octaves: Array, came: Array
) -> None:
    """Walk the recursion over new frames.

    Args:
        f0_hz: float32, (CANDIDATES, frames), Hz, 0 where there is no candidate.
        strength: float32, (CANDIDATES, frames).
        unvoiced: float64, (frames,): what it is worth to be unvoiced.
        costs: float64, (4,): per octave above the floor, per octave of a jump, of a change of voicing; the floor in Hz.
        worth: float64, (CANDIDATES + 1 and as many to work in,): of the best path to each state so far; goes on to the
            next frames.
        octaves: float64, (CANDIDATES and as many to work in,): where the states are; likewise.
        came: out, int8, flat, (frames * (CANDIDATES + 1),): the state before each, on its best path.
    """
    octave_cost, jump_cost, switch_cost = costs[0], costs[1], costs[2]
    floor = math.log2(costs[3])
    states = CANDIDATES + 1
    for t in range(len(unvoiced)):
        best, best_at = NOWHERE, UNVOICED
        for j in range(CANDIDATES):
            if worth[j] > best:
                best, best_at = worth[j], j
        switched = best - switch_cost
        came[t * states + UNVOICED] = best_at if switched > worth[UNVOICED] else UNVOICED
        worth[states + UNVOICED] = max(switched, worth[UNVOICED]) + unvoiced[t]
        for k in range(CANDIDATES):
            worth[states + k], octaves[CANDIDATES + k] = NOWHERE, 0.0
            came[t * states + k] = UNVOICED
            if f0_hz[k, t] <= 0.0:
                continue
            octave = math.log2(f0_hz[k, t])
            reach = worth[UNVOICED] - switch_cost
            for j in range(CANDIDATES):
                value = worth[j] - jump_cost * abs(octave - octaves[j])
                if value > reach:
                    reach = value
                    came[t * states + k] = j
            octaves[CANDIDATES + k] = octave
            worth[states + k] = reach + strength[k, t] + octave_cost * (octave - floor)
        for k in range(CANDIDATES):
            octaves[k] = octaves[CANDIDATES + k]
        for k in range(states):
            worth[k] = worth[states + k]


@kernel
def trace(came: Array, worth: Array, end: bool, states: Array) -> int:
    """Follow the surviving paths back; fill `states` for the frames on which they agree and return how many these are.

    At the `end` only the best path survives.

    Args:
        came: from `advance`.
        worth: from `advance`.
        end: no more frames follow.
        states: out, int8, (frames,).
    """
    count = CANDIDATES + 1
    alive, best = 0, UNVOICED  # bit k: a path through state k survives
    for k in range(count):
        if worth[k] > 0.5 * NOWHERE:
            alive |= 1 << k
        if worth[k] > worth[best]:
            best = k
    if end:
        alive = 1 << best
    for t in range(len(states) - 1, -1, -1):
        before, last = 0, 0
        for k in range(count):
            if alive >> k & 1:
                before |= 1 << came[t * count + k]
                last = k
        if alive == 1 << last:
            for i in range(t, -1, -1):
                states[i] = last
                last = came[i * count + last]
            return t + 1
        alive = before
    return 0
