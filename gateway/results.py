"""Published results, read from the artifact store. Everything here blocks: call it in a thread."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from blocks.storage import ArtifactStore, FolderStore, open_store
from ecg_audio import layout
from ecg_audio.errors import OrchestratorUnavailable, ResultNotFound, UploadsOff
from ecg_audio.results import manifest
from ecg_audio.results.manifest import Manifest, Output
from gateway.orchestrator import Job

LINK_LASTING_S = 600.0


@dataclass(frozen=True, slots=True)
class Published:
    """What a completed job has published."""

    store: ArtifactStore
    manifest: Manifest

    @property
    def document(self) -> dict[str, Any]:
        """The wire document.

        Raises:
            ResultNotFound: it is gone.
            PublishFailed: the store does not answer.
        """
        found: dict[str, Any] = json.loads(self.store.read(self.manifest.outputs["backend"].key))
        return found

    def place(self, name: str) -> tuple[Output, Path | str]:
        """One output, and the file or the signed address to read it from.

        Raises:
            ResultNotFound: there is none of this name, or it is gone.
        """
        output = self.manifest.outputs.get(name)
        if output is None or not self.store.exists(output.key):
            raise ResultNotFound(f"the job has no output {name}", hint=f"It has {', '.join(self.manifest.outputs)}.")
        if isinstance(self.store, FolderStore):
            return output, self.store.path(output.key)
        link = self.store.link(output.key, LINK_LASTING_S)
        if link is None:
            raise ResultNotFound(f"the store gives no links to {name}")
        return output, link


def published(job: Job) -> Published:
    """What a job has published.

    Raises:
        ResultNotFound: nothing is published under the job's id, or by another run only.
        PublishFailed: the store does not answer.
        OrchestratorUnavailable: Prefect, which knows the store, does not answer.
    """
    store = opened(job.store)
    found = manifest.loads(store.read(layout.manifest(job.job_id)))
    if found.run_id != job.run_id:
        raise ResultNotFound(f"the published result of {job.job_id} is another run's")
    return Published(store, found)


def opened(store: str | None) -> ArtifactStore:
    """Open a store by its reference.

    Raises:
        InvalidRequest: there is no such store.
        OrchestratorUnavailable: Prefect, which knows the store, does not answer.
    """
    try:
        return open_store(store)
    except httpx.HTTPError:
        raise OrchestratorUnavailable("Prefect does not answer") from None


def uploads_store(store: str | None) -> ArtifactStore:
    """The store that takes uploads. Raises as `opened` does.

    Raises:
        UploadsOff: the gateway was given none.
    """
    if store is None:
        raise UploadsOff("this gateway takes no recordings")
    return opened(store)


def check(store: str | None) -> None:
    """Whether the store can be used.

    Raises:
        EcgError: with what is wrong.
    """
    opened(store).check()
