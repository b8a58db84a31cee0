"""What is usual in a recording and for a speaker, and how far a word stands out from it."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any

import numpy as np

from ecg_audio.analysis import PitchStatistics, RelativeVoice, RelativeVolume, VoiceFeatures, VolumeStatistics

Array = Any

FEWEST_TO_COMPARE = 8
"""A speaker's own normal is known from at least this many measured spans; with fewer nothing is called relative."""

UNUSUAL_DB = 3.0
"""Louder or softer than the speaker's median by less than this is not heard as such."""
SHOUT_DB, SHOUT_ST = 8.0, 2.0
"""Who shouts is so much louder and higher than usual; loudness alone may be a microphone that came nearer."""
WHISPER_DB, WHISPER_VOICED = -6.0, 0.1
"""Who whispers is so much softer, and at most this share of it is voiced."""
PLAINER: Mapping[RelativeVolume, RelativeVolume] = {"shout": "loud", "whisper": "soft"}
FEWEST_IN_MANNER = 2
"""Words in a row that make a shout or a whisper of it: a single one is loud, or soft, or ends a phrase."""
IN_A_ROW_S = 1.0
"""What the same speaker says after a longer silence is no longer in a row with what was before."""


def volume_statistics(rms_dbfs: Sequence[float | None]) -> VolumeStatistics | None:
    """Loudness baseline over words; None when no word was measured.

    Args:
        rms_dbfs: level of each word, None where absent.

    >>> volume_statistics([-30.0, None, -20.0]).mean_dbfs
    -25.0
    """
    levels = np.array([level for level in rms_dbfs if level is not None], np.float64)
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

    >>> pitch_statistics([100.0, float("nan"), 120.0]).median_hz
    110.0
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


def compare(
    voices: Sequence[VoiceFeatures | None],
    rates: Sequence[float | None],
    words: Sequence[int] | None = None,
    silences_s: Sequence[float] | None = None,
) -> list[RelativeVoice | None]:
    """How each of one speaker's spans stands out from all of them.

    Pitch is compared in semitones, the scale on which it is heard; rates by their logarithm, as twice as fast is as far
    from usual as half as fast.

    Args:
        voices: of the same speaker's spans of one kind (words, or segments), in their order.
        rates: units of speech per second of each span, None where unknown.
        words: how many words each span holds; None: each is one.
        silences_s: between each span and the speaker's one before; None: they follow each other closely.

    Returns:
        One comparison per span; None where the span has nothing that could be compared.
    """
    loudness = _Scale([voice.rms_dbfs if voice else None for voice in voices])
    pitch = _Scale([_semitones(voice.f0_median_hz) if voice else None for voice in voices])
    rate = _Scale([math.log(value) if value else None for value in rates])
    compared = [_relative(loudness, pitch, rate, index, voice) for index, voice in enumerate(voices)]
    apart = [silence_s > IN_A_ROW_S for silence_s in silences_s or [0.0] * len(voices)]
    return _lasting(compared, [1] * len(voices) if words is None else words, apart)


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


def _relative(
    loudness: _Scale, pitch: _Scale, rate: _Scale, index: int, voice: VoiceFeatures | None
) -> RelativeVoice | None:
    if not (loudness.has(index) or pitch.has(index) or rate.has(index)):
        return None
    percentile, distance = loudness.percentile(index), loudness.distance(index)
    raised_st, voiced = pitch.distance(index), voice.voiced_fraction if voice else None
    volume: RelativeVolume | None = None
    if percentile is not None and distance is not None:
        volume = relative_volume(percentile, distance, raised_st, voiced)
    return RelativeVoice(
        loudness_z=loudness.z(index),
        loudness_percentile=percentile,
        f0_z=pitch.z(index),
        f0_percentile=pitch.percentile(index),
        f0_shift_st=raised_st,
        rate_z=rate.z(index),
        volume=volume,
    )


def _lasting(
    compared: Sequence[RelativeVoice | None], words: Sequence[int], apart: Sequence[bool]
) -> list[RelativeVoice | None]:
    """The same, with shouts and whispers of fewer words in a row than make one called loud and soft."""
    found: list[RelativeVoice | None] = []
    volumes = [relative.volume if relative else None for relative in compared]
    rows = list(zip(volumes, accumulate(apart), strict=True))
    for (volume, _), run in groupby(range(len(compared)), key=rows.__getitem__):
        indices = list(run)
        brief = sum(words[index] for index in indices) < FEWEST_IN_MANNER
        plainer = PLAINER.get(volume) if brief and volume else None
        for index in indices:
            relative = compared[index]
            found.append(relative.model_copy(update={"volume": plainer}) if relative and plainer else relative)
    return found


def relative_volume(
    percentile: float, distance_db: float, raised_st: float | None = None, voiced: float | None = None
) -> RelativeVolume:
    """Loudness in five words, by the speaker's own habits.

    A name needs both rank and distance: in an even voice somebody's loudest word is not a shout, and in a lively one
    3 dB are nothing special. Shouting and whispering are ways to speak, and more than a level: the pitch of the one
    rises, and the other has none.

    Args:
        percentile: among the speaker's own words, 0 to 100.
        distance_db: from the speaker's median.
        raised_st: pitch above the speaker's median; None: not known.
        voiced: share of frames that are voiced; None: not known.
    """
    if distance_db >= SHOUT_DB and raised_st is not None and raised_st >= SHOUT_ST:
        return "shout"
    if percentile >= 75.0 and distance_db >= UNUSUAL_DB:
        return "loud"
    if distance_db <= WHISPER_DB and voiced is not None and voiced <= WHISPER_VOICED:
        return "whisper"
    if percentile <= 25.0 and distance_db <= -UNUSUAL_DB:
        return "soft"
    return "normal"


def _semitones(f0_hz: float | None) -> float | None:
    return 12.0 * math.log2(f0_hz) if f0_hz else None
