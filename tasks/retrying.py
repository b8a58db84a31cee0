"""When something is tried again: only for what can succeed on a second try, later and later, never in step."""

import copy
import logging
from typing import Any, TypedDict, TypeVar

import httpx
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_chain, wait_random

from ecg_audio.errors import EcgError
from ecg_audio.store import ArtifactStore

DELAYS_S = [2.0, 8.0, 30.0]
"""Together they outlast a store, or a model server, that is away for half a minute."""

Store = TypeVar("Store", bound=ArtifactStore)

logger = logging.getLogger("ecg_audio.store")  # Prefect shows what the domain says, from whichever thread


def can_help(_task: object, _run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure in this state is one that the same call may not meet again."""
    failure = state.result(raise_on_failure=False)
    return _passing(failure) or of_prefect(failure)


def of_prefect(failure: object) -> bool:
    """Whether Prefect's server was away, late, or could not do at the moment what it was asked for."""
    if isinstance(failure, httpx.HTTPStatusError):  # whatever else is asked over HTTP has errors of ours
        return failure.response.status_code >= 500 or failure.response.status_code == httpx.codes.TOO_MANY_REQUESTS
    # every task with a tag asks for a place, also where nobody has limited the tag
    return isinstance(failure, (httpx.TransportError, ConcurrencySlotAcquisitionError))


class Policy(TypedDict):
    """Keyword arguments of `prefect.task` that all of ours have."""

    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any
    cache_policy: CachePolicy


RETRYING = Policy(
    retries=len(DELAYS_S),
    retry_delay_seconds=DELAYS_S,
    retry_jitter_factor=0.5,
    retry_condition_fn=can_help,
    cache_policy=NO_CACHE,  # else Prefect digests all arguments, whole analyses too, for a key that nobody asks for
)


def with_retries(store: Store) -> Store:
    """A copy of a store for what a flow itself asks: it asks again when tasks would be tried again."""
    again = Retrying(
        stop=stop_after_attempt(1 + len(DELAYS_S)),
        wait=wait_chain(*(wait_random(0.8 * delay_s, 1.2 * delay_s) for delay_s in DELAYS_S)),
        retry=retry_if_exception(_passing),
        before_sleep=_say,
        reraise=True,
    )
    asking = copy.copy(store)
    for name in ("check", "exists", "read", "write", "delete"):
        setattr(asking, name, again.wraps(getattr(store, name)))
    return asking


def _passing(failure: object) -> bool:
    return isinstance(failure, EcgError) and failure.retryable


def _say(call: RetryCallState) -> None:
    assert call.outcome and call.next_action
    logger.warning("%s; asked again in %.0f s", call.outcome.exception(), call.next_action.sleep)
