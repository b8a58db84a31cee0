"""Removing every trace of a job from a store.

What is to go is written down before anything goes, the manifest goes first, and the note goes last: whoever meets a
half-forgotten job finds nothing published, and forgetting it again goes on where it ended.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pydantic import ValidationError

from blocks.published import published
from blocks.storage import content_of, key_of, records
from ecg_audio import layout, workspace
from ecg_audio.analysis import Model
from ecg_audio.batch.summary import without_job
from ecg_audio.claim import standing
from ecg_audio.errors import ResultNotFound
from ecg_audio.results import document
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.trace import Trace
from ecg_audio.store import ArtifactStore

READERS = 16


class Forgotten(Model):
    """What goes, as keys in that order, and the recordings and uploads that stay because other jobs use them."""

    job_id: str
    gone: tuple[str, ...]
    shared: tuple[str, ...] = ()


def remember(store: ArtifactStore, job_id: str, run_id: str, recording: str, source: str | None = None) -> None:
    """Note what a job is about to leave in the store, so that it can be forgotten.

    Args:
        store: the store.
        job_id: the job.
        run_id: its present run.
        recording: key of its recording.
        source: what it was asked to read; noted where it is an upload in this store. None: nothing new.
    """
    known = _record(store, job_id) or Trace(job_id=job_id)
    key = key_of(store, source) if source is not None else None
    # a file of the user's own may lie in the store's folder, and is not ours to remove
    upload = key if key and layout.UPLOAD.match(key) else None
    noted = known.with_run(run_id, recording, upload)
    store.write(layout.trace(job_id), noted.model_dump_json().encode())


def forget(store: ArtifactStore, job_id: str) -> Forgotten:
    """Remove a job's result, outputs, tables, receipt and records; its recording and upload, unless others use them.

    Returns:
        what went; nothing, where the store knew nothing of the job.

    Raises:
        PublishFailed: the store does not answer; forgetting again goes on from there.
        StoreBusy: a compaction is at work on the job's rows, and does not end in time; likewise.
    """
    note = layout.forgetting(job_id)
    try:
        plan = Forgotten.model_validate_json(store.read(note))
    except (ResultNotFound, ValidationError):
        plan = _plan(store, job_id)
        if plan.gone:
            store.write(note, plan.model_dump_json().encode())
    for key in plan.gone:
        store.delete(key)
    # claims first: a compaction that is not at work any more has put its files down
    if standing(store, layout.REWRITING) or any(
        PurePosixPath(key).name == COMPACTED for key in store.keys(layout.TABLES)
    ):
        from ecg_audio.results import compaction  # needs Arrow, which not every image has

        compaction.strip(store, job_id)
    if workspace.has_copies():
        from ecg_audio.results import copies  # likewise

        copies.forget(*store.arrow())  # readers on other machines lose theirs with their next question
    for key in store.keys(layout.BATCHES):
        if (told := without_job(store.read(key), job_id)) is not None:
            store.write(key, told)
    store.delete(note)
    return plan


def _plan(store: ArtifactStore, job_id: str) -> Forgotten:
    left = _trace(store, job_id)
    known = published(store, job_id)
    runs = {*left.runs, *([known.run_id] if known else [])}
    theirs = _in_use(store, job_id)
    ours = {*left.recordings, *left.uploads}
    shared = {
        key for key in ours if key in theirs or (key in left.recordings and content_of(key) in map(content_of, theirs))
    }
    if shared:
        shared |= set(left.uploads)  # an upload is what a shared recording was made from
    wanted = [
        *([layout.manifest(job_id)] if known else []),
        *([output.key for output in known.outputs.values()] if known else []),
        *(key for run_id in sorted(runs) for key in store.keys(layout.run(run_id))),
        *(key for key in store.keys(layout.TABLES) if PurePosixPath(key).name == f"{job_id}.parquet"),
        *_callback_records(store, job_id),
        *(key for recording in left.recordings if recording not in shared for key in _made_from(store, recording)),
        *(key for key in left.uploads if key not in shared and store.exists(key)),
        *([layout.trace(job_id)] if store.exists(layout.trace(job_id)) else []),
    ]
    return Forgotten(job_id=job_id, gone=tuple(dict.fromkeys(wanted)), shared=tuple(sorted(shared)))


def _callback_records(store: ArtifactStore, job_id: str) -> Iterator[str]:
    if store.exists(layout.receipt(job_id)):
        yield layout.receipt(job_id)
    # of claims, and of what revisions have told
    yield from (
        key for key in store.keys(layout.DELIVERIES) if PurePosixPath(key).name.startswith((f"{job_id}~", f"{job_id}+"))
    )


def _made_from(store: ArtifactStore, recording: str) -> Iterator[str]:
    """A recording, its frames, and the cached records of what was found in it."""
    content = content_of(recording)
    folder = str(PurePosixPath(recording).parent)
    yield from (key for key in store.keys(folder) if content_of(key) == content)
    yield from store.keys(records(content))
    for key in store.keys(records(None)):
        if content.encode() in _content(store, key):
            yield key


def _content(store: ArtifactStore, key: str) -> bytes:
    """What a cached record holds; nothing, where its writer did not finish it."""
    from prefect.results import ResultRecord  # type: ignore[attr-defined]  # public, and not said to be exported

    try:
        record: ResultRecord[object] = ResultRecord.deserialize(store.read(key))
        return str(record.result).encode()
    except (ResultNotFound, ValueError):
        return b""


def _in_use(store: ArtifactStore, job_id: str) -> set[str]:
    """The recordings and uploads of all other jobs, those at work among them."""
    jobs = {PurePosixPath(key).stem for key in store.keys("jobs")}
    jobs |= {PurePosixPath(key).parts[1] for key in store.keys("results")}
    with ThreadPoolExecutor(READERS) as readers:
        traces = readers.map(lambda other: _trace(store, other), jobs - {job_id})
        return {key for found in traces for key in (*found.recordings, *found.uploads)}


def _trace(store: ArtifactStore, job_id: str) -> Trace:
    """A job's own record; of results without one, what their document tells."""
    if found := _record(store, job_id):
        return found
    known = published(store, job_id)
    if known is None or "analysis" not in known.outputs:
        return Trace(job_id=job_id)
    try:
        analysis = document.loads(store.read(known.outputs["analysis"].key))
    except ResultNotFound:
        return Trace(job_id=job_id)
    return Trace(job_id=job_id, runs=(known.run_id,), recordings=(analysis.recording.key,))


def _record(store: ArtifactStore, job_id: str) -> Trace | None:
    try:
        return Trace.model_validate_json(store.read(layout.trace(job_id)))
    except (ResultNotFound, ValidationError):
        return None
