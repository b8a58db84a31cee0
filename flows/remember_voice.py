"""remember-voice: the voice of a job's speaker kept under a name, because somebody asked for it."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from blocks import known_voices
from blocks.engine import use_settings
from blocks.storage import open_store
from ecg_audio import modes
from flows.faults import resumable
from flows.observation import side_run_name
from flows.progress_artifact import tracked_stages
from flows.runs import REMEMBERING
from flows.unkept import UNKEPT
from tasks.name_speakers import name_speakers
from tasks.retrying import with_retries


@flow(
    name=REMEMBERING,
    flow_run_name=side_run_name("a voice"),  # a name is nothing for the list of runs
    description="Keeps the voice of a job's speaker under a name, so that later recordings say whose it is.",
    **UNKEPT,
)
@resumable
def remember_voice(
    name: Annotated[str, Field(title="Person's name")],
    job_id: Annotated[str, Field(title="Job id")],
    speaker: Annotated[str, Field(title="Who they are in the result")],
    store: Annotated[str | None, Field(title="Store of the job")] = None,
    voices: Annotated[str | None, Field(title="Store of the voice")] = None,
) -> float:
    """Remember a voice.

    Args:
        name: the person's, who has agreed.
        job_id: the job.
        speaker: who they are in its result, as `Speaker 1` or SPEAKER_00.
        store: reference of the artifact store that has the job; None: the usual one.
        voices: reference of the store that keeps the voice; None: that of the job.

    Returns:
        of how many seconds of speech; the vector itself stays in its file.

    Raises:
        EcgError: as `blocks.known_voices.remember` does.
    """
    modes.begin()
    artifacts = with_retries(open_store(store))
    use_settings()
    with (
        tracked_stages(job_id, (name_speakers.name,)) as progress,
        progress.stage(name_speakers.name) as report,
    ):
        kept_in = with_retries(open_store(voices)) if voices else artifacts
        return known_voices.remember(artifacts, name, job_id, speaker, report, voices=kept_in).speech_s
