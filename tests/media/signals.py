"""Signals whose times are known, and where a test finds them again."""

from pathlib import Path

import numpy as np

from ecg_audio.media.decode import SAMPLE_RATE_HZ, read, write
from ecg_audio.request import Limits

CLICKS_S = (0.5, 1.0, 2.25, 3.9)
DURATION_S = 4.5


def onsets_s(samples: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ, apart_s: float = 0.1) -> list[float]:
    """Times at which the sound rises above a third of its peak after at least `apart_s` below it."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 3)
    begins = loud[np.diff(loud, prepend=-np.inf) > apart_s * sample_rate_hz]
    return [float(begin / sample_rate_hz) for begin in begins]


def extracted(path: Path, **options):
    """The recording of a media file and its samples, decoded in this process."""
    target = path.with_name(path.name + ".flac")
    recording = write(path, target, "key", "sha", options.pop("limits", Limits()), options.pop("audio_stream", None))
    return recording, read(target)
