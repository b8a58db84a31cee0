"""Which emotion a voice carries: any audio-classification model of transformers, by hub name or directory.

Not configured means absent: there is no default, and nothing is derived from loudness or pitch. The model lives in a
process of its own (`emotion_process`); a label outside the seven known ones is no emotion, and neither is a span too
short to judge. A model that hears dimensions (valence, arousal) gives those and no label.
"""

from collections.abc import Sequence
from pathlib import Path

from ecg_audio import settings
from ecg_audio.analysis import Emotion, Segment, Span
from ecg_audio.compute.classifier import Classifier
from ecg_audio.progress import Report, silent
from ecg_audio.voice import emotion_process


def configured() -> str | None:
    """The model that is to be used; None: emotion is not wanted."""
    return settings.Emotion.read().model


class EmotionClassifier(Classifier):
    """Hears the emotion of spans of a recording."""

    what = "the emotion model"
    settings = settings.Emotion

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
        asked = (recording, self.model, self.revision, stretches)
        found: tuple[Emotion | None, ...] = self._call(emotion_process.classify, *asked, report=report)
        return found
