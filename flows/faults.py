"""A machine's fault is not the job's: a run that meets one is lost, not failed, and the reconciler begins it again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from prefect import runtime
from prefect.logging import get_run_logger
from prefect.states import Crashed

from ecg_audio.errors import InsufficientResources, OrchestratorUnavailable, PublishFailed, WorkerLost
from tasks.retrying import of_prefect

Run = TypeVar("Run", bound=Callable[..., Any])
OURS = (WorkerLost, InsufficientResources, OrchestratorUnavailable, PublishFailed)


def machines(error: BaseException) -> bool:
    """Whether an error is one of the machine, or of what the service stands on, that outlasted all retries."""
    return of_prefect(error) or (isinstance(error, OURS) and error.retryable)


def begun_again() -> bool:
    """Whether somebody begins a run again that is lost: the reconciler does so with runs of deployments."""
    return bool(runtime.deployment.id)


def resumable(run: Run) -> Run:
    """Let a flow's function end as crashed where the machine is at fault, if somebody will begin it again."""

    @wraps(run)
    def running(*arguments: Any, **options: Any) -> Any:
        try:
            return run(*arguments, **options)
        except Exception as error:
            if not begun_again() or not machines(error):
                raise
            get_run_logger().error("the machine's fault, not the job's: %s", error, exc_info=True)
            return Crashed(message=f"Flow run encountered an exception: {type(error).__name__}: {error}")

    return cast(Run, running)
