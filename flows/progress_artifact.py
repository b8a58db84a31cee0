"""A job's progress as a Prefect artifact, for whoever watches the run in Prefect's UI or asks the gateway.

The figure is the one that callbacks say, and it is here before they say it: a job that ends without a word of its own
is told of at the figure where it stood, which is never behind what its backend has heard.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger

from ecg_audio.delivery import callback
from ecg_audio.progress import Progress, Snapshot, listeners, listening, tracked
from flows import runs

UPDATE_EVERY_S = 1.0
KNOWN_WITHIN_S = 5.0
"""So long is the server waited for before a figure is said; one that takes longer leaves it unsaid."""


class ProgressArtifact:
    """Shows a job's latest figure in the run's artifacts, at most once a second.

    Updates travel on a thread of their own: a slow or absent server never holds up the work. A run that was begun
    again goes on in the artifact that it had, and never back.
    """

    def __init__(self, job_id: str, *, by_milestones: bool = True) -> None:
        self._by_milestones = by_milestones
        self._logger = get_run_logger()
        earlier: tuple[UUID, float] | None = None
        if runtime.flow_run.run_count > 1:
            with get_client(sync_client=True) as client:
                earlier = runs.progress(client, UUID(str(runtime.flow_run.id)))
        if earlier is None:
            made = create_progress_artifact(0.0, key="progress", description=f"Progress of job {job_id}")
            assert isinstance(made, UUID)
            earlier = made, 0.0
        self._artifact, figure = earlier
        self.reached = int(figure)
        self._shown = self._latest = self._tried = figure
        self._changed = threading.Condition()
        self._ended = threading.Event()

    def listen(self, snapshot: Snapshot) -> None:
        """Take a job's progress: a `Listener`."""
        step = callback.step(snapshot) if self._by_milestones else None
        figure = snapshot.percent if not self._by_milestones else step.progress if step else 0.0
        self._latest = max(self._latest, 100.0 if snapshot.percent >= 100.0 else figure)

    def known(self, figure: float) -> bool:
        """Whether the server knows a figure; waits a moment until it was told."""
        with self._changed:
            self._changed.wait_for(lambda: self._tried >= figure, KNOWN_WITHIN_S)
            return self._shown >= figure

    def push(self) -> None:
        """Update the artifact until `end`; the last figure is shown."""
        warned = False
        while True:
            last = self._ended.wait(UPDATE_EVERY_S)
            figure = self._latest  # it may rise while the update is on its way
            if figure != self._shown:
                try:
                    update_progress_artifact(self._artifact, progress=figure)
                    self._shown = figure
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
def progress_artifact(job_id: str, *, by_milestones: bool = True) -> Iterator[ProgressArtifact]:
    """Yield the artifact of the run at hand, kept up to date until the block ends.

    Args:
        job_id: the job.
        by_milestones: show the figures of callbacks; else those of the stages, where nobody is called back.
    """
    artifact = ProgressArtifact(job_id, by_milestones=by_milestones)
    # with this run's context: the server's address may be set there
    pusher = threading.Thread(target=copy_context().run, args=(artifact.push,), name="progress-artifact", daemon=True)
    pusher.start()
    try:
        yield artifact
    finally:
        artifact.end()
        pusher.join(timeout=30.0)


@contextmanager
def tracked_stages(job_id: str, stages: tuple[str, ...]) -> Iterator[Progress]:
    """Track a run that works on a finished job, stage by stage, in its artifact until the block ends."""
    with (
        progress_artifact(job_id, by_milestones=False) as artifact,
        listening(artifact.listen),
        tracked(Progress(stages, listeners())) as progress,
    ):
        yield progress
