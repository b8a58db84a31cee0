"""Audio classifiers of transformers in a process beside this one, loaded once and given back when idle."""

import atexit
import contextlib
import functools
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from ecg_audio import time_limit
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import classification, gpu, hub, model_server
from ecg_audio.compute.idle import IdleTimer
from ecg_audio.environment import MODELS
from ecg_audio.errors import EcgError, MeasurementFailed
from ecg_audio.progress import Report, current, took
from ecg_audio.settings import Emotion, Events, Models
from ecg_audio.telemetry import TELEMETRY_OFF


class ClassifierProcess(Child):
    """A process that holds classifiers, and gives back those that nobody has used for ECG_MODELS_IDLE_S.

    Attributes:
        resident_bytes: what it held after its last work; None: nobody has looked.
    """

    resident_bytes: int | None = None

    def __init__(self, name: str) -> None:
        super().__init__(name, variables=MODELS, environment=dict(TELEMETRY_OFF))
        self._idle_s = Models.read().models_idle_s
        self._idle_timer = IdleTimer(self._idle_s, self._unload)

    @override
    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with self._idle_timer.work():
            return super().call(function, *arguments, **options)

    @override
    def stop(self) -> None:
        self._idle_timer.cancel()
        super().stop()
        self.resident_bytes = None

    # as an engine has it
    warm, close = Child.start, stop

    def _unload(self) -> None:
        # a process that ends meanwhile has nothing left to give back
        with contextlib.suppress(EcgError, ChildError, OSError):
            if self.running:
                super().call(classification.unload, self._idle_s, timeout_s=time_limit.stage_s())


class Classifier:
    """Keeps one model, whatever it hears.

    Args:
        model: hub name or directory.
        revision: of the hub's model; None takes the setting, or the newest.
        process: where the model lives; None: the model server, or where there is none a process of its own.

    Attributes:
        what: what messages call it.
        settings: those that name its revision.
    """

    what: ClassVar[str]
    settings: ClassVar[type[Emotion] | type[Events]]

    def __init__(self, model: str, *, revision: str | None = None, process: Child | None = None) -> None:
        self.model = model
        self.revision = revision or self.settings.read().model_revision
        client = model_server.client()
        self._process = process or (client.RemoteClassifiers() if client else ClassifierProcess(self.what))

    def fingerprint(self) -> dict[str, str]:
        """Model, revision and libraries that decide the results."""
        return {
            "model": self.model,
            "revision": str(self.revision),
            "content": hub.content(self.model),
            **{name: version(name) for name in ("transformers", "torch")},
        }

    def close(self) -> None:
        """End the model's process."""
        self._process.stop()

    def _call(self, function: Callable[..., Any], recording: Path, *asked: object, report: Report) -> Any:
        """What a function of the model's process answers of a recording, without what it took.

        Raises:
            MeasurementFailed: the model broke.
            ProcessingTimeout: it took longer than it may; its process was ended.
        """
        limit_s = time_limit.stage_on_s(recording, gpu=bool(gpu.gpus()))
        timeout_s = current().deadline.within(limit_s)
        try:
            found, measured = self._process.call(function, str(recording), *asked, report=report, timeout_s=timeout_s)
        except ChildError as error:
            raise MeasurementFailed(f"{self.what} failed: {error}") from error
        took(measured.taken)
        return found


Kind = TypeVar("Kind", bound=Classifier)


def shared(kind: Callable[[str], Kind]) -> Callable[[str], Kind]:
    """What gives this process's one classifier of some kind for each model, and closes it as the process ends."""

    @functools.cache
    def of(model: str) -> Kind:
        classifier = kind(model)
        atexit.register(classifier.close)
        return classifier

    return of
