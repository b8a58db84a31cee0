"""The figure that Prefect shows."""

import logging
import threading
import uuid
from collections.abc import Callable

import pytest

from ecg_audio.progress import Snapshot
from flows import progress_artifact
from flows.progress_artifact import ProgressArtifact
from flows.progress_artifact import progress_artifact as shown


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server, in haste, and every snapshot at 5 %."""
    monkeypatch.setattr(progress_artifact, "UPDATE_EVERY_S", 0.01)
    monkeypatch.setattr(progress_artifact, "KNOWN_WITHIN_S", 0.2)
    monkeypatch.setattr(progress_artifact, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(progress_artifact, "create_progress_artifact", lambda *_a, **_k: uuid.uuid4())
    monkeypatch.setattr("flows.progress_artifact.callback.step", lambda _snapshot: Figure())


@pytest.fixture
def updated_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], None]], None]:
    """Say what takes the place of Prefect's update."""

    def use(update: Callable[[float], None]) -> None:
        monkeypatch.setattr(progress_artifact, "update_progress_artifact", lambda _artifact, progress: update(progress))

    return use


def test_a_figure_that_rises_during_an_update_is_not_lost(
    updated_by: Callable[[Callable[[float], None]], None],
) -> None:
    """What changes while an update is on its way is shown by the next one, though nothing changes any more."""
    told: list[float] = []
    artifacts: list[ProgressArtifact] = []

    def update(progress: float) -> None:
        told.append(progress)
        if len(told) == 1:
            artifacts[0].listen(Snapshot(100.0, "publish", ()))

    updated_by(update)
    with shown("job-1") as artifact:
        artifacts.append(artifact)
        artifact.listen(Snapshot(5.0, "download", ()))
    assert told == [5, 100]


def test_a_figure_is_waited_for_until_the_server_knows_it(
    updated_by: Callable[[Callable[[float], None]], None],
) -> None:
    """Who waits for it goes on after the update, not before."""
    told: list[float] = []
    updated_by(told.append)
    with shown("job-1") as artifact:
        artifact.listen(Snapshot(5.0, "download", ()))
        assert artifact.known(5)
        assert told == [5]


def test_a_server_that_hangs_is_waited_for_briefly(updated_by: Callable[[Callable[[float], None]], None]) -> None:
    """What it was not told in time is not known, and callbacks do not say it; work goes on without it."""
    hanging = threading.Event()
    updated_by(lambda _progress: hanging.wait() and None)
    with shown("job-1") as artifact:
        artifact.listen(Snapshot(5.0, "download", ()))
        assert not artifact.known(5)
        assert not hanging.is_set()
        hanging.set()


def test_what_the_server_refuses_is_not_known(updated_by: Callable[[Callable[[float], None]], None]) -> None:
    """An update that fails is an answer: nobody waits any longer, and the figure is not known."""
    updated_by(lambda _progress: 1 // 0 and None)
    with shown("job-1") as artifact:
        artifact.listen(Snapshot(5.0, "download", ()))
        assert not artifact.known(5)


class Figure:
    """A milestone."""

    progress = 5
