"""burn: a job's captions drawn into the picture of its recording."""

from pathlib import Path

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress, workspace
from ecg_audio.analysis import Analysis
from tasks.retrying import RETRYING

BURNT = "burnt.mp4"


def burnt_key(run_id: str) -> str:
    """Where the video lies that a run has made."""
    return f"runs/{run_id}/{BURNT}"


@task(name="burn", **RETRYING)
def burn_in(analysis: Analysis, video: Path, run_id: str, store: str) -> None:
    """Put a copy of a video with the result's captions in its picture into the store.

    Args:
        analysis: the result.
        video: its recording.
        run_id: the run that asks.
        store: reference of the artifact store.

    Raises:
        EcgError: as `captions.burn.burn` does.
    """
    from ecg_audio.captions import ass, burn, cues

    with progress.current().stage("burn") as report, workspace.scratch("burn") as folder:
        width, height = burn.picture_size(video)
        bounds = cues.CueSettings.for_language(analysis.text_language)
        if height > width:
            bounds = bounds.upright()
        if rate := burn.frame_rate(video):
            bounds = bounds.at(rate)
        script = ass.dumps(
            cues.cues(analysis.segments, bounds),
            width=width,
            height=height,
            line_width=bounds.line_width,
            title=analysis.title,
            left_out=cues.left_out(analysis.segments, bounds),
        )
        burn.burn(video, script, folder / BURNT, report)
        open_store(store).upload(burnt_key(run_id), folder / BURNT)
