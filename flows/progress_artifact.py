"""A job's progress as a Prefect artifact, for whoever watches the run in Prefect's UI or asks the gateway.

The figure is the one that callbacks say, so that everyone hears the same, and a job that ends without a word of its
own is told of at the figure where it stood.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from ecg_audio.delivery import callback
from ecg_audio.progress import Listener, Snapshot

UPDATE_EVERY_S = 1.0


@contextmanager
def progress_artifact(job_id: str) -> Iterator[Listener]:
    """Yield a listener whose latest figure is shown in the run's artifacts, at most once a second.

    Updates travel on a thread of their own: a slow or absent server never holds up the work.
    """
    logger = get_run_logger()
    artifact = create_progress_artifact(0.0, key="progress", description=f"Progress of job {job_id}")
    assert isinstance(artifact, UUID)
    latest = 0.0
    ended = threading.Event()

    def listen(snapshot: Snapshot) -> None:
        nonlocal latest
        step = callback.step(snapshot)
        latest = max(latest, 100.0 if snapshot.percent >= 100.0 else step.progress if step else 0.0)

    def push() -> None:
        shown = 0.0
        warned = False
        while True:
            last = ended.wait(UPDATE_EVERY_S)
            figure = latest  # it may rise while the update is on its way
            if figure != shown:
                try:
                    update_progress_artifact(artifact, progress=figure)
                    shown = figure
                except Exception as error:  # noqa: BLE001 - said once in the log; the job goes on without its bar
                    if not warned:
                        logger.warning("progress is not shown: %s", error)
                    warned = True
            if last and figure == latest:
                return

    # with this run's context: the server's address may be set there
    pusher = threading.Thread(target=copy_context().run, args=(push,), name="progress-artifact", daemon=True)
    pusher.start()
    try:
        yield listen
    finally:
        ended.set()
        pusher.join(timeout=30.0)
