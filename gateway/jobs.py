"""Jobs: the endpoints that today's callers know, translated into runs of a Prefect deployment."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath

from blocks.run_states import STATES
from ecg_audio.errors import JobUnknown, OrchestratorUnavailable, ProcessingTimeout, ResultNotFound
from ecg_audio.request import JOB_ID, AnalysisRequest
from gateway import exports, intake, results
from gateway.admission import Prefect, Set, admit
from gateway.answers import documented
from gateway.concurrency import GatewayBusy
from gateway.links import ByLink, files, sent
from gateway.orchestrator import Orchestrator
from gateway.records import Job
from gateway.wire import JOB, Accepted, Listed, ListedJob, ProcessVideo, State, Status, Transcribe, Transcribed

POLL_S = 0.5
MOST_WAITING = 50
"""Callers of /transcribe at once: each is a connection that is held for minutes."""
POLLS_A_SECOND = 10.0
"""Of all of them together."""
MOST_LISTED = 100
UNKNOWN_TIME_S = 300

jobs = APIRouter(tags=["jobs"], dependencies=[Depends(admit)])


def _known_form(job_id: Annotated[str, InPath(examples=[JOB])]) -> str:
    # what can be no job's id is not asked after
    if not JOB_ID.fullmatch(job_id):
        raise JobUnknown(f"there is no job {job_id[:128]}")
    return job_id


JobId = Annotated[str, Depends(_known_form)]


HANDED_IN = documented(401, 403, 409, 413, 422, 503)


@jobs.post(
    "/api/upload-video/process-video",
    summary="Analyse a video; the answer comes at once",
    responses=HANDED_IN,
)
@jobs.post("/request-process", summary="The older form of process-video", responses=HANDED_IN)
async def process_video(asked: ProcessVideo, prefect: Prefect, settings: Set, http: Request) -> Accepted:
    """Hand a video in. The same id twice is the same job; another request under a known id is a conflict."""
    request = await intake.of_video(asked, settings)
    http.state.job_id = request.job_id
    job = await prefect.submit(request)
    estimated_s, queued = await asyncio.gather(_estimated_s(prefect), prefect.queued())
    return Accepted(
        job_id=job.job_id,
        message="Video processing started",
        status_url=f"/api/upload-video/status/{job.job_id}",
        estimated_time=estimated_s,
        queued=queued,
    )


@jobs.get(
    "/api/upload-video/jobs",
    summary="The jobs that were handed in, newest first",
    responses=documented(401, 422, 503),
)
async def listed(
    prefect: Prefect,
    state: Annotated[
        list[State], Query(description="Jobs in one of these states; none: all.", examples=[["queued", "running"]])
    ] = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="Jobs of a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            max_length=8192, description="`next_cursor` of the page before.", examples=["MjAyNi0wMS0zMVQwOTowMDowMFo="]
        ),
    ] = None,
    search: Annotated[
        str | None,
        Query(max_length=200, description="What the job's id or its recording's name holds.", examples=["강의"]),
    ] = None,
) -> Listed:
    """A page of jobs. What is handed in while somebody turns pages changes none of the pages that follow."""
    found, following = await prefect.page(state, limit, cursor, search)
    progress, queued = await asyncio.gather(progress_of(found, prefect), prefect.queued())
    return Listed(jobs=[in_list(job, progress) for job in found], next_cursor=following, queued=queued)


@jobs.get(
    "/api/upload-video/status/{job_id}",
    summary="How far a job is",
    response_model_exclude_none=True,
    responses=documented(401, 404, 422, 503),
)
async def status(job_id: JobId, prefect: Prefect) -> Status:
    """The state of a job, its error, or its result."""
    return await _status(await prefect.find(job_id), prefect)


@files.get(
    "/api/upload-video/outputs/{job_id}/{name:path}",
    tags=["jobs"],
    summary="One output of a completed job: captions, tables, documents",
    response_class=Response,
    responses={
        200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
        307: {"description": "Where the store keeps it, by a link that lasts minutes."},
        **documented(401, 404, 422, 501, 503),
    },
)
async def output(
    job_id: JobId, name: Annotated[str, InPath(examples=["srt"])], prefect: Prefect, _by_link: ByLink
) -> Response:
    """The file; its names are those of the status's `outputs`."""
    _, published = await completed(job_id, prefect, "outputs")
    described, place = await asyncio.to_thread(exports.output, published, name)
    filename = PurePosixPath(described.key).name
    # never shown as a page of this address: reports hold scripts
    headers = {"X-Content-Type-Options": "nosniff"}
    if name == "report":
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
        page = await asyncio.to_thread(published.report_alone)
        return Response(page, media_type=described.media_type, headers=headers)
    if isinstance(place, bytes):
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
        return Response(place, media_type=described.media_type, headers=headers)
    return sent(place, media_type=described.media_type, filename=filename, headers=headers)


@jobs.post(
    "/transcribe",
    summary="Analyse a recording and wait for the result",
    responses=documented(401, 409, 413, 422, 503, 504),
)
async def transcribe(asked: Transcribe, prefect: Prefect, settings: Set, http: Request) -> Transcribed:
    """Answer when the job is done; a job that failed is an answer, too."""
    request = await intake.of_transcribe(asked, settings)
    http.state.job_id = request.job_id
    ended = await _ended(request, prefect, settings.gateway.wait_s)
    if ended.result is None:
        return Transcribed(success=False, job_id=ended.job_id, error=ended.error_message, error_code=ended.error_code)
    metadata = ended.result["metadata"]
    return Transcribed(
        success=True,
        job_id=ended.job_id,
        metadata=metadata,
        speakers=ended.result["speakers"],
        segments=ended.result["segments"],
        processing_time=metadata["processing_time"],
    )


async def completed(
    job_id: str, prefect: Orchestrator, wanted: str, hint: str | None = None
) -> tuple[Job, results.Published]:
    """A completed job, and what it has published.

    Args:
        job_id: the job.
        prefect: knows it.
        wanted: what a job that is not completed lacks, in words.
        hint: what its caller can do then; None: the usual.

    Raises:
        ResultNotFound: it is not completed, or nothing of it is published.
    """
    job = await prefect.find(job_id)
    if job.status != "completed":
        raise ResultNotFound(f"job {job_id} has no {wanted}: it is {job.status}", hint=hint)
    return job, await asyncio.to_thread(results.published, job)


async def progress_of(found: list[Job], prefect: Orchestrator) -> dict[str, int]:
    """How far the jobs are that have begun and not completed; without one: Prefect does not say."""
    begun = [job.run_id for job in found if job.status != "completed" and job.started_at]
    try:
        return await prefect.progresses(begun)
    except OrchestratorUnavailable:
        return {}


def in_list(job: Job, progress: Mapping[str, int]) -> ListedJob:
    """What the list says of a job."""
    failure = job.failure if job.status == "failed" else None
    known = 100 if job.status == "completed" else 0 if job.started_at is None else progress.get(job.run_id)
    return ListedJob(
        job_id=job.job_id,
        title=job.title,
        length_s=job.length_s,
        language=job.language,
        status=job.status,
        state=STATES[job.state],
        progress=min(99, known) if known is not None and job.status != "completed" else known,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        error_code=failure.code if failure else None,
        error_message=failure.message if failure else None,
        hint=failure.hint if failure else None,
        status_url=f"/api/upload-video/status/{job.job_id}",
    )


async def _status(job: Job, prefect: Orchestrator) -> Status:
    if job.status == "failed":
        return Status(
            job_id=job.job_id,
            status="failed",
            progress=await prefect.progress(job.run_id),
            error_code=job.failure.code,
            error_message=job.failure.message,
        )
    if job.status == "processing":
        return Status(job_id=job.job_id, status="processing", progress=min(99, await prefect.progress(job.run_id)))
    try:
        published = await asyncio.to_thread(results.published, job)
        result: dict[str, Any] = await asyncio.to_thread(lambda: published.document)
    except ResultNotFound as error:
        # the run is done: what is missing is missing here
        return Status(
            job_id=job.job_id,
            status="completed",
            progress=100,
            error_code=error.code,
            error_message=error.message,
        )
    outputs = {name: f"/api/upload-video/outputs/{job.job_id}/{name}" for name in published.manifest.outputs}
    return Status(job_id=job.job_id, status="completed", progress=100, result=result, outputs=outputs)


async def _ended(request: AnalysisRequest, prefect: Orchestrator, wait_s: float) -> Status:
    """The status of a job that is over.

    Raises:
        GatewayBusy: too many callers wait already; nothing was handed in.
        ProcessingTimeout: it is not over in time.
    """
    if prefect.awaited >= MOST_WAITING:
        raise GatewayBusy(
            f"{prefect.awaited} callers wait for results already",
            hint="Hand it in with process-video, which does not wait, or come again after Retry-After seconds.",
        )
    prefect.awaited += 1
    try:
        job = await prefect.submit(request)
        deadline = time.monotonic() + wait_s
        while job.status == "processing":
            if time.monotonic() > deadline:
                where = f"/api/upload-video/status/{job.job_id}"
                raise ProcessingTimeout(
                    f"job {job.job_id} is not done after {wait_s:.0f} s", hint=f"Ask {where} later."
                )
            await asyncio.sleep(max(POLL_S, prefect.awaited / POLLS_A_SECOND))
            try:
                job = await prefect.find(job.job_id)
            except OrchestratorUnavailable:
                continue  # the job does not need Prefect to answer us; the deadline holds
        return await _status(job, prefect)
    finally:
        prefect.awaited -= 1


async def _estimated_s(prefect: Orchestrator) -> int:
    try:
        usual_s = await prefect.usual_s()
    except OrchestratorUnavailable:  # the job is handed in: that is what counts
        usual_s = None
    return UNKNOWN_TIME_S if usual_s is None else max(1, round(usual_s))
