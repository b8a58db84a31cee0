"""Jobs as runs of a deployment: begun a bounded number at a time, watched to their ends, cancelled with their batch."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from blocks.run_states import LOST, OVER, UNENDED, failure, over
from ecg_audio.batch.rows import Row
from ecg_audio.batch.summary import Ended, ended
from ecg_audio.errors import EcgError, InvalidRequest, JobConflict, ResultNotFound
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.manifest import Manifest

POLL_S = 1.0

Published = Callable[[AnalysisRequest], Manifest | None]
"""The manifest of what is published for a request; None: nothing is, or something else."""


def fan_out(
    rows: Sequence[Row], deployment: str, published: Published, *, at_once: int, refresh: bool, tags: Sequence[str]
) -> Iterator[Ended]:
    """Do each row's job as a run of a deployment, and yield each row's end as it comes.

    A job is the run whose idempotency key is the job id. One that is under way already, begun by an earlier run of the
    batch or by the gateway, is awaited and not begun again; one that has ended is followed by a new run, whose key
    names the one before, unless what it published is what is asked for: it ended while this batch was looking. One
    that was lost has not ended: it is awaited as well.

    Raises:
        InvalidRequest: there is no such deployment.
    """
    waiting, flying = deque(rows), dict[UUID, Row]()
    with get_client(sync_client=True) as client:
        try:
            deployed = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise InvalidRequest(f"Prefect has no deployment {deployment}", hint="`ecg deploy` makes it.") from None
        while waiting or flying:
            while waiting and len(flying) < at_once:
                row = waiting.popleft()
                try:
                    flying[_begun(client, deployed.id, row, published, refresh=refresh, tags=tags)] = row
                except JobConflict as error:
                    yield ended(row, "failed", error=error)
            for run in _over(client, flying):
                yield _end(flying.pop(run.id), run, published)
            if flying:
                time.sleep(POLL_S)


def cancel(tag: str, *, but: UUID) -> int:
    """Cancel every run of a tag that has not ended, but one; returns how many there were."""
    with get_client(sync_client=True) as client:
        wanted = {"tags": {"all_": [tag]}, "state": {"type": {"any_": list(UNENDED)}}}
        cancelled = 0
        while runs := [run for run in _read(client, wanted) if run.id != but]:
            if all(run.state and run.state.type == "CANCELLING" for run in runs):
                break  # told so already: their workers are at it
            for run in runs:
                lost = run.state is not None and run.state.type == LOST
                state: State[Any] = Cancelled() if lost else Cancelling()  # of a lost run nothing is left to be ended
                client.set_flow_run_state(run.id, state)
            cancelled += len(runs)
        return cancelled


def _begun(
    client: SyncPrefectClient,
    deployment_id: UUID,
    row: Row,
    published: Published,
    *,
    refresh: bool,
    tags: Sequence[str],
) -> UUID:
    """The run that does a row's job, or has done it.

    Raises:
        JobConflict: under this job id something else is under way.
    """
    assert row.request
    asked = row.request.model_dump(mode="json", exclude_none=True)
    parameters: dict[str, Any] = {"request": asked, **({"refresh": True} if refresh else {})}
    key = row.request.job_id
    while True:
        run = client.create_flow_run_from_deployment(
            deployment_id, parameters=parameters, idempotency_key=key, tags=tags
        )
        if run.state is None or not over(run.state.type, run.state.timestamp):
            if run.parameters.get("request") != asked:
                raise JobConflict(f"under the job id {row.request.job_id} another request is under way")
            return run.id
        found = published(row.request) if run.state.is_completed() and not refresh else None
        if found and found.run_id == str(run.id):
            return run.id
        key = f"{row.request.job_id}:{run.id}"


def _over(client: SyncPrefectClient, flying: Collection[UUID]) -> list[FlowRun]:
    if not flying:
        return []
    wanted = {"id": {"any_": list(flying)}, "state": {"type": {"any_": [*OVER, LOST]}}}
    return [run for run in _read(client, wanted) if run.state and over(run.state.type, run.state.timestamp)]


def _read(client: SyncPrefectClient, wanted: dict[str, Any]) -> list[FlowRun]:
    asked = FlowRunFilter.model_validate(wanted)
    # the server takes no request without an order
    return client.read_flow_runs(flow_run_filter=asked, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200)


def _end(row: Row, run: FlowRun, published: Published) -> Ended:
    assert row.request and run.state
    run_id = str(run.id)
    if run.state.is_cancelled():
        return ended(row, "cancelled", run_id=run_id)
    if not run.state.is_completed():
        return ended(row, "failed", run_id=run_id, error=failure(run.state.type, run.state.message or ""))
    try:
        found = published(row.request)
    except EcgError as error:  # it may be there; nobody can say so now
        return ended(row, "failed", run_id=run_id, error=error)
    if found is None or found.run_id != run_id:
        lost = ResultNotFound("the run completed, and its result is not what is published under the job id")
        return ended(row, "failed", run_id=run_id, error=lost)
    return ended(row, found.status, run_id=run_id)
