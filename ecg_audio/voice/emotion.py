"""Which emotion a voice carries: any audio-classification model of transformers, by hub name or directory.

Not configured means absent: there is no default, and nothing is derived from loudness or pitch. The model lives in a
process of its own (`emotion_models`); a label outside the seven known ones is no emotion, and neither is a span too
short to judge. A model that hears dimensions (valence, arousal) gives those and no label.
"""

import contextlib
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ecg_audio.analysis import Emotion, Segment, Span
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import hub, idle
from ecg_audio.environment import MODELS
from ecg_audio.errors import EcgError, MeasurementFailed
from ecg_audio.progress import Report, silent, took
from ecg_audio.telemetry import TELEMETRY_OFF
from ecg_audio.voice import emotion_models
from ecg_audio.voice.emotion_models import MODEL

REVISION = "ECG_EMOTION_MODEL_REVISION"


def configured() -> str | None:
    """The model that is to be used (ECG_EMOTION_MODEL); None: emotion is not wanted."""
    return os.environ.get(MODEL, "").strip() or None


class EmotionClassifier:
    """Hears the emotion of spans of a recording.

    Args:
        model: hub name or directory.
        revision: of the hub's model; None takes ECG_EMOTION_MODEL_REVISION, or the newest.
        process: where the model lives; None: a process of its own.
    """

    def __init__(self, model: str, *, revision: str | None = None, process: Child | None = None) -> None:
        self.model = model
        self.revision = revision or os.environ.get(REVISION) or None
        self._idle_s = idle.idle_s()
        self._rest = idle.Rest(self._idle_s, self._unload)
        self._process = process or Child("the emotion model", variables=MODELS, environment=dict(TELEMETRY_OFF))

    def fingerprint(self) -> dict[str, str]:
        """Model, revision and libraries that decide the results."""
        names = ("transformers", "torch")
        return {
            "model": self.model,
            "revision": str(self.revision),
            "content": hub.content(self.model),
            **{name: version(name) for name in names},
        }

    def classify(
        self, recording: Path, spans: Sequence[Span | Segment], *, report: Report = silent
    ) -> tuple[Emotion | None, ...]:
        """One answer for each span of a 16 kHz mono FLAC or WAV; None where the model has none.

        Raises:
            ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or is no emotion model.
            MeasurementFailed: the model broke.
        """
        if not spans:
            return ()
        stretches = tuple(Span(start_s=span.start_s, end_s=span.end_s) for span in spans)
        found: tuple[Emotion | None, ...]
        try:
            with self._rest.work():
                found, measured = self._process.call(
                    emotion_models.classify, str(recording), self.model, self.revision, stretches, report=report
                )
        except ChildError as error:
            raise MeasurementFailed(f"the emotion model failed: {error}") from error
        took(measured.taken)
        return found

    def close(self) -> None:
        """End the model's process."""
        self._rest.cancel()
        self._process.stop()

    def _unload(self) -> None:
        # a process that ends meanwhile has nothing left to give back
        with contextlib.suppress(EcgError, ChildError, OSError):
            if self._process.running:
                self._process.call(emotion_models.unload, self._idle_s)
