"""Sounds by a model: any audio-classification model of transformers with AudioSet's labels, by hub name or directory.

Not configured means that no model is asked; none is downloaded unless it is named. The model lives in a process of its
own (`classifier_process`).
"""

from pathlib import Path

from ecg_audio import settings
from ecg_audio.analysis import Event
from ecg_audio.compute.classifier import Classifier
from ecg_audio.progress import Report, silent
from ecg_audio.sounds import classifier_process


def configured() -> str | None:
    """The model that is to be used; None: no model is asked."""
    return settings.Events.read().model


class SoundClassifier(Classifier):
    """Hears events all through a recording."""

    what = "the sound classifier"
    settings = settings.Events

    def classify(self, recording: Path, *, report: Report = silent) -> tuple[Event, ...]:
        """The events that the model hears in a 16 kHz mono FLAC or WAV.

        Raises:
            ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or knows none of our kinds.
            MeasurementFailed: the model broke.
        """
        asked = (recording, self.model, self.revision)
        found: tuple[Event, ...] = self._call(classifier_process.classify, *asked, report=report)
        return found
