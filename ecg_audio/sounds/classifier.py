"""Sounds by a model: any audio-classification model of transformers with AudioSet's labels, by hub name or directory.

Not configured means that no model is asked; none is downloaded unless it is named. The model lives in a process of its
own (`classifier_process`).
"""

from pathlib import Path

from ecg_audio import settings
from ecg_audio.analysis import Event
from ecg_audio.child import Child
from ecg_audio.compute.classifier import Classifier
from ecg_audio.progress import Report, silent
from ecg_audio.sounds import classifier_process


def configured() -> str | None:
    """The model that is to be used; None: no model is asked."""
    return settings.Events.read().model


class SoundClassifier(Classifier):
    """Hears events all through a recording.

    Args:
        model: hub name or directory.
        revision: of the hub's model; None takes the setting, or the newest.
        process: where the model lives; None: a process of its own.
    """

    def __init__(self, model: str, *, revision: str | None = None, process: Child | None = None) -> None:
        revision = revision or settings.Events.read().model_revision
        super().__init__("the sound classifier", model, revision, process)

    def classify(self, recording: Path, *, report: Report = silent) -> tuple[Event, ...]:
        """The events that the model hears in a 16 kHz mono FLAC or WAV.

        Raises:
            ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or knows none of our kinds.
            MeasurementFailed: the model broke.
        """
        asked = (str(recording), self.model, self.revision)
        found: tuple[Event, ...] = self._call(classifier_process.classify, *asked, report=report)
        return found
