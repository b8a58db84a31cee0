"""Jobs and the runs that work on their results, read from Prefect's records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from blocks.run_states import OVER, failure
from ecg_audio.errors import EcgError
from ecg_audio.media.source import classify
from ecg_audio.request import AnalysisRequest

SEPARATOR = " · "
"""Between the id and the recording in a run's name."""
LANGUAGE = "language:"
"""How the tag of a run begins that says which language is spoken."""
LENGTH = "ecg.length_s"
"""The label of a run that says how long its recording is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as Prefect knows it."""

    job_id: str
    run_id: str
    status: Literal["processing", "completed", "failed"]
    state: str
    state_message: str
    store: str | None
    created_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    source: str | None = None
    cookies: str | None = None
    callback: Mapping[str, Any] | None = None
    title: str | None = None
    language: str | None = None
    length_s: float | None = None

    @property
    def failure(self) -> EcgError:
        """The error of a failed job."""
        return failure(self.state, self.state_message)


@dataclass(frozen=True, slots=True)
class SideRun:
    """A run beside a job's own, which works on its result, as Prefect knows it."""

    run_id: str
    job_id: str
    state: str
    state_message: str
    parameters: Mapping[str, Any]

    @property
    def alive(self) -> bool:
        """Whether it waits, or is at work."""
        return self.state not in OVER

    @property
    def failure(self) -> EcgError | None:
        """Why it has failed; None: it has not."""
        return None if self.alive or self.state == "COMPLETED" else failure(self.state, self.state_message)


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool as Prefect knows it. `last_heartbeat` is None where no worker was ever heard."""

    name: str
    status: str
    workers_online: int
    last_heartbeat: str | None


def job_of(job_id: str, run: Mapping[str, Any]) -> Job:
    """A job from the record of its run."""
    state = run.get("state") or {}
    kind = state.get("type", "PENDING")
    ended: Any = "processing" if kind not in OVER else "completed" if kind == "COMPLETED" else "failed"
    asked = run["parameters"].get("request", {})
    named, separator, title = (run.get("name") or "").partition(SEPARATOR)
    length_s = (run.get("labels") or {}).get(LENGTH)
    return Job(
        job_id,
        run["id"],
        ended,
        kind,
        state.get("message") or "",
        asked.get("store"),
        created_at=run.get("expected_start_time"),
        started_at=run.get("start_time"),
        ended_at=run.get("end_time"),
        source=asked.get("source"),
        cookies=asked.get("cookies"),
        callback=asked.get("callback"),
        title=title if separator and named == job_id else None,
        language=next((tag.removeprefix(LANGUAGE) for tag in run.get("tags", ()) if tag.startswith(LANGUAGE)), None),
        length_s=length_s if isinstance(length_s, float | int) else None,
    )


def side_run_of(job_id: str, run: Mapping[str, Any]) -> SideRun:
    """A run that works on a job's result, from its record."""
    state = run.get("state") or {}
    return SideRun(run["id"], job_id, state.get("type", "PENDING"), state.get("message") or "", run["parameters"])


def tag_of(job_id: str) -> str:
    """The tag of runs that work on a job's result."""
    return f"job:{job_id}"


def name_of(request: AnalysisRequest) -> str:
    """As the run will call itself; until then people look for it, too."""
    try:
        return f"{request.job_id}{SEPARATOR}{classify(request.source).display}"
    except EcgError:  # the run itself says what is wrong with the source
        return request.job_id
