"""One job: what is known of it, what it has published, and its end by hand."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse

from blocks import forgetting
from ecg_audio.errors import JobConflict, JobUnknown, ResultNotFound
from gateway import exports, results
from gateway.admission import Prefect, Set, admit
from gateway.answers import documented, example_of
from gateway.jobs import JobId, completed, in_list, progress_of
from gateway.links import ByLink, ending, files, link, sent
from gateway.orchestrator import Orchestrator
from gateway.records import Job
from gateway.results import Media, Published
from gateway.wire import JOB, Forgotten, Links, ListedJob, WholeJob

PATH = "/api/upload-video/jobs/{job_id}"
SANDBOXED = "sandbox allow-scripts allow-downloads; frame-ancestors 'self'"
"""A report holds scripts, and untrusted text: it runs as a page of nowhere, and reaches nothing of this address."""
BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}}

DOCUMENT = {
    "job_id": JOB,
    "run_id": "9a1f0c1e-0b1d-4f0e-9b3a-0a6f5f2c7c11",
    "language": "en",
    "segments": [
        {
            "id": 0,
            "start_s": 0.4,
            "end_s": 1.6,
            "speaker": "SPEAKER_00",
            "text": "Hello there.",
            "words": [
                {
                    "text": "Hello",
                    "start_s": 0.4,
                    "end_s": 0.9,
                    "timing": "aligned",
                    "voice": {"rms_dbfs": -21.4, "f0_median_hz": 204.5},
                }
            ],
        }
    ],
    "speakers": [{"id": "SPEAKER_00", "speaking_s": 1.2}],
}
"""An example of a result, with a little of what it has."""

job = APIRouter(tags=["jobs"], dependencies=[Depends(admit)])


@job.get(PATH, summary="One job, and what it has published", responses=documented(401, 404, 422, 503))
async def whole(job_id: JobId, prefect: Prefect) -> WholeJob:
    """What the list says of the job, what is at work, why it failed, and the base of corrections."""
    found = await prefect.find(job_id)
    listed = in_list(found, await progress_of([found], prefect)).model_dump()
    if found.status == "failed":
        return WholeJob(**listed)
    if found.status == "processing":
        return WholeJob(**listed, stages=await prefect.stages(found.run_id) if found.started_at else [])
    try:
        published, revision = await asyncio.gather(
            asyncio.to_thread(results.published, found), _under_way(prefect, found)
        )
    except ResultNotFound as error:
        return WholeJob(**listed | {"error_code": error.code, "error_message": error.message, "hint": error.hint})
    return WholeJob(
        **listed,
        run_id=published.manifest.run_id,
        revision=revision,
        has_picture=(await asyncio.to_thread(_playable, published, found)).has_picture,
        can_burn=await asyncio.to_thread(lambda: published.has_video),
        tells=found.callback is not None,
        outputs=list(published.manifest.outputs),
    )


@job.get(
    f"{PATH}/result",
    summary="The whole result as JSON",
    response_class=Response,
    responses={
        200: {
            "description": "The document of `analysis.schema.json`; its `run_id` is the base of corrections.",
            "content": {"application/json": {"schema": {"type": "object"}, "example": DOCUMENT}},
        },
        **documented(401, 404, 422, 503),
    },
)
async def result(job_id: JobId, prefect: Prefect) -> Response:
    """Segments, words with times and voice, turns, speakers, events, notices: measured, or null."""
    _, published = await _completed(job_id, prefect)
    content = await asyncio.to_thread(published.store.read, published.manifest.outputs["analysis"].key)
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


@job.post(
    f"{PATH}/links",
    summary="Links that need no key, for players, frames and downloads",
    responses=documented(401, 404, 422, 503),
)
async def links(job_id: JobId, prefect: Prefect, settings: Set) -> Links:
    """Each opens one thing of this job, for an hour."""
    _, published = await _completed(job_id, prefect)
    until = ending()
    own = PATH.format(job_id=job_id)
    outputs = f"/api/upload-video/outputs/{job_id}/"
    offered = exports.offered(published.manifest)
    return Links(
        media=link(f"{own}/media", settings, until),
        report=link(f"{own}/report", settings, until),
        outputs={name: link(outputs + name, settings, until) for name in published.manifest.outputs},
        exports={name: link(f"{own}/exports/{name}", settings, until) for name in offered},
        expires_at=datetime.fromtimestamp(until, UTC).isoformat(),
    )


@files.get(
    f"{PATH}/media",
    tags=["jobs"],
    summary="The recording, whole or in parts",
    response_class=Response,
    responses={
        **BYTES,
        206: {"description": "The part that Range asks for."},
        307: {"description": "Where the store keeps it, by a link that lasts minutes."},
        416: {"description": "There is no such part."},
        **documented(401, 404, 422, 503),
    },
)
async def media(
    job_id: JobId,
    prefect: Prefect,
    by_link: ByLink,
    sound: Annotated[bool, Query(description="The extracted sound alone, which every browser plays.")] = False,
) -> Response:
    """What was uploaded, where it was; else the sound that was extracted from it, as FLAC."""
    found, published = await _completed(job_id, prefect)
    played = await asyncio.to_thread(published.sound if sound else published.media, found)
    place = await asyncio.to_thread(results.located, published.store, played.key)
    # a recording is somebody's bytes: whatever it is, it is no page of this address
    headers = {"Content-Security-Policy": "sandbox", "Cache-Control": "private, max-age=3600"}
    if by_link:  # the report is a page of nowhere
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return sent(place, media_type=played.media_type, headers=headers)


@files.get(
    f"{PATH}/exports/{{format_name}}",
    tags=["jobs"],
    summary="The result in another format, or all of it in one archive",
    response_class=Response,
    responses={**BYTES, **documented(401, 404, 422, 501, 503)},
)
async def export(
    job_id: JobId,
    format_name: Annotated[exports.Format, InPath(examples=["eaf"])],
    prefect: Prefect,
    _by_link: ByLink,
) -> Response:
    """It is made now, of the result as it stands: what `ecg captions` and `ecg export` write."""
    _, published = await _completed(job_id, prefect)
    made = await asyncio.to_thread(exports.made, published, format_name)
    headers = {
        "Content-Disposition": f'attachment; filename="{job_id}.{made.ending}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(made.content, media_type=made.media_type, headers=headers)


@files.get(
    f"{PATH}/report",
    tags=["jobs"],
    summary="The report page, to be shown in a frame",
    response_class=HTMLResponse,
    responses=example_of(200, "<!doctype html>...", "text/html") | documented(401, 404, 422, 503),
)
async def report(job_id: JobId, prefect: Prefect, settings: Set, _by_link: ByLink) -> HTMLResponse:
    """Its scripts run in a sandbox; it plays the recording by a link of its own."""
    found, published = await _completed(job_id, prefect)
    shown = link(f"{PATH.format(job_id=job_id)}/media", settings, ending())
    played = await asyncio.to_thread(_playable, published, found)
    page = await asyncio.to_thread(published.report, shown, has_picture=played.has_picture)
    headers = {"Content-Security-Policy": SANDBOXED, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(page, headers=headers)


@job.post(
    f"{PATH}/cancel",
    summary="Stop a job",
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def cancel(job_id: JobId, prefect: Prefect) -> ListedJob:
    """One that waits ends at once; one that works ends when its worker has stopped it."""
    found = await prefect.find(job_id)
    if found.status != "processing":
        raise JobConflict(f"the job {job_id} is over: it is {found.status}", hint="There is nothing to stop.")
    await prefect.cancel(found)
    found = await prefect.find(job_id)
    return in_list(found, await progress_of([found], prefect))


@job.delete(
    PATH,
    summary="Forget a job: its result, recording, upload and runs",
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def forget(job_id: JobId, prefect: Prefect) -> Forgotten:
    """Nothing of it can be had again. What other jobs use stays, and is counted."""
    found = await prefect.find(job_id)
    beside = await prefect.side_runs(job_id)
    if found.status == "processing" or any(run.alive for run in beside):
        raise JobConflict(f"the job {job_id} is at work", hint="Cancel it first, or wait for its end.")
    store = await asyncio.to_thread(results.opened, found.store)
    gone = await asyncio.to_thread(forgetting.forget, store, job_id)
    # last, so that whoever was interrupted still finds the job, and forgets it again
    for run_id in [*(run.run_id for run in beside), found.run_id]:
        try:
            await prefect.delete(run_id)
        except JobUnknown:
            continue  # somebody else forgets it, too
    return Forgotten(job_id=job_id, objects=len(gone.gone), runs=1 + len(beside), shared=len(gone.shared))


async def _completed(job_id: str, prefect: Orchestrator) -> tuple[Job, Published]:
    return await completed(job_id, prefect, "result", "Wait for its end.")


async def _under_way(prefect: Orchestrator, found: Job) -> str | None:
    """The revision of a job that waits or works."""
    runs = await prefect.side_runs(found.job_id)
    return next((run.run_id for run in runs if run.alive and "base" in run.parameters), None)


def _playable(published: Published, found: Job) -> Media:
    """What `media` plays; nothing with a picture, where the recording has been removed."""
    try:
        return published.media(found)
    except ResultNotFound:
        return Media("", results.OCTETS, has_picture=False)
