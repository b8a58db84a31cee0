"""burn: a copy of a job's video with its captions in the picture, for places that show no captions of their own."""

from pathlib import Path
from typing import Annotated

from prefect import flow, runtime
from pydantic import Field

from blocks import published
from blocks.forgetting import remember
from blocks.storage import check_source, open_store
from ecg_audio import layout, modes, workspace
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import Limits
from flows.faults import resumable
from flows.observation import side_run_name
from flows.progress_artifact import tracked_stages
from flows.runs import BURNING
from flows.unkept import UNKEPT
from tasks.burn import burn_in
from tasks.download import download
from tasks.retrying import with_retries

STAGES = (download.name, burn_in.name)


@flow(
    name=BURNING,
    flow_run_name=side_run_name("burning in"),
    description="Draws the captions of a finished job into the picture of its video. Wants an ffmpeg with libass.",
    **UNKEPT,
)
@resumable
def burn(
    job_id: Annotated[str, Field(title="Job id")],
    source: Annotated[str, Field(title="Recording")],
    store: Annotated[str | None, Field(title="Store of the job")] = None,
    cookies: Annotated[str | None, Field(title="Cookies block")] = None,
) -> str:
    """Burn a job's captions, as they stand now, into its video.

    Args:
        job_id: the job.
        source: its recording, as the job was asked for it.
        store: reference of the artifact store; None: the usual one.
        cookies: a site-cookies block, for platform URLs that want a login.

    Returns:
        the key of the video in the store.

    Raises:
        ResultNotFound: the job has no result.
        InvalidRequest: it has no picture, or the source is another recording by now.
        EcgError: there is no ffmpeg here, or the source cannot be had.
    """
    modes.begin()
    artifacts = with_retries(open_store(store))
    check_source(artifacts, source)
    workspace.sweep()
    run_id = str(runtime.flow_run.id)
    _, analysis = published.result(artifacts, job_id)
    with (
        tracked_stages(job_id, STAGES),
        workspace.incoming(job_id, source) as folder,
    ):
        media = download(artifacts, source, Limits(), folder, cookies)
        if media.sha256 != analysis.recording.sha256:
            raise InvalidRequest(
                f"the source of {job_id} is another recording now", hint="Hand it in again, as a new job."
            )
        remember(artifacts, job_id, run_id, analysis.recording.key)
        burn_in(artifacts, analysis, Path(media.path), run_id)
        return layout.output(run_id, "burnt")
