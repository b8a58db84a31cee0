"""What is usual in a recording and for a speaker, and how far a word stands out from it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecg_audio.analysis import PitchStatistics, RelativeVoice, RelativeVolume, VoiceFeatures, VolumeStatistics

Array = Any

FEWEST_TO_COMPARE = 8
"""A speaker's own normal is known from at least this many measured spans; with fewer nothing is called relative."""

UNUSUAL_DB = 3.0
"""Louder or softer than the speaker's median by less than this is not heard as such."""
EXTREME_DB = 8.0
"""So far from the median a voice shouts or whispers, for its own habits."""


def volume_statistics(rms_dbfs: Sequence[float | None]) -> VolumeStatistics | None:
    """Loudness baseline over words; None when no word was measured.

    Args:
        rms_dbfs: level of each word, None where absent.
    """
    levels = _measured(rms_dbfs)
    if not len(levels):
        return None
    p25, median, p75 = np.percentile(levels, (25, 50, 75)).tolist()
    return VolumeStatistics(
        min_dbfs=float(levels.min()),
        max_dbfs=float(levels.max()),
        mean_dbfs=float(levels.mean()),
        std_db=float(levels.std()),
        median_dbfs=median,
        p25_dbfs=p25,
        p75_dbfs=p75,
    )


def pitch_statistics(f0_hz: Array) -> PitchStatistics | None:
    """Pitch baseline over frames; None when none is voiced.

    Args:
        f0_hz: (frames,), NaN where unvoiced.
    """
    voiced = np.asarray(f0_hz, np.float64)
    voiced = voiced[np.isfinite(voiced)]
    if not len(voiced):
        return None
    p33, median, p67 = np.percentile(voiced, (33, 50, 67)).tolist()
    return PitchStatistics(
        min_hz=float(voiced.min()),
        max_hz=float(voiced.max()),
        mean_hz=float(voiced.mean()),
        std_hz=float(voiced.std()),
        median_hz=median,
        p33_hz=p33,
        p67_hz=p67,
    )


def compare(voices: Sequence[VoiceFeatures | None], rates: Sequence[float | None]) -> list[RelativeVoice | None]:
    """How each of one speaker's spans stands out from all of them.

    Pitch is compared in semitones, the scale on which it is heard; rates by their logarithm, as twice as fast is as far
    from usual as half as fast.

    Args:
        voices: of the same speaker's spans of one kind (words, or segments).
        rates: units of speech per second of each span, None where unknown.

    Returns:
        One comparison per span; None where the span has nothing that could be compared.
    """
    loudness = _Scale([voice.rms_dbfs if voice else None for voice in voices])
    pitch = _Scale([_semitones(voice.f0_median_hz) if voice else None for voice in voices])
    rate = _Scale([math.log(value) if value else None for value in rates])
    return [_relative(loudness, pitch, rate, index) for index in range(len(voices))]


class _Scale:
    """One figure of all spans: where each lies among the others."""

    def __init__(self, values: Sequence[float | None]) -> None:
        self.values = np.array([math.nan if value is None else value for value in values], np.float64)
        known = np.sort(self.values[np.isfinite(self.values)])
        self.enough = len(known) >= FEWEST_TO_COMPARE
        if not self.enough:
            return
        self.median = float(np.median(known))
        spread = float(known.std())
        self._z = (self.values - known.mean()) / spread if spread > 1e-9 else np.full_like(self.values, np.nan)
        # a value's percentile is the share below it, ties counting half
        below = np.searchsorted(known, self.values, "left")
        upto = np.searchsorted(known, self.values, "right")
        self._percentile = 50.0 * (below + upto) / len(known)

    def has(self, index: int) -> bool:
        return self.enough and math.isfinite(self.values[index])

    def z(self, index: int) -> float | None:
        return float(self._z[index]) if self.has(index) and math.isfinite(self._z[index]) else None

    def percentile(self, index: int) -> float | None:
        return float(self._percentile[index]) if self.has(index) else None

    def distance(self, index: int) -> float | None:
        return float(self.values[index] - self.median) if self.has(index) else None


def _relative(loudness: _Scale, pitch: _Scale, rate: _Scale, index: int) -> RelativeVoice | None:
    if not (loudness.has(index) or pitch.has(index) or rate.has(index)):
        return None
    percentile, distance = loudness.percentile(index), loudness.distance(index)
    return RelativeVoice(
        loudness_z=loudness.z(index),
        loudness_percentile=percentile,
        f0_z=pitch.z(index),
        f0_percentile=pitch.percentile(index),
        f0_shift_st=pitch.distance(index),
        rate_z=rate.z(index),
        volume=relative_volume(percentile, distance) if percentile is not None and distance is not None else None,
    )


def relative_volume(percentile: float, distance_db: float) -> RelativeVolume:
    """Loudness in five words, by the speaker's own habits.

    A name needs both rank and distance: in an even voice somebody's loudest word is not a shout, and in a lively one
    3 dB are nothing special.

    Args:
        percentile: among the speaker's own words, 0 to 100.
        distance_db: from the speaker's median.
    """
    if percentile >= 95.0 and distance_db >= EXTREME_DB:
        return "shout"
    if percentile >= 75.0 and distance_db >= UNUSUAL_DB:
        return "loud"
    if percentile <= 5.0 and distance_db <= -EXTREME_DB:
        return "whisper"
    if percentile <= 25.0 and distance_db <= -UNUSUAL_DB:
        return "soft"
    return "normal"


def _semitones(f0_hz: float | None) -> float | None:
    return 12.0 * math.log2(f0_hz) if f0_hz else None


def _measured(values: Sequence[float | None]) -> Array:
    return np.array([value for value in values if value is not None], np.float64)
