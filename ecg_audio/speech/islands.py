"""Where there is sound between pauses: the stretches that words must lie in.

What is silent is relative: to the noise of the place and to how loud people are there, both followed over time, so that
a hum is no sound, a far speaker in a meeting is one, and a breath between two phrases is none.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import FRAME_HOP_S, Span
from ecg_audio.speech.joining import joined

LONGEST_CLOSURE_S = 0.15
"""Silence inside a word: the closure of a stop lasts 50 to 100 ms, of a long or emphatic one up to 150 ms (Byrd 1993,
over TIMIT; Crystal and House 1988). More than this is a pause."""

DIGITAL_SILENCE_DBFS = -120.0
FAINTEST_NOISE_DBFS = -95.0  # what is fainter (16 bits end at -96) was put there by an editor, and is no room's noise
NEAR_FRAMES = 1000  # noise and loudness are what they are over 10 s around
BLOCK_FRAMES = 50  # and are found every half second
FLOOR_PERCENT, LEVEL_PERCENT = 10.0, 95.0
QUIETEST_SPEECH_DB = 25.0  # below the recording's level: nobody whose words were recognised is fainter
STEADY_DB = 6.0  # speech varies by more within a syllable
ABOVE_FLOOR = 0.35  # of the way from noise to level, in dB
ABOVE_FLOOR_DB = (4.0, 10.0)  # but no less and no more
BELOW_LEVEL_DB = 30.0  # breaths are fainter, the weakest fricatives are about so faint
FADING_DB = 3.0  # the first and last sounds of a phrase may be fainter by so much
FADING_FRAMES = 4  # for so long
SHORTEST_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Islands:
    """Stretches of sound, in time order and disjoint, with a pause between any two.

    Attributes:
        start_s, end_s: (islands,) float64, seconds: half a hop around the centres of its first and last frame.
        silent: (frames,) bool, frames without sound. An island has no more than `LONGEST_CLOSURE_S` of them in a row.
        mute: (frames,) bool, frames that are not even faintly sounding; all of them are silent.
        voiced: (islands,) float64, the share of frames with a pitch; None where pitch was not measured.
    """

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    silent: NDArray[np.bool_]
    mute: NDArray[np.bool_]
    voiced: NDArray[np.float64] | None

    @property
    def spans(self) -> tuple[Span, ...]:
        """The islands one by one."""
        edges = zip(self.start_s.tolist(), self.end_s.tolist(), strict=True)
        return tuple(Span(start_s=start_s, end_s=end_s) for start_s, end_s in edges)


def found(rms_dbfs: NDArray[np.float32] | NDArray[np.float64], f0_hz: NDArray[np.float32] | None = None) -> Islands:
    """The islands of a recording.

    Args:
        rms_dbfs: (frames,) float, level every 10 ms, NaN in digital silence.
        f0_hz: (frames,) float32, NaN where unvoiced; None: not measured.
    """
    level = np.maximum(np.nan_to_num(rms_dbfs.astype(np.float64), nan=DIGITAL_SILENCE_DBFS), DIGITAL_SILENCE_DBFS)
    threshold = thresholds(level)
    loud = level >= threshold
    shortest_pause = round(LONGEST_CLOSURE_S / FRAME_HOP_S) + 1
    whole = joined(zip(*runs(loud), strict=True), shortest_pause)
    kept = [(start, stop) for start, stop in whole if loud[start:stop].sum() >= SHORTEST_FRAMES]
    faint = level >= threshold - FADING_DB
    faded = [(_faded(faint, start - 1, -1), _faded(faint, stop, 1)) for start, stop in kept]
    edges = [(start - before, stop + after) for (start, stop), (before, after) in zip(kept, faded, strict=True)]
    for (_, stop), (start, _) in pairwise(edges):
        assert stop <= start  # they fade by less than half a pause
    bounds = np.array(edges, np.float64).reshape(-1, 2)
    voiced = None
    if f0_hz is not None:
        voiced = np.array([float(np.isfinite(f0_hz[start:stop]).mean()) for start, stop in edges], np.float64)
    start_s, end_s = ((bounds - 0.5) * FRAME_HOP_S).T
    return Islands(np.maximum(0.0, start_s), end_s, ~loud, ~faint, voiced)


def thresholds(level_dbfs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level that sound has at least, dBFS, for each frame: (frames,) to (frames,)."""
    heard = level_dbfs >= FAINTEST_NOISE_DBFS
    if not heard.any():
        return np.zeros_like(level_dbfs)
    quietest = np.percentile(level_dbfs[heard], LEVEL_PERCENT) - QUIETEST_SPEECH_DB
    centres = np.arange(0, len(level_dbfs), BLOCK_FRAMES)
    found = []
    for at in centres:
        around = slice(max(0, at - NEAR_FRAMES // 2), at + NEAR_FRAMES // 2)
        near = level_dbfs[around][heard[around]]
        floor, level = np.percentile(near, (FLOOR_PERCENT, LEVEL_PERCENT)) if len(near) else (quietest, quietest)
        level = max(level, quietest)
        if level - floor < STEADY_DB and not heard[around].all():
            floor = FAINTEST_NOISE_DBFS  # steady sound between digital silences: what is faintest is no noise
        above = floor + np.clip(ABOVE_FLOOR * (level - floor), *ABOVE_FLOOR_DB)
        found.append(max(above, level - BELOW_LEVEL_DB))
    return np.asarray(np.interp(np.arange(len(level_dbfs)), centres, found), np.float64)


def runs(flags: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Where runs of true begin and end."""
    changes = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return np.flatnonzero(changes == 1).tolist(), np.flatnonzero(changes == -1).tolist()


def _faded(faint: NDArray[np.bool_], at: int, step: int) -> int:
    """How many frames from `at` on are still faintly sounding."""
    count = 0
    while count < FADING_FRAMES and 0 <= at < len(faint) and faint[at]:
        count += 1
        at += step
    return count
