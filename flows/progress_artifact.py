"""A job's progress as a Prefect artifact, for whoever watches the run in Prefect's UI or asks the gateway.

The figure is the one that callbacks say, and it is here before they say it: a job that ends without a word of its own
is told of at the figure where it stood, which is never behind what its backend has heard.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from ecg_audio.delivery import callback
from ecg_audio.progress import Snapshot

UPDATE_EVERY_S = 1.0
KNOWN_WITHIN_S = 5.0
"""A server that takes longer is not waited for."""


class ProgressArtifact:
    """Shows a job's latest figure in the run's artifacts, at most once a second.

    Updates travel on a thread of their own: a slow or absent server never holds up the work.
    """

    def __init__(self, job_id: str) -> None:
        self._logger = get_run_logger()
        artifact = create_progress_artifact(0.0, key="progress", description=f"Progress of job {job_id}")
        assert isinstance(artifact, UUID)
        self._artifact = artifact
        self._latest = self._tried = 0.0
        self._changed = threading.Condition()
        self._ended = threading.Event()

    def listen(self, snapshot: Snapshot) -> None:
        """Take a job's progress: a `Listener`."""
        step = callback.step(snapshot)
        self._latest = max(self._latest, 100.0 if snapshot.percent >= 100.0 else step.progress if step else 0.0)

    def wait_for(self, figure: float) -> None:
        """Return when the server knows a figure, or cannot be told."""
        with self._changed:
            self._changed.wait_for(lambda: self._tried >= figure, KNOWN_WITHIN_S)

    def push(self) -> None:
        """Update the artifact until `end`; the last figure is shown."""
        shown = 0.0
        warned = False
        while True:
            last = self._ended.wait(UPDATE_EVERY_S)
            figure = self._latest  # it may rise while the update is on its way
            if figure != shown:
                try:
                    update_progress_artifact(self._artifact, progress=figure)
                    shown = figure
                except Exception as error:  # noqa: BLE001 - said once in the log; the job goes on without its bar
                    if not warned:
                        self._logger.warning("progress is not shown: %s", error)
                    warned = True
                with self._changed:
                    self._tried = figure
                    self._changed.notify_all()
            if last and figure == self._latest:
                return

    def end(self) -> None:
        """Let `push` end."""
        self._ended.set()


@contextmanager
def progress_artifact(job_id: str) -> Iterator[ProgressArtifact]:
    """Yield the artifact of the run at hand, kept up to date until the block ends."""
    artifact = ProgressArtifact(job_id)
    # with this run's context: the server's address may be set there
    pusher = threading.Thread(target=copy_context().run, args=(artifact.push,), name="progress-artifact", daemon=True)
    pusher.start()
    try:
        yield artifact
    finally:
        artifact.end()
        pusher.join(timeout=30.0)
