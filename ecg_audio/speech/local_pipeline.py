"""pyannote's diarization pipeline, put together from parts inside installed packages: nothing is downloaded.

Imports torch and pyannote.audio: import this module only in a process that pays for them anyway.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Inference, Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import SlidingWindow, SlidingWindowFeature

from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.progress import Report
from ecg_audio.speech import voice_encoder
from ecg_audio.speech.activity import Scores
from ecg_audio.speech.bundled import CLUSTERING, SEGMENTATION, segmentation_path

SEGMENTATIONS = "segmentations"


class LocalPipeline(SpeakerDiarization):
    """`SpeakerDiarization` that takes the segmentation scores from the file, where they are already known."""

    def get_segmentations(
        self, file: Mapping[str, Any], hook: Callable[..., None] | None = None
    ) -> SlidingWindowFeature:
        """Scores of up to three local speakers, (chunks, frames, 3)."""
        return file[SEGMENTATIONS] if SEGMENTATIONS in file else super().get_segmentations(file, hook=hook)

    def segment(self, samples: NDArray[np.float32], sample_rate_hz: int, report: Report) -> SlidingWindowFeature:
        """Segmentation scores of (samples,) in memory, for `get_segmentations` and `speech_scores`."""
        waveform = {"waveform": torch.from_numpy(samples)[None], "sample_rate": sample_rate_hz}
        return self._segmentation(waveform, hook=lambda *, completed, total: report(min(1.0, completed / total)))

    @property
    def frames(self) -> SlidingWindow:
        """Where the segmentation model's frames lie in time."""
        return self._segmentation.model.receptive_field


class _Unused(PLDA):
    """The constructor wants a PLDA also where the clustering never asks it anything."""

    def __init__(self) -> None:
        pass


def build() -> LocalPipeline:
    """Segmentation from the whisperx wheel, voice encoder from the resemblyzer wheel, agglomerative clustering.

    Raises:
        ModelLoadingFailed: a part is missing or damaged.
    """
    path = segmentation_path()
    try:
        segmentation = Model.from_pretrained(path, strict=False)
    except (OSError, KeyError, RuntimeError, EOFError, ValueError) as error:
        raise ModelLoadingFailed(f"the segmentation model in {path} cannot be read: {error}") from error
    assert segmentation is not None  # None is for hub models behind a licence
    pipeline = LocalPipeline(
        segmentation=segmentation,
        embedding=voice_encoder.load(),
        plda=_Unused(),
        clustering="AgglomerativeClustering",
        embedding_exclude_overlap=True,
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    pipeline.instantiate({"segmentation": dict(SEGMENTATION), "clustering": dict(CLUSTERING)})
    return pipeline


def speech_scores(pipeline: LocalPipeline, segmentations: SlidingWindowFeature) -> Scores:
    """How likely anybody speaks, over the whole recording, from the scores of its windows."""
    anybody = SlidingWindowFeature(segmentations.data.max(axis=2, keepdims=True), segmentations.sliding_window)
    frames = pipeline.frames
    scores = Inference.aggregate(anybody, frames, hamming=True, missing=0.0)
    return Scores(scores.data[:, 0], frames[0].middle, frames.step)
