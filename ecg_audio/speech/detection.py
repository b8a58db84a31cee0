"""The last recording as the models hear it: from its first sound on, with the scores of both speech detectors.

For the model process alone. Finding speech and telling speakers apart share one pass of the segmentation model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Speech
from ecg_audio.progress import Report
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import activity, diarization, loaders
from ecg_audio.speech.sound import samples_of


@dataclass(frozen=True, slots=True)
class Detected:
    """A recording from its first sound on.

    The models hear windows, and words and turns depend on where these lie. Counted from the first sound, a recording
    whose audio track starts later gives the same words and turns, later.
    """

    samples: NDArray[np.float32]  # (samples,) at 16 kHz
    lead_s: float  # digital silence before them
    segmentations: Any  # pyannote's scores by window; None where there are no samples
    scores: tuple[activity.Scores, ...]  # of the segmentation, and of Silero
    speech: tuple[Speech, ...]  # in seconds from the first sound, as all else here

    @property
    def duration_s(self) -> float:
        """From the first sound on."""
        return len(self.samples) / RATE_HZ


_last: tuple[tuple[str, int, int, str], Detected] | None = None


def detect(path: str, device: str, report: Report) -> Detected:
    """Find speech in a 16 kHz mono FLAC or WAV; the last recording's answer is kept."""
    global _last  # one process, one recording at a time: that is what this process is for
    status = Path(path).stat()
    key = (path, status.st_size, status.st_mtime_ns, device)
    if _last is None or _last[0] != key:
        _last = None  # two recordings need not fit into memory
        _last = (key, _detect(samples_of(path), device, report))
    return _last[1]


def _detect(samples: NDArray[np.float32], device: str, report: Report) -> Detected:
    lead = activity.leading_silence(samples)
    sounding = samples[lead:]
    lead_s = lead / RATE_HZ
    if not len(sounding):
        return Detected(sounding, lead_s, None, (), ())
    from ecg_audio.speech.local_pipeline import speech_scores

    pipeline = loaders.embedded_pipeline(device)
    with diarization.quiet():
        segmentations = pipeline.segment(sounding, RATE_HZ, report)
        scores = (speech_scores(pipeline, segmentations), activity.silero(sounding))
    return Detected(sounding, lead_s, segmentations, scores, activity.speech(*scores, len(sounding) / RATE_HZ))
