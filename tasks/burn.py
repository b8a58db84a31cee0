"""burn: a job's captions drawn into the picture of its recording."""

from pathlib import Path

from ecg_audio import layout, workspace
from ecg_audio.analysis import Analysis
from tasks.stage import Work, stage


@stage(task_name="burn")
def burn_in(work: Work, analysis: Analysis, video: Path, run_id: str) -> None:
    """Put a copy of a video with the result's captions in its picture into the store.

    Args:
        work: see `Work`.
        analysis: the result.
        video: its recording.
        run_id: the run that asks.

    Raises:
        EcgError: as `captions.burn.burn` does.
    """
    from ecg_audio.captions import ass, burn, cues

    with workspace.scratch("burn") as folder:
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
        burnt = folder / "burnt.mp4"
        burn.burn(video, script, burnt, work.report)
        work.store.upload(layout.output(run_id, "burnt"), burnt)
