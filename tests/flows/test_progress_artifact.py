"""The figure that Prefect shows."""

import logging
import uuid

import pytest

from ecg_audio.progress import Listener, Snapshot
from flows import progress_artifact
from flows.progress_artifact import progress_artifact as shown


def test_a_figure_that_rises_during_an_update_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes while an update is on its way is shown by the next one, though nothing changes any more."""
    told: list[float] = []
    listeners: list[Listener] = []

    def update(_artifact: uuid.UUID, progress: float) -> None:
        told.append(progress)
        if len(told) == 1:
            listeners[0](Snapshot(100.0, "publish", ()))

    monkeypatch.setattr(progress_artifact, "UPDATE_EVERY_S", 0.01)
    monkeypatch.setattr(progress_artifact, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(progress_artifact, "create_progress_artifact", lambda *_a, **_k: uuid.uuid4())
    monkeypatch.setattr(progress_artifact, "update_progress_artifact", update)
    monkeypatch.setattr("flows.progress_artifact.callback.step", lambda _snapshot: Figure())
    with shown("job-1") as listen:
        listeners.append(listen)
        listen(Snapshot(5.0, "download", ()))
    assert told == [5, 100]


class Figure:
    """A milestone."""

    progress = 5
