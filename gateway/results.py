"""Published results, read from the artifact store."""

import json
from typing import Any

from blocks.storage import open_store
from ecg_audio.errors import ResultNotFound
from ecg_audio.results import manifest
from gateway.orchestrator import Job


def document(job: Job) -> dict[str, Any]:
    """The wire document of a completed job. Blocks: call it in a thread.

    Raises:
        ResultNotFound: nothing is published under the job's id, or by another run only.
        PublishFailed: the store does not answer.
    """
    store = open_store(job.store)
    published = manifest.loads(store.read(f"results/{job.job_id}/manifest.json"))
    if published.run_id != job.run_id:
        raise ResultNotFound(f"the published result of {job.job_id} is another run's")
    found: dict[str, Any] = json.loads(store.read(published.outputs["backend"].key))
    return found


def check(store: str | None) -> None:
    """Whether the store can be used. Blocks: call it in a thread.

    Raises:
        EcgError: with what is wrong.
    """
    open_store(store).check()
