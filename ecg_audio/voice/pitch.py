"""The fundamental frequency, by autocorrelation and the best path through its candidates.

The method is that of Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound" (Proc. Institute of Phonetic Sciences Amsterdam 17, 1993), which Praat made the field's
reference. A frame's windowed autocorrelation is divided by the window's own; its peaks are candidates; a Viterbi path
over the whole recording weighs their strength against jumps. Three things differ: spectra fade out between 2.5 and
5 kHz, so that a parabola suffices to find a peak between two lags; the silence reference is robust (see
`silence_reference`); and the path is settled while it is walked (see `Path`).
"""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice.compiled import LANES, kernel
from ecg_audio.voice.spectrum import HOP, RATE_HZ, load
from ecg_audio.voice.transform import fold, powers, roots, transform

Array = Any

CANDIDATES = 8
FADE_HZ = (2500.0, 5000.0)
PERIODS = 3  # periods of the lowest pitch that a window holds
SUSTAINED_FRAMES = 15
REFERENCE_PERCENTILE = 99.0
AUDIBLE_PEAK = 1e-3  # -60 dBFS
NOWHERE = -1e18  # cost of a candidate that does not exist


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
    silence_threshold: float = 0.03
    voicing_threshold: float = 0.45
    octave_cost: float = 0.01
    jump_cost: float = 0.35
    switch_cost: float = 0.14

    def __post_init__(self) -> None:
        if not 40.0 <= self.floor_hz < self.ceiling_hz <= 1000.0:
            raise ValueError("pitch needs 40 <= floor_hz < ceiling_hz <= 1000")


class Lags(NamedTuple):
    """The constants of the candidate search for one pair of floor and ceiling."""

    window: Array  # Hann, float32, three periods of the floor
    half_cos: Array
    half_sin: Array
    cos: Array
    sin: Array
    fade: Array  # float32, weight of each power bin
    correction: Array  # float32: the window's autocorrelation at 0 over that at each lag
    shortest: int
    longest: int


@functools.cache
def lags(settings: PitchSettings) -> Lags:
    """The constants for `settings`."""
    length = int(PERIODS * RATE_HZ / settings.floor_hz) & ~1
    shortest, longest = int(RATE_HZ / settings.ceiling_hz), math.ceil(RATE_HZ / settings.floor_hz)
    # The circular transform folds lag N - l onto l. Of the window's ends only a sliver overlaps there, and what it
    # holds is the Hann window's vanishing tails: below 1e-6 of the correlation at any lag looked at.
    size = 1 << math.ceil(math.log2(length + longest / 4))
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window.astype(np.float64), 2 * length)) ** 2)[: longest + 2]
    low_hz, high_hz = FADE_HZ
    position = np.clip((high_hz - np.fft.rfftfreq(size, 1.0 / RATE_HZ)) / (high_hz - low_hz), 0.0, 1.0)
    fade = (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)
    correction = (own[0] / own).astype(np.float32)
    return Lags(window, *roots(size // 2), *roots(size), fade, correction, shortest, longest)


@kernel
def find_candidates(
    hops: Array,
    first: int,
    offset: int,
    constants: Lags,
    octave_cost: float,
    least: float,
    work: Array,
    peak: Array,
    f0_hz: Array,
    strength: Array,
) -> None:
    """The strongest autocorrelation peaks of `LANES` frames.

    Args:
        hops: see `spectrum.load`.
        first: see `spectrum.load`.
        offset: see `spectrum.load`.
        constants: from `lags`.
        octave_cost: see `PitchSettings`.
        least: smallest autocorrelation that is a candidate.
        work: float32, at least (5, (N / 2 + 1) * LANES) for transforms of size N.
        peak: out, float32, (LANES,): largest absolute sample around the window's mean.
        f0_hz: out, float32, (LANES, CANDIDATES); 0 where there is no candidate.
        strength: out, float32, (LANES, CANDIDATES): corrected autocorrelation at the peak, at most 1.
    """
    length = len(constants.window)
    half = len(constants.half_cos)
    mean = np.zeros(LANES, np.float32)
    low = np.zeros(LANES, np.float32)
    high = np.zeros(LANES, np.float32)
    low[:] = np.float32(np.inf)
    high[:] = np.float32(-np.inf)
    for i in range(length):
        at = offset + i
        now = hops[at % HOP, first + at // HOP : first + at // HOP + LANES]
        for lane in range(LANES):
            mean[lane] += now[lane]
            low[lane] = min(low[lane], now[lane])
            high[lane] = max(high[lane], now[lane])
    for lane in range(LANES):
        mean[lane] /= np.float32(length)
        peak[lane] = max(high[lane] - mean[lane], mean[lane] - low[lane])

    ar, ai = work[0, : half * LANES], work[1, : half * LANES]
    br, bi = work[2, : half * LANES], work[3, : half * LANES]
    power = work[4, : (half + 1) * LANES]
    pairs = (half, LANES)
    ar[length // 2 * LANES :] = np.float32(0.0)
    ai[length // 2 * LANES :] = np.float32(0.0)
    load(hops, first, offset, constants.window, mean, ar.reshape(pairs), ai.reshape(pairs))
    if transform(ar, ai, br, bi, LANES, constants.half_cos, constants.half_sin):
        powers(br, bi, LANES, constants.cos, constants.sin, power)
    else:
        powers(ar, ai, LANES, constants.cos, constants.sin, power)
    bins = power.reshape((half + 1, LANES))
    for k in range(half + 1):
        for lane in range(LANES):
            bins[k, lane] *= constants.fade[k]
    fold(power, LANES, constants.cos, constants.sin, ar, ai)
    if transform(ai, ar, bi, br, LANES, constants.half_cos, constants.half_sin):
        odd, even = bi.reshape(pairs), br.reshape(pairs)
    else:
        odd, even = ai.reshape(pairs), ar.reshape(pairs)

    correlation = work[4, : (constants.longest + 2) * LANES].reshape((constants.longest + 2, LANES))
    scale = np.empty(LANES, np.float32)
    for lane in range(LANES):
        scale[lane] = np.float32(1.0) / even[0, lane] if even[0, lane] > np.float32(1e-9) else np.float32(0.0)
    for lag in range(constants.shortest - 1, constants.longest + 2):
        half_lags = odd if lag % 2 else even
        for lane in range(LANES):
            correlation[lag, lane] = half_lags[lag // 2, lane] * scale[lane] * constants.correction[lag]

    f0_hz[:, :] = np.float32(0.0)
    strength[:, :] = np.float32(0.0)
    score = np.empty((LANES, CANDIDATES), np.float32)
    score[:, :] = np.float32(NOWHERE)
    found = np.empty(LANES, np.uint8)
    marks = found.view(np.uint64)
    for lag in range(constants.shortest, constants.longest + 1):
        for lane in range(LANES):
            here = correlation[lag, lane]
            found[lane] = (
                (here > np.float32(least)) & (here > correlation[lag - 1, lane]) & (here >= correlation[lag + 1, lane])
            )
        for group in range(LANES // 8):
            if marks[group] == 0:
                continue
            for lane in range(group * 8, group * 8 + 8):
                if not found[lane]:
                    continue
                before, here, after = correlation[lag - 1, lane], correlation[lag, lane], correlation[lag + 1, lane]
                shift = np.float32(0.5) * (after - before) / (np.float32(2.0) * here - before - after)
                top = here + np.float32(0.25) * shift * (after - before)
                top = top if top <= 1.0 else np.float32(1.0) / top  # Boersma's reflection of what cannot be
                value = top - octave_cost * math.log2((lag + shift) / constants.longest)
                worst = 0
                for slot in range(1, CANDIDATES):
                    if score[lane, slot] < score[lane, worst]:
                        worst = slot
                if value > score[lane, worst]:
                    score[lane, worst] = value
                    f0_hz[lane, worst] = RATE_HZ / (lag + shift)
                    strength[lane, worst] = top


def silence_reference(peaks: Array) -> float:
    """The level that a frame's peak is compared with: what the recording's loud passages reach and hold.

    Praat takes the file's largest sample, so that one clap makes quiet speech unvoiced. Here each frame counts with the
    smallest peak of the 150 ms around it, which removes anything shorter, and the reference is the 99th percentile
    of the frames above -60 dBFS, which forgives applause.

    Args:
        peaks: float32, (frames,), from `find_candidates`.

    Returns:
        A level as a share of full scale; 0.0 where nothing is audible.
    """
    from scipy.ndimage import minimum_filter1d

    sustained = minimum_filter1d(peaks, SUSTAINED_FRAMES, mode="nearest") if len(peaks) else peaks
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
            if f0_hz[t, k] <= 0.0:
                fresh[k] = NOWHERE
                logs[k] = 0.0
                continue
            logs[k] = math.log2(f0_hz[t, k])
            reach = cost[count] - switch_cost
            for j in range(count):
                value = cost[j] - jump_cost * abs(logs[k] - octaves[j])
                if value > reach:
                    reach = value
                    came[t, k] = j
            fresh[k] = reach + strength[t, k] + octave_cost * (logs[k] - math.log2(floor_hz))
        cost[:] = fresh
        octaves[:] = logs


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
        alive[:] = before
        t -= 1
    return 0


class Path:
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
        self._f0_hz = np.empty((0, CANDIDATES), np.float32)
        self._strength = np.empty((0, CANDIDATES), np.float32)
        self._came = np.empty((0, CANDIDATES + 1), np.int8)

    def extend(self, f0_hz: Array, strength: Array, peaks: Array, *, end: bool = False) -> tuple[Array, Array]:
        """Add frames and take those that are now certain (at the `end`, all that are left).

        Args:
            f0_hz: float32, (frames, CANDIDATES), Hz, 0 where there is no candidate.
            strength: float32, (frames, CANDIDATES).
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
        self._f0_hz = np.concatenate([self._f0_hz, f0_hz])
        self._strength = np.concatenate([self._strength, strength])
        self._came = np.concatenate([self._came, came])

        states = np.empty(len(self._came), np.int8)
        certain = _trace(self._came, self._cost, end, states)
        voiced = np.flatnonzero(states[:certain] < CANDIDATES)
        chosen_f0_hz = np.full(certain, np.nan, np.float32)
        chosen_strength = np.full(certain, np.nan, np.float32)
        chosen_f0_hz[voiced] = self._f0_hz[voiced, states[voiced]]
        chosen_strength[voiced] = self._strength[voiced, states[voiced]]
        self._f0_hz = self._f0_hz[certain:]
        self._strength = self._strength[certain:]
        self._came = self._came[certain:]
        return chosen_f0_hz, chosen_strength
