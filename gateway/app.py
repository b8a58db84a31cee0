"""The HTTP contract of today's backend, translated into runs of a Prefect deployment.

Stateless: all it knows is in Prefect and in the artifact store, so several may run side by side. It imports no flow
and no model.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import APIKeyHeader

from ecg_audio.errors import EcgError, OrchestratorUnavailable, ProcessingTimeout, ResultNotFound
from ecg_audio.request import AnalysisRequest
from gateway import answers, intake, results
from gateway.answers import DOCUMENTED
from gateway.orchestrator import Job, Orchestrator
from gateway.settings import Settings
from gateway.wire import Accepted, Health, ProcessVideo, Status, Transcribe, Transcribed

POLL_S = 0.5
UNKNOWN_TIME_S = 300

_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where the operator has set one.")


def _orchestrator(request: Request) -> Orchestrator:
    found: Orchestrator = request.app.state.orchestrator
    return found


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


Prefect = Annotated[Orchestrator, Depends(_orchestrator)]
Set = Annotated[Settings, Depends(_settings)]


def _admit(settings: Set, key: Annotated[str | None, Depends(_key)]) -> None:
    if settings.api_key and not hmac.compare_digest(
        (key or "").encode("latin-1"),
        settings.api_key.encode(),  # headers arrive as bytes, shown as Latin-1
    ):
        raise HTTPException(401, "X-API-Key is missing or wrong")


jobs = APIRouter(dependencies=[Depends(_admit)], responses=DOCUMENTED)
health = APIRouter()


@jobs.post("/api/upload-video/process-video", summary="Analyse a video; the answer comes at once")
@jobs.post("/request-process", summary="The older form of process-video")
async def process_video(asked: ProcessVideo, prefect: Prefect, settings: Set) -> Accepted:
    """Hand a video in. The same id twice is the same job; another request under a known id is a conflict."""
    request = await intake.of_video(asked, settings)
    job = await prefect.submit(request)
    return Accepted(
        job_id=job.job_id,
        message="Video processing started",
        status_url=f"/api/upload-video/status/{job.job_id}",
        estimated_time=await _estimated_s(prefect),
    )


@jobs.get("/api/upload-video/status/{job_id}", summary="How far a job is", response_model_exclude_none=True)
async def status(job_id: str, prefect: Prefect) -> Status:
    """The state of a job, its error, or its result."""
    return await _status(await prefect.find(job_id), prefect)


@jobs.post(
    "/transcribe",
    summary="Analyse a recording and wait for the result",
    responses={504: {**DOCUMENTED[503], "description": "Not done in time; the job goes on."}},
)
async def transcribe(asked: Transcribe, prefect: Prefect, settings: Set) -> Transcribed:
    """Answer when the job is done; a job that failed is an answer, too."""
    request = await intake.of_transcribe(asked, settings)
    ended = await _ended(request, prefect, settings.wait_s)
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


@health.get("/health", summary="Whether jobs can be taken", responses={503: {"model": Health}})
async def healthy(prefect: Prefect, settings: Set, response: Response) -> Health:
    """The state of Prefect, of the work pool and of the store. A pool without workers takes jobs, and keeps them."""
    checks: dict[str, str | None] = {"prefect": "ok", "pool": None, "store": None}
    well = True
    try:
        checks["pool"] = await prefect.pool()
    except EcgError as error:
        checks["prefect"], well = error.message, False
    if settings.store:
        try:
            await asyncio.to_thread(results.check, settings.store)
            checks["store"] = "ok"
        except EcgError as error:
            checks["store"], well = error.message, False
    response.status_code = 200 if well else 503
    return Health(
        status="healthy" if well else "unhealthy",
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        checks=checks,
    )


async def _status(job: Job, prefect: Orchestrator) -> Status:
    if job.status == "failed":
        code, message = job.error
        return Status(
            job_id=job.job_id,
            status="failed",
            progress=await prefect.progress(job),
            error_code=code,
            error_message=message,
        )
    if job.status == "processing":
        return Status(job_id=job.job_id, status="processing", progress=min(99, await prefect.progress(job)))
    try:
        result: dict[str, Any] = await asyncio.to_thread(results.document, job)
    except ResultNotFound as error:
        # the run is done: what is missing is missing here
        return Status(
            job_id=job.job_id,
            status="completed",
            progress=100,
            error_code=error.code,
            error_message=error.message,
        )
    return Status(job_id=job.job_id, status="completed", progress=100, result=result)


async def _ended(request: AnalysisRequest, prefect: Orchestrator, wait_s: float) -> Status:
    """The status of a job that is over.

    Raises:
        ProcessingTimeout: it is not over in time.
    """
    job = await prefect.submit(request)
    deadline = time.monotonic() + wait_s
    while job.status == "processing":
        if time.monotonic() > deadline:
            where = f"/api/upload-video/status/{job.job_id}"
            raise ProcessingTimeout(f"job {job.job_id} is not done after {wait_s:.0f} s", hint=f"Ask {where} later.")
        await asyncio.sleep(POLL_S)
        try:
            job = await prefect.find(job.job_id)
        except OrchestratorUnavailable:
            continue  # the job does not need Prefect to answer us; the deadline holds
    return await _status(job, prefect)


async def _estimated_s(prefect: Orchestrator) -> int:
    try:
        usual_s = await prefect.usual_s()
    except OrchestratorUnavailable:  # the job is handed in: that is what counts
        usual_s = None
    return UNKNOWN_TIME_S if usual_s is None else max(1, round(usual_s))


def create_app(settings: Settings | None = None) -> FastAPI:
    """The gateway as an ASGI application.

    Args:
        settings: None reads the environment.
    """
    settings = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.orchestrator = Orchestrator(settings)
        yield
        await app.state.orchestrator.close()

    app = FastAPI(title="Expressive Caption Generator", version="1", lifespan=lifespan)
    app.state.settings = settings
    app.include_router(jobs)
    app.include_router(health)
    app.add_middleware(answers.BodyLimit)
    answers.register(app)
    return app
