"""Signals whose times are known, and where a test finds them again."""

from pathlib import Path

import numpy as np

from ecg_audio.media.decode import read, write
from ecg_audio.request import Limits
from ecg_audio.sampling import RATE_HZ

CLICKS_S = (0.5, 1.0, 2.25, 3.9)
DURATION_S = 4.5


def onsets_s(samples: np.ndarray, sample_rate_hz: int = RATE_HZ, apart_s: float = 0.1) -> list[float]:
    """Times at which the sound rises above a third of its peak after at least `apart_s` below it."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 3)
    begins = loud[np.diff(loud, prepend=-np.inf) > apart_s * sample_rate_hz]
    return [float(begin / sample_rate_hz) for begin in begins]


def extracted(path: Path, **options):
    """The recording of a media file and its samples, decoded in this process."""
    target = path.with_name(path.name + ".flac")
    limits, audio_stream = options.pop("limits", Limits()), options.pop("audio_stream", None)
    recording = write(path, target, "key", "sha", limits, audio_stream, channels="auto")
    return recording, read(target)


def voice(seconds: float, rate: int = RATE_HZ, f0_hz: float = 120.0, peak: float = 0.3) -> np.ndarray:
    """What a voice has and a hum has not: a buzz with formants, four syllables a second, pauses between phrases."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(f0_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / rate
    buzz = sum(np.sin(k * phase) / (1 + abs(k * f0_hz - 500) / 300) for k in range(1, int(3500 / f0_hz)))
    syllables = np.maximum(0.0, np.sin(2 * np.pi * 4 * t)) ** 0.5 * (np.sin(2 * np.pi * 0.5 * t + 0.5) > -0.6)
    spoken = buzz * syllables
    return peak * spoken / np.abs(spoken).max()


def rms_dbfs(samples: np.ndarray) -> float:
    """Root mean square level about zero."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))
