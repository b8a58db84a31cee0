"""What a job has published in a store."""

from ecg_audio import layout
from ecg_audio.analysis import Analysis
from ecg_audio.errors import ResultNotFound
from ecg_audio.results import document, manifest
from ecg_audio.results.manifest import Manifest
from ecg_audio.store import ArtifactStore


def published(store: ArtifactStore, job_id: str) -> Manifest | None:
    """A job's manifest; None: nothing is published."""
    try:
        return manifest.loads(store.read(layout.manifest(job_id)))
    except ResultNotFound:
        return None


def result(store: ArtifactStore, job_id: str) -> tuple[Manifest, Analysis]:
    """A job's manifest and analysis.

    Raises:
        ResultNotFound: the job has no result.
    """
    written = published(store, job_id)
    if written is None:
        raise ResultNotFound(f"no result of {job_id} is published")
    return written, document.loads(store.read(written.outputs["analysis"].key))
