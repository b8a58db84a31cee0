"""Published results, read from the artifact store. Everything here blocks: call it in a thread."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from blocks.storage import ArtifactStore, FolderStore, key_of, open_store
from ecg_audio import layout
from ecg_audio.analysis import Analysis
from ecg_audio.errors import EcgError, JobConflict, OrchestratorUnavailable, ResultNotFound, UploadsOff
from ecg_audio.results import document as documents
from ecg_audio.results import manifest
from ecg_audio.results.manifest import Manifest, Output
from gateway.records import Job
from gateway.wire import Changed

LINK_LASTING_S = 600.0
MOST_REMEMBERED = 1000
OCTETS = "application/octet-stream"
_MEDIA = re.compile(r'"media":\{"href":(?:null|"(?:[^"\\]|\\.)*"),"kind":("video"|"audio")\}')
_PLAYED = {
    # an upload's name is its sender's: it decides between these, and never makes a page of it
    **dict.fromkeys((".mp4", ".m4v", ".mov"), "video/mp4"),
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    **dict.fromkeys((".ogg", ".oga", ".opus"), "audio/ogg"),
}


class ResultChanged(JobConflict):
    """A result was corrected that is an older one by now."""

    default_hint = "Open the result again, and correct that one."

    def __init__(self, message: str, changed: Changed) -> None:
        super().__init__(message)
        self.changed = changed


@dataclass(frozen=True, slots=True)
class Media:
    """What is played: a key of the store, of which media type, and whether it has a picture."""

    key: str
    media_type: str
    has_picture: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What a completed job has published."""

    store: ArtifactStore
    manifest: Manifest

    @property
    def analysis(self) -> Analysis:
        """The whole result. Raises as `document` does."""
        return documents.loads(self.store.read(self.manifest.outputs["analysis"].key))

    @property
    def has_video(self) -> bool:
        """Whether the source has a picture, wherever it lies. Raises as `document` does."""
        return _recording(self.store, self.manifest.outputs["analysis"].key)[1]

    def media(self, job: Job) -> Media:
        """The recording to play: the upload it was handed in as, where this store has it, else its extracted sound.

        Raises:
            ResultNotFound: the recording has been removed.
            PublishFailed: the store does not answer.
        """
        _, has_picture = _recording(self.store, self.manifest.outputs["analysis"].key)
        uploaded = _upload(self.store, job.source)
        if uploaded and self.store.exists(uploaded):
            return Media(uploaded, _PLAYED.get(PurePosixPath(uploaded).suffix.lower(), OCTETS), has_picture)
        return self.sound(job)

    def sound(self, job: Job) -> Media:
        """The extracted sound of the recording. Raises as `media` does."""
        key, _ = _recording(self.store, self.manifest.outputs["analysis"].key)
        if not self.store.exists(key):
            raise ResultNotFound(f"the recording of {job.job_id} has been removed")
        return Media(key, "audio/flac", has_picture=False)

    def report(self, shown: str, *, has_picture: bool) -> str:
        """The report page, which plays the recording from an address of ours."""
        page = self.store.read(self.manifest.outputs["report"].key).decode()
        told = json.dumps({"href": shown, "kind": "video" if has_picture else "audio"}, separators=(",", ":"))
        return _MEDIA.sub(lambda _found: f'"media":{told}'.replace("&", r"\u0026"), page, count=1)

    def report_alone(self) -> bytes:
        """The report page for whoever takes it away from its recording: it asks for the file at once."""
        page = self.store.read(self.manifest.outputs["report"].key).decode()
        return _MEDIA.sub(r'"media":{"href":null,"kind":\1}', page, count=1).encode()

    def check_base(self, base: str) -> None:
        """Whether this is still the result of a run.

        Raises:
            ResultChanged: it is not, with what has changed.
        """
        if self.manifest.run_id == base:
            return
        now = self.analysis
        latest = now.revision
        what = f"revision {latest.number} of {latest.revised_at}" if latest else "another one"
        raise ResultChanged(
            f"the result of {now.job_id} is no longer the one that was corrected: now it is {what}",
            Changed(
                run_id=self.manifest.run_id,
                number=latest.number if latest else None,
                revised_at=latest.revised_at if latest else None,
                edits=latest.edits[-1] if latest else None,
            ),
        )

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
        return output, located(self.store, output.key)


def located(store: ArtifactStore, key: str) -> Path | str:
    """The file or the signed address to read an object from.

    Raises:
        ResultNotFound: it is gone.
    """
    if isinstance(store, FolderStore):
        if not store.exists(key):
            raise ResultNotFound("it has been removed")
        return store.path(key)
    link = store.link(key, LINK_LASTING_S)
    if link is None:
        raise ResultNotFound("the store gives no links")
    return link


def published(job: Job) -> Published:
    """What a job has published.

    Raises:
        ResultNotFound: nothing is published under the job's id, or by another run only.
        PublishFailed: the store does not answer.
        OrchestratorUnavailable: Prefect, which knows the store, does not answer.
    """
    store = opened(job.store)
    found = manifest.loads(store.read(layout.manifest(job.job_id)))
    if found.analysed_by != job.run_id:
        raise ResultNotFound(f"the published result of {job.job_id} is another run's")
    return Published(store, found)


def _recording(store: ArtifactStore, analysis_key: str) -> tuple[str, bool]:
    """The key of a result's recording, and whether its source has a picture."""
    place = store.reference, analysis_key
    if place not in _recordings:
        found = documents.loads(store.read(analysis_key)).recording
        if len(_recordings) >= MOST_REMEMBERED:
            _recordings.clear()
        _recordings[place] = found.key, found.has_video
    return _recordings[place]


_recordings: dict[tuple[str, str], tuple[str, bool]] = {}
"""By store and the key of the result, which never changes: players ask for many pieces."""


def _upload(store: ArtifactStore, source: str | None) -> str | None:
    """The key of the upload that a job was handed in as; None: it lies elsewhere."""
    try:
        key = key_of(store, source) if source else None
    except EcgError:
        return None
    return key if key and layout.UPLOAD.match(key) else None


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
