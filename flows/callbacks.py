"""What is heard of a flow: its progress, in Prefect and by callbacks, and one terminal callback at its end."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from prefect import runtime

from blocks.callback import endpoint
from ecg_audio.delivery.client import CallbackClient
from ecg_audio.delivery.reporter import Reporter
from ecg_audio.errors import EcgError
from ecg_audio.progress import listening
from ecg_audio.request import AnalysisRequest, Callback
from ecg_audio.results.outcome import Outcome
from ecg_audio.settings import Runs
from flows.faults import begun_again, machines
from flows.progress_artifact import progress_artifact
from tasks.notify import notify, notify_revision

ALONE_S = 300.0
WITH_RECONCILER_S = 20.0

Run = TypeVar("Run", bound=Callable[..., Outcome])


def answered(run: Run) -> Run:
    """Let a flow's function tell Prefect, and the request's callback where there is one, how it goes.

    The terminal callback goes out after everything else is done, `failed` only when the failure is final. Nothing
    that befalls a callback changes how the job ends. A run that is cancelled or lost says nothing itself: its end is
    told by the reconciler, or by the run when it was begun again.

    Args:
        run: its first parameter is `request`, an `AnalysisRequest`.
    """

    @wraps(run)
    def running(request: AnalysisRequest, *arguments: Any, **options: Any) -> Outcome:
        with progress_artifact(request.job_id) as artifact, listening(artifact.listen):
            if request.callback is None:
                return run(request, *arguments, **options)
            patience_s = _patience_s()
            with CallbackClient(endpoint(request.callback), answer_s=10.0) as client:
                reporter = Reporter(request.job_id, client, known=artifact.known, reached=artifact.reached)
                try:
                    with reporter, listening(reporter.listen):
                        ended = run(request, *arguments, **options)
                except Exception as error:
                    if begun_again() and machines(error):
                        raise
                    _tell(request, failed(request.job_id, error), reporter.progress, patience_s)
                    raise
                _tell(request, ended, reporter.progress, patience_s)
                return ended

    return cast(Run, running)


def tell_revision(where: Callback | None, job_id: str, store: str) -> None:
    """Tell whoever asked to hear of it that a revision is published, whatever befalls the callback."""
    if where is not None:
        run_id = str(runtime.flow_run.id)
        notify_revision(where, job_id, run_id, store, _patience_s(), return_state=True)


def _tell(request: AnalysisRequest, ended: Outcome, progress: int, patience_s: float) -> None:
    # as a state: a callback that breaks is a failed task in Prefect, and no failed job
    notify(request, str(runtime.flow_run.id), ended, progress, patience_s, return_state=True)


def _patience_s() -> float:
    """How long a run tries its terminal callback; a reconciler, where there is one, goes on with what is left."""
    asked = Runs.read().callback_patience_s
    if asked is not None:
        return asked
    return WITH_RECONCILER_S if begun_again() else ALONE_S


def failed(job_id: str, error: Exception) -> Outcome:
    """The outcome of a job that ended with an error."""
    told = error if isinstance(error, EcgError) else EcgError(f"{type(error).__name__}: {error}")
    return Outcome(job_id=job_id, status="failed", error_code=told.code, error_message=told.message)
