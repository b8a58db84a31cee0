"""The offline engine's heavy half: the models that live in its one model process.

Its functions are called through a `Child`; torch and pyannote are imported here and nowhere in the parent. The scores
of the last recording are kept, so that voice activity and diarization share one pass of the segmentation model.
"""

import functools
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Diarization, Span, Turn
from ecg_audio.progress import Report, silent
from ecg_audio.speech import activity, diarization
from ecg_audio.speech.engine import SpeakerCount

if TYPE_CHECKING:
    from ecg_audio.speech.local_pipeline import LocalPipeline

SpanLike = TypeVar("SpanLike", Span, Turn)

MODEL = "pyannote segmentation + GE2E voice encoder, agglomerative clustering"


SOUNDING = 1e-3  # -60 dBFS: below it nobody is heard
SILENCE_DBFS = -85.0  # quieter than any microphone: put there by an editor or a late audio track
HOP = 160  # the recogniser's frames, in samples


@dataclass(frozen=True, slots=True)
class _Heard:
    """A recording as the segmentation model heard it, from its first sound on.

    The model hears windows, and words and turns depend on where these lie. Counted from the first sound, a recording
    whose audio track starts later gives the same words and turns, later.
    """

    key: tuple[str, int, int]
    samples: NDArray[np.float32]
    sample_rate_hz: int
    lead_s: float  # quiet before `samples`
    segmentations: Any


_last: _Heard | None = None


def prepare(*, report: Report = silent) -> None:
    """Import and load everything."""
    _pipeline()
    report(1.0)


def find_speech(path: str, *, report: Report = silent) -> tuple[Span, ...]:
    """Spans in which somebody speaks, in a FLAC or WAV file."""
    heard = _hear(path, report)
    if heard.segmentations is None:
        return ()
    from ecg_audio.speech.local_pipeline import speech_scores

    duration_s = len(heard.samples) / heard.sample_rate_hz
    found = activity.spans(speech_scores(_pipeline(), heard.segmentations), duration_s)
    return tuple(_later(span, heard.lead_s) for span in found)


def diarize(path: str, speakers: SpeakerCount, *, report: Report = silent) -> Diarization:
    """Who spoke when, in a FLAC or WAV file. Nobody, where `find_speech` finds no speech: both keep one measure."""
    if not find_speech(path):
        report(1.0)
        return Diarization(model=MODEL, turns=(), exclusive=())
    heard = _hear(path, silent)
    found = diarization.diarize(
        _pipeline(),
        heard.samples,
        heard.sample_rate_hz,
        model=MODEL,
        speakers=speakers,
        report=report,
        segmentations=heard.segmentations,
    )
    return found.model_copy(
        update={
            "turns": tuple(_later(turn, heard.lead_s) for turn in found.turns),
            "exclusive": tuple(_later(turn, heard.lead_s) for turn in found.exclusive),
        }
    )


def _lead(samples: NDArray[np.float32]) -> int:
    """How many samples of silence to leave out at the beginning, in whole frames; 0 where a microphone was open."""
    onset = int(np.argmax(np.abs(samples) > SOUNDING)) if len(samples) else 0
    if onset < HOP or 10 * np.log10(np.mean(np.square(samples[:onset])) + 1e-20) > SILENCE_DBFS:
        return 0
    return round(onset / HOP) * HOP


def _later(span: SpanLike, by_s: float) -> SpanLike:
    return span.model_copy(update={"start_s": span.start_s + by_s, "end_s": span.end_s + by_s})


def _hear(path: str, report: Report) -> _Heard:
    global _last  # one process, one recording at a time: that is what this process is for
    status = os.stat(path)  # noqa: PTH116 - a path as text came through the pipe
    key = (path, status.st_size, status.st_mtime_ns)
    if _last is None or _last.key != key:
        _last = None  # two recordings need not fit into memory
        import soundfile

        samples, sample_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        mono = np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))
        lead = _lead(mono)
        sounding = mono[lead:]
        segmentations = _pipeline().segment(sounding, sample_rate_hz, report) if len(sounding) else None
        _last = _Heard(key, sounding, sample_rate_hz, lead / sample_rate_hz, segmentations)
    return _last


@functools.cache
def _pipeline() -> "LocalPipeline":
    diarization.silence_telemetry()
    with diarization.quiet():
        import torch

        from ecg_audio.speech import local_pipeline

        # lightning sets its own level as it is imported, and announces each checkpoint it upgrades
        logging.getLogger("lightning").setLevel(logging.ERROR)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        return local_pipeline.build()
