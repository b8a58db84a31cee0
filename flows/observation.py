"""What operators see of a job from outside Prefect: whose log line it is, and figures for CloudWatch."""

import logging
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from prefect import runtime
from typing_extensions import override

from ecg_audio import logs
from ecg_audio.delivery import cloudwatch
from ecg_audio.progress import Snapshot, listening
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome

Run = TypeVar("Run", bound=Callable[..., Outcome])
SAMPLED_EVERY_S = 1.0
_MEMORY = Path("/proc/meminfo")


def observed(run: Run) -> Run:
    """Let all lines of a flow's function tell the job and the run, and CloudWatch how the job went.

    Args:
        run: its first parameter is `request`, an `AnalysisRequest`.
    """

    @wraps(run)
    def running(request: AnalysisRequest, *arguments: Any, **options: Any) -> Outcome:
        run_id = begin(request.job_id)
        cloudwatch.mode()  # a setting that cannot be used is said before the work
        began, memory = time.monotonic(), _Memory()
        ended: Outcome | None = None
        error: BaseException | None = None
        with logs.about(request.job_id, run_id), listening(memory.sample):
            try:
                ended = run(request, *arguments, **options)
            except Exception as raised:
                error = raised
                raise
            finally:
                if ended or error:  # whoever was cancelled has no figures
                    figures = cloudwatch.of_job(time.monotonic() - began, ended, error, memory.peak_percent)
                    cloudwatch.say(figures, job_id=request.job_id, run_id=run_id)
        return ended

    return cast(Run, running)


def begin(job_id: str) -> str:
    """Let this process's lines be about a job from now on; the id of the run that does it.

    Raises:
        InvalidRequest: ECG_LOG_FORMAT is no format.
    """
    run_id = str(runtime.flow_run.id)
    logs.relate(run_id, job_id)
    logs.configure()
    domain = logging.getLogger("ecg_audio")
    if not any(isinstance(handler, _IntoTheRun) for handler in domain.handlers):
        domain.addHandler(_IntoTheRun())
    return run_id


def side_run_name(what: str) -> Callable[[], str]:
    """What names the runs of a flow that works on the finished job `job_id`: the job, and what is done to it."""

    def run_name() -> str:
        job_id = str(runtime.flow_run.parameters["job_id"])
        begin(job_id)  # Prefect says its first lines about a run when it has its name
        return f"{job_id} · {what}"

    return run_name


class _Memory:
    """The most that was taken of the machine's memory, looked at whenever the job gets on. None: cannot be seen."""

    def __init__(self) -> None:
        self.peak_percent: float | None = None
        self._next = 0.0
        self.sample()

    def sample(self, _snapshot: Snapshot | None = None) -> None:
        if time.monotonic() < self._next or not _MEMORY.exists():
            return
        self._next = time.monotonic() + SAMPLED_EVERY_S
        lines = (line.partition(":") for line in _MEMORY.read_text().splitlines())
        kilobytes = {name: int(value.split()[0]) for name, _, value in lines}
        taken = 100.0 * (1.0 - kilobytes["MemAvailable"] / kilobytes["MemTotal"])
        self.peak_percent = max(taken, self.peak_percent or 0.0)


class _IntoTheRun(logging.Handler):
    """Shows lines of the domain in Prefect, as lines of the run they are about."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        run_id = logs.facts(record).get("run_id")
        if run_id:
            record.flow_run_id = run_id
            for handler in logging.getLogger("prefect.extra").handlers:
                handler.handle(record)
