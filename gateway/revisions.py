"""Work on a finished job: corrections, which make a new result of it, and captions burnt into its video."""

import asyncio
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi import Path as InPath

from blocks.run_states import STATES
from ecg_audio import layout
from ecg_audio.analysis import Edits
from ecg_audio.errors import InvalidRequest, JobConflict, OrchestratorUnavailable, ResultNotFound
from ecg_audio.revision.draft import drafted
from gateway import results
from gateway.admission import Prefect, Set, admit
from gateway.answers import documented, example_of
from gateway.jobs import JobId, completed
from gateway.links import ByLink, ending, files, link, sent
from gateway.orchestrator import Orchestrator
from gateway.records import SideRun as Found
from gateway.results import Published
from gateway.settings import Settings
from gateway.wire import JOB, RUN, Revise, SideRun

PATH = "/api/upload-video/jobs/{job_id}"
MOST_TRIES = 20
"""Of one revision or video: each that failed has a key of its own."""

RunId = Annotated[uuid.UUID, InPath(examples=[RUN])]
_CHANGED = {
    "message": f"the result of {JOB} is no longer the one that was corrected: now it is revision 1",
    "error": {"code": "JOB_CONFLICT", "hint": "Open the result again, and correct that one."},
    "changed": {
        "run_id": RUN,
        "number": 1,
        "revised_at": "2026-01-31T12:00:00Z",
        "edits": {"speakers": {"SPEAKER_00": "Sheila"}, "segments": {}},
    },
}
_BURNT = {
    "id": RUN,
    "job_id": JOB,
    "state": "completed",
    "progress": 100,
    "stages": [],
    "url": f"/api/upload-video/jobs/{JOB}/burns/{RUN}",
    "video": f"/api/upload-video/jobs/{JOB}/burns/{RUN}/video?until=1893456000&signature=6f2c",
}

revisions = APIRouter(tags=["revisions"], dependencies=[Depends(admit)])


@revisions.post(
    f"{PATH}/revisions",
    summary="Correct a result, or take its latest corrections back",
    status_code=202,
    responses=documented(401, 403, 404, 413, 422, 503) | {409: documented(409)[409] | example_of(409, _CHANGED)[409]},
)
async def revise(job_id: JobId, asked: Revise, prefect: Prefect, settings: Set) -> SideRun:
    """What is changed is aligned and measured again, and everything published anew, as one whole.

    409 where the result is another one by now, with what it is; and while somebody else revises it. The same
    corrections of the same result twice are one revision.
    """
    edits = Edits(speakers=asked.speakers, segments=asked.segments)
    if asked.undo == bool(edits.speakers or edits.segments):
        raise InvalidRequest("undo: give corrections, or take the latest ones back: one of both")
    job = await prefect.find(job_id)
    if job.status != "completed":
        raise ResultNotFound(f"job {job_id} has no result to correct: it is {job.status}")
    if asked.tell and job.callback is None:
        raise InvalidRequest(f"tell: the job {job_id} was handed in without a callback, so nobody can be told")
    published = await asyncio.to_thread(results.published, job)
    await asyncio.to_thread(_check, published, asked.base, None if asked.undo else edits)
    parameters = {
        "job_id": job_id,
        "edits": None if asked.undo else edits.model_dump(mode="json"),
        "store": job.store,
        "base": asked.base,
        "undo": asked.undo,
        "unheard": asked.unheard,
        "callback": job.callback if asked.tell else None,
    }
    run = await _begun(prefect, settings.deployment_of("revise"), job_id, f"{job_id}.revision.{asked.base}", parameters)
    if run.failure is not None:
        raise OrchestratorUnavailable(
            f"{MOST_TRIES - 1} revisions of this result have failed", hint="The last one says why."
        )
    if any(run.parameters.get(name) != parameters[name] for name in ("edits", "undo", "unheard", "callback")):
        raise JobConflict(
            f"somebody else is revising {job_id}", hint="Wait for its end, open the result again, and correct that."
        )
    return await told(run, prefect, f"{PATH.format(job_id=job_id)}/revisions/{run.run_id}")


@revisions.get(
    f"{PATH}/revisions/{{revision_id}}",
    summary="How far a revision is",
    responses=documented(401, 404, 422, 503),
)
async def revision(job_id: JobId, revision_id: RunId, prefect: Prefect) -> SideRun:
    """When it is completed, the job's result is the corrected one."""
    run = await prefect.side_run(job_id, str(revision_id))
    return await told(run, prefect, f"{PATH.format(job_id=job_id)}/revisions/{revision_id}")


@revisions.post(
    f"{PATH}/burns",
    summary="Burn the captions into a copy of the video",
    status_code=202,
    responses=example_of(202, _BURNT) | documented(401, 403, 404, 409, 422, 503),
)
async def burn(job_id: JobId, prefect: Prefect, settings: Set) -> SideRun:
    """The captions as they stand now; asked for twice, it is done once."""
    job, published = await completed(job_id, prefect, "captions")
    parameters = {"job_id": job_id, "source": job.source, "store": job.store, "cookies": job.cookies}
    key = f"{job_id}.burn.{published.manifest.run_id}"
    run = await _begun(prefect, settings.deployment_of("burn"), job_id, key, parameters)
    return await told(run, prefect, f"{PATH.format(job_id=job_id)}/burns/{run.run_id}", settings)


@revisions.get(
    f"{PATH}/burns/{{burn_id}}",
    summary="How far the burning in is",
    responses=example_of(200, _BURNT) | documented(401, 404, 422, 503),
)
async def burning(job_id: JobId, burn_id: RunId, prefect: Prefect, settings: Set) -> SideRun:
    """When it is completed, `video` says where to get it."""
    run = await prefect.side_run(job_id, str(burn_id))
    return await told(run, prefect, f"{PATH.format(job_id=job_id)}/burns/{burn_id}", settings)


@files.get(
    f"{PATH}/burns/{{burn_id}}/video",
    tags=["revisions"],
    summary="The video with captions in its picture",
    response_class=Response,
    responses={
        200: {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part that Range asks for."},
        307: {"description": "Where the store keeps it, by a link that lasts minutes."},
        416: {"description": "There is no such part."},
        **documented(401, 404, 422, 503),
    },
)
async def burnt(job_id: JobId, burn_id: RunId, prefect: Prefect, _by_link: ByLink) -> Response:
    """An MP4."""
    run = await prefect.side_run(job_id, str(burn_id))
    if run.state != "COMPLETED" or "source" not in run.parameters:
        raise ResultNotFound(f"there is no video of {burn_id} yet")
    store = await asyncio.to_thread(results.opened, run.parameters.get("store"))
    place = await asyncio.to_thread(results.located, store, layout.output(str(burn_id), "burnt"))
    return sent(place, media_type="video/mp4", filename=f"{job_id}.captions.mp4")


def _check(published: Published, base: str, edits: Edits | None) -> None:
    """Whether corrections are of this result, and make sense in it.

    Raises:
        ResultChanged: they are of an older one.
        InvalidRequest: they make no sense.
    """
    published.check_base(base)
    found = published.analysis
    if edits is not None:
        drafted(found, edits)
    elif found.revision is None:
        raise InvalidRequest(f"nobody has corrected {found.job_id}: there is nothing to take back")


async def _begun(prefect: Orchestrator, deployment: str, job_id: str, key: str, parameters: dict[str, Any]) -> Found:
    """The run that has a place: the first that came for it, unless it failed, which leaves it; the last if all have."""
    for number in range(1, MOST_TRIES):
        run = await prefect.begin(deployment, job_id, key if number == 1 else f"{key}.{number}", parameters)
        if run.failure is None:
            break
    return run


async def told(run: Found, prefect: Orchestrator, url: str, settings: Settings | None = None) -> SideRun:
    """How far work on a finished job is. With settings: a burnt video, which has a link when it is done."""
    state = STATES[run.state]
    percent = 100 if state == "completed" else 0
    stages: list[str] = []
    if state == "running":
        progresses, stages = await asyncio.gather(prefect.progress(run.run_id), prefect.stages(run.run_id))
        percent = min(99, progresses)
    failure = run.failure
    video = link(f"{url}/video", settings, ending()) if settings and state == "completed" else None
    return SideRun(
        id=run.run_id,
        job_id=run.job_id,
        state=state,
        progress=percent,
        stages=stages,
        error_code=failure.code if failure else None,
        error_message=failure.message if failure else None,
        hint=failure.hint if failure else None,
        url=url,
        video=video,
    )
