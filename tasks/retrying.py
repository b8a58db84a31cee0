"""When a task is tried again: only for what can succeed on a second try, later and later, never in step."""

from typing import Any, TypedDict

from prefect.client.schemas.objects import State, TaskRun

from ecg_audio.errors import EcgError

DELAYS_S = [2.0, 8.0, 30.0]
"""Together they outlast a store, or a model server, that is away for half a minute."""


def can_help(_task: object, _run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure in this state is one that the same call may not meet again."""
    failure = state.result(raise_on_failure=False)
    return isinstance(failure, EcgError) and failure.retryable


class Retrying(TypedDict):
    """Keyword arguments of `prefect.task` that set the policy."""

    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any


RETRYING = Retrying(
    retries=len(DELAYS_S), retry_delay_seconds=DELAYS_S, retry_jitter_factor=0.5, retry_condition_fn=can_help
)
