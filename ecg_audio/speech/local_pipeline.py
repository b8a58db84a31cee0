"""pyannote's diarization pipeline, put together from parts inside installed packages: nothing is downloaded.

Imports torch and pyannote.audio: import this module only in a process that pays for them anyway.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from pyannote.audio import Inference, Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.utils.signal import binarize
from pyannote.core import Annotation, SlidingWindow, SlidingWindowFeature
from torch import Tensor

from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.progress import Report
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import voice_encoder, voices
from ecg_audio.speech.activity import Scores
from ecg_audio.speech.weights import segmentation_path

SEGMENTATION: Mapping[str, float] = {"threshold": 0.5, "min_duration_off": 0.0}  # as likely as not: fitted to nothing
SHORTEST_TURN_S = 0.15  # less is no syllable
SEGMENTATIONS = "segmentations"
WINDOWS_PER_BATCH = 4
SILENT_POWER = 1e-7  # -70 dBFS


@dataclass(frozen=True, slots=True)
class Found:
    """As pyannote's `DiarizeOutput`, and (windows, speakers) cosines of each window with each voice."""

    speaker_diarization: Annotation
    exclusive_speaker_diarization: Annotation
    speaker_embeddings: NDArray[np.float32]
    similarities: NDArray[np.float64]


class LocalPipeline(SpeakerDiarization):
    """`SpeakerDiarization` with its segmentation, and with voices told apart by short windows (`voices`).

    A file may bring what is known already: `segmentations`, the scores of `get_segmentations`; `speech`, spans in which
    somebody speaks whom the segmentation need not have heard.
    """

    encoder: voice_encoder.VoiceEncoder

    def apply(  # type: ignore[override]
        self,
        file: Mapping[str, Any],
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        hook: Callable[..., None] | None = None,
    ) -> Found:
        """Who spoke when, as pyannote's own pipelines say it, and how alike each moment is to each voice."""
        hook = self.setup_hook(file, hook=hook)
        scores = self.get_segmentations(file, hook=hook)
        active = binarize(scores, onset=self.segmentation.threshold, initial_state=False)
        count = self.speaker_count(active, self.frames, warm_up=(0.0, 0.0))
        grid = count.sliding_window
        speech = count.data[:, 0] > 0
        for span in file.get("speech", ()):
            speech[max(0, grid.closest_frame(span.start_s)) : max(0, grid.closest_frame(span.end_s))] = True
        heard = self._heard(file["waveform"][0], speech, active, grid, hook)
        told = voices.tell_apart(heard, least=num_speakers or min_speakers or 1, most=num_speakers or max_speakers)
        numbers = np.arange(len(told.centroids))
        exclusive = told.speaker[:, None] == numbers
        annotation = self._annotation(exclusive | (told.second[:, None] == numbers), grid)
        # a voice that lost all its frames to others has no label there, and none of the rest may be misnamed for it
        speaking = [int(label) for label in annotation.labels()]
        return Found(
            speaker_diarization=annotation,
            exclusive_speaker_diarization=self._annotation(exclusive, grid),
            speaker_embeddings=told.centroids[speaking],
            similarities=voices.similarities(heard.vectors, told.centroids)[:, speaking],
        )

    def _heard(
        self,
        samples: Tensor,
        speech: NDArray[np.bool_],
        active: SlidingWindowFeature,
        grid: SlidingWindow,
        hook: Callable[..., None],
    ) -> voices.VoiceEvidence:
        if not speech.any():
            none = np.zeros((0, voice_encoder.DIMENSION), np.float32)
            return voices.VoiceEvidence(none, none, speech, np.zeros((0, 1, 1), bool), np.zeros(0, np.int64), grid.step)
        who = np.nan_to_num(active.data) > 0
        starts = np.array([grid.closest_frame(chunk.start + grid.duration / 2) for chunk, _ in active], dtype=np.int64)
        runs = voices.runs(speech, who, starts)
        return voices.VoiceEvidence(
            self.windows(samples, hook), self.run_vectors(samples, runs, grid), speech, who, starts, grid.step
        )

    def _annotation(self, speaking: NDArray[np.bool_], grid: SlidingWindow) -> Annotation:
        if not speaking.shape[1]:
            return Annotation()
        return self.to_annotation(SlidingWindowFeature(speaking.astype(np.int8), grid), SHORTEST_TURN_S, 0.0)

    def windows(self, samples: Tensor, hook: Callable[..., None]) -> NDArray[np.float32]:
        """Voice vectors of (samples,) in windows of 1.6 s, one each 0.25 s, centred; NaN where nothing sounds."""
        length, hop = (round(seconds * RATE_HZ) for seconds in (voices.WINDOW_S, voices.HOP_S))
        pieces = functional.pad(samples, (length // 2, length)).unfold(0, length, hop)[: -(-len(samples) // hop)]
        at_once = WINDOWS_PER_BATCH * self.embedding_batch_size
        found = []
        for start in range(0, len(pieces), at_once):
            hook("embeddings", None, total=len(pieces), completed=start)
            found.append(self._embedded(pieces[start : start + at_once]))
        vectors = np.concatenate(found)
        vectors[pieces.square().mean(dim=1).numpy() < SILENT_POWER] = np.nan
        return vectors

    def run_vectors(self, samples: Tensor, runs: NDArray[np.int64], grid: SlidingWindow) -> NDArray[np.float32]:
        """Voice vectors of runs of frames, (runs, 2) -> (runs, dimension); NaN where one is too short for a voice."""
        found = np.full((len(runs), voice_encoder.DIMENSION), np.nan, np.float32)
        first = grid.start + grid.duration / 2
        bounds = np.clip(np.round((first + runs * grid.step) * RATE_HZ), 0, len(samples)).astype(int)
        lengths = bounds[:, 1] - bounds[:, 0]
        order = [
            row for row in np.argsort(lengths) if lengths[row] >= voice_encoder.MIN_FRAMES * voice_encoder.HOP_SAMPLES
        ]
        for start in range(0, len(order), self.embedding_batch_size):
            rows = order[start : start + self.embedding_batch_size]
            sounds = torch.zeros(len(rows), int(lengths[rows[-1]]))
            heard = torch.zeros(len(rows), 1 + sounds.shape[1] // voice_encoder.HOP_SAMPLES)
            for index, row in enumerate(rows):
                sounds[index, : lengths[row]] = samples[bounds[row, 0] : bounds[row, 1]]
                heard[index, : 1 + lengths[row] // voice_encoder.HOP_SAMPLES] = 1.0
            found[rows] = self._embedded(sounds, heard)
        return found

    def _embedded(self, sounds: Tensor, heard: Tensor | None = None) -> NDArray[np.float32]:
        device = next(self.encoder.parameters()).device
        with torch.inference_mode():
            mask = None if heard is None else heard.to(device)
            found: NDArray[np.float32] = self.encoder(sounds[:, None].to(device), mask).cpu().numpy()
        return found

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
        plda=_Unused(),
        clustering="OracleClustering",  # never asked: `voices` does it
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    pipeline.encoder = voice_encoder.load()
    pipeline.instantiate({"segmentation": dict(SEGMENTATION)})
    return pipeline


def speech_scores(pipeline: LocalPipeline, segmentations: SlidingWindowFeature) -> Scores:
    """How likely anybody speaks, over the whole recording, from the scores of its windows."""
    anybody = SlidingWindowFeature(segmentations.data.max(axis=2, keepdims=True), segmentations.sliding_window)
    frames = pipeline.frames
    scores = Inference.aggregate(anybody, frames, hamming=True, missing=0.0)
    return Scores(scores.data[:, 0], frames[0].middle, frames.step)
