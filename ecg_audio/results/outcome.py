"""How a job ended, in one small object: what `ecg analyze --json` prints and the flow returns."""

from typing import Literal

from pydantic import Field

from ecg_audio.analysis import Analysis, Model, Notice, StageRecord

TABLES = ("recordings", "segments", "words", "turns", "speakers", "exchanges", "events", "frames")


COMPACTED = "compacted~.parquet"
"""The file of a table's day that holds many jobs' rows (`compaction`). No job has this name: no id has a `~`."""


class Outputs(Model):
    """Where the outputs of a job lie: paths or URIs. `presets` holds the captions in the styles beside the default."""

    analysis: str
    backend: str
    rttm: str
    srt: str
    vtt: str
    ass: str
    report: str
    manifest: str
    tables: dict[str, str]
    presets: dict[str, str] = Field(default_factory=dict)


class Outcome(Model):
    """The end of a job. Where `status` is failed, what was not reached is None."""

    job_id: str | None  # None: nobody named the job, and it failed before it was begun
    source: str | None = None  # as it was asked for, without credentials
    status: Literal["completed", "partial", "failed"]
    tries: int = 1
    error_code: str | None = None
    error_message: str | None = None
    duration_s: float | None = None
    language: str | None = None
    transcription_model: str | None = None
    speakers: int | None = None
    words: int | None = None
    warnings: tuple[Notice, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    outputs: Outputs | None = None


def outcome(analysis: Analysis, outputs: Outputs, stages: tuple[StageRecord, ...]) -> Outcome:
    """The outcome of a published analysis."""
    return Outcome(
        job_id=analysis.job_id,
        source=analysis.source,
        status=analysis.status,
        tries=analysis.tries,
        duration_s=round(analysis.recording.duration_s, 3),
        language=analysis.language,
        transcription_model=analysis.transcription_model,
        speakers=len(analysis.speakers),
        words=len(analysis.words),
        warnings=analysis.notices,
        stages=stages,
        outputs=outputs,
    )
