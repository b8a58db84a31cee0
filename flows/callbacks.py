"""Callbacks around a flow: progress while it runs, and one terminal callback when it has ended."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from prefect import runtime

from blocks.callback import endpoint
from ecg_audio.delivery.courier import Courier
from ecg_audio.delivery.reporter import Reporter
from ecg_audio.errors import EcgError
from ecg_audio.progress import listening
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome
from tasks.notify import notify

Run = TypeVar("Run", bound=Callable[..., Outcome])


def answered(run: Run) -> Run:
    """Let a flow's function tell the request's callback how it goes; without a callback it runs as it is.

    The terminal callback goes out after everything else is done, `failed` only when the failure is final. Nothing
    that befalls a callback changes how the job ends. A run that is cancelled or killed says nothing itself.

    Args:
        run: its first parameter is `request`, an `AnalysisRequest`.
    """

    @wraps(run)
    def running(request: AnalysisRequest, *arguments: Any, **options: Any) -> Outcome:
        if request.callback is None:
            return run(request, *arguments, **options)
        with Courier(endpoint(request.callback), answer_s=10.0) as courier:
            try:
                with Reporter(request.job_id, courier) as reporter, listening(reporter.listen):
                    ended = run(request, *arguments, **options)
            except Exception as error:
                _tell(request, _failed(request.job_id, error), reporter.progress)
                raise
            _tell(request, ended, reporter.progress)
            return ended

    return cast(Run, running)


def _tell(request: AnalysisRequest, ended: Outcome, progress: int) -> None:
    # as a state: a callback that breaks is a failed task in Prefect, and no failed job
    notify(request, str(runtime.flow_run.id), ended, progress, return_state=True)


def _failed(job_id: str, error: Exception) -> Outcome:
    if isinstance(error, EcgError):
        return Outcome(job_id=job_id, status="failed", error_code=error.code, error_message=error.message)
    message = f"{type(error).__name__}: {error}"
    return Outcome(job_id=job_id, status="failed", error_code=EcgError.code, error_message=message)
