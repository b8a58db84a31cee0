"""Known voices: people whom later recordings name, because somebody asked for it; and their end."""

import asyncio
import uuid
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from blocks import known_voices
from ecg_audio import layout
from ecg_audio.errors import VoiceUnknown
from gateway import results
from gateway.admission import Prefect, Set, admit
from gateway.answers import documented, example_of
from gateway.jobs import JobId, completed
from gateway.revisions import RunId, told
from gateway.wire import JOB, RUN, ForgottenVoice, RememberVoice, SideRun, Voice, Voices

PATH = "/api/voices"

voices = APIRouter(tags=["voices"], dependencies=[Depends(admit)])

VoiceId = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{32}$", description="As the list gives it.", examples=["0f3a4c5e6b7d8091a2b3c4d5e6f70819"]),
]
_REMEMBERING = {
    "id": RUN,
    "job_id": JOB,
    "state": "queued",
    "progress": 0,
    "url": f"{PATH}/remembering/{JOB}/{RUN}",
}


@voices.get(PATH, summary="Who is known by their voice", responses=documented(401, 503))
async def known(settings: Set) -> Voices:
    """Names, since when, and by how much speech. The voices themselves are given to nobody."""
    store = await asyncio.to_thread(results.opened, settings.store)
    found = await asyncio.to_thread(known_voices.known, store)
    return Voices(
        voices=[
            Voice(id=_id(voice.name), name=voice.name, speech_s=voice.speech_s, remembered_at=voice.remembered_at)
            for voice in found
        ]
    )


@voices.post(
    PATH,
    summary="Remember the voice of a job's speaker",
    status_code=202,
    responses=example_of(202, _REMEMBERING) | documented(401, 403, 404, 413, 422, 503),
)
async def remember(asked: RememberVoice, prefect: Prefect, settings: Set) -> SideRun:
    """Recordings that are analysed from then on say so where they hear this voice, or ask: "maybe Sheila".

    A voice is biometric data: ask the person first. Another voice of the same name is replaced. It wants 5 s in which
    nobody else speaks: TOO_LITTLE_SPEECH says how much there is.
    """
    name = known_voices.checked(asked.name)
    job, published = await completed(asked.job_id, prefect, "result")
    await asyncio.to_thread(known_voices.check, published.store, published.analysis, asked.speaker)
    parameters = {
        "name": name,
        "job_id": asked.job_id,
        "speaker": asked.speaker,
        "store": job.store,
        "voices": settings.store,  # wherever the job lies: the list and the forgetting look there
    }
    # each time is asked for anew: the voice may have been forgotten meanwhile
    key = f"{asked.job_id}.voice.{uuid.uuid4()}"
    run = await prefect.begin(settings.deployment_of("remember-voice"), asked.job_id, key, parameters)
    return await told(run, prefect, f"{PATH}/remembering/{asked.job_id}/{run.run_id}")


@voices.get(
    f"{PATH}/remembering/{{job_id}}/{{run_id}}",
    summary="How far the remembering of a voice is",
    responses=example_of(200, _REMEMBERING) | documented(401, 404, 422, 503),
)
async def remembering(job_id: JobId, run_id: RunId, prefect: Prefect) -> SideRun:
    """When it is completed, the list has the name."""
    run = await prefect.side_run(job_id, str(run_id))
    return await told(run, prefect, f"{PATH}/remembering/{job_id}/{run_id}")


@voices.delete(f"{PATH}/{{voice_id}}", summary="Forget a voice", responses=documented(401, 403, 404, 422, 503))
async def forget(voice_id: VoiceId, settings: Set) -> ForgottenVoice:
    """No byte of it is left in the store. Results that it named before keep the name, and nothing else of it."""
    store = await asyncio.to_thread(results.opened, settings.store)
    found = await asyncio.to_thread(known_voices.known, store)
    name = next((voice.name for voice in found if _id(voice.name) == voice_id), None)
    if name is None:
        raise VoiceUnknown(f"no voice is kept under the id {voice_id}")
    return ForgottenVoice(name=await asyncio.to_thread(known_voices.forget, store, name))


def _id(name: str) -> str:
    return PurePosixPath(layout.voice(name)).stem
