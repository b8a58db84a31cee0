"""Sounds by a model: any audio-classification model of transformers with AudioSet's labels, by hub name or directory.

Not configured means that no model is asked; none is downloaded unless it is named. The model lives in a process of its
own (`classifier_models`).
"""

import contextlib
import os
from importlib.metadata import version
from pathlib import Path

from ecg_audio.analysis import Event
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import hub, idle
from ecg_audio.environment import MODELS
from ecg_audio.errors import EcgError, MeasurementFailed
from ecg_audio.progress import Report, silent, took
from ecg_audio.sounds import classifier_models
from ecg_audio.sounds.classifier_models import MODEL
from ecg_audio.telemetry import TELEMETRY_OFF

REVISION = "ECG_EVENT_MODEL_REVISION"


def configured() -> str | None:
    """The model that is to be used (ECG_EVENT_MODEL); None: no model is asked."""
    return os.environ.get(MODEL, "").strip() or None


class SoundClassifier:
    """Hears events all through a recording.

    Args:
        model: hub name or directory.
        revision: of the hub's model; None takes ECG_EVENT_MODEL_REVISION, or the newest.
        process: where the model lives; None: a process of its own.
    """

    def __init__(self, model: str, *, revision: str | None = None, process: Child | None = None) -> None:
        self.model = model
        self.revision = revision or os.environ.get(REVISION) or None
        self._idle_s = idle.idle_s()
        self._rest = idle.Rest(self._idle_s, self._unload)
        self._process = process or Child("the sound classifier", variables=MODELS, environment=dict(TELEMETRY_OFF))

    @property
    def name(self) -> str:
        """What results call the model."""
        return Path(self.model).name if Path(self.model).is_dir() else self.model

    def fingerprint(self) -> dict[str, str]:
        """Model, revision and libraries that decide the results."""
        return {
            "model": self.model,
            "revision": str(self.revision),
            "content": hub.content(self.model),
            **{name: version(name) for name in ("transformers", "torch")},
        }

    def classify(self, recording: Path, *, report: Report = silent) -> tuple[Event, ...]:
        """The events that the model hears in a 16 kHz mono FLAC or WAV.

        Raises:
            ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or knows none of our kinds.
            MeasurementFailed: the model broke.
        """
        found: tuple[Event, ...]
        try:
            with self._rest.work():
                found, measured = self._process.call(
                    classifier_models.classify, str(recording), self.model, self.revision, report=report
                )
        except ChildError as error:
            raise MeasurementFailed(f"the sound classifier failed: {error}") from error
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
                self._process.call(classifier_models.unload, self._idle_s)
