"""Prefect's records of our runs: which have ended, which have not, what was asked, and how far they had come."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from blocks.run_states import LOST, OVER
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AnalysisRequest

JOB, BATCH, UPKEEP = "analyze", "analyze-batch", "reconcile"
REVISION, BURNING, REMEMBERING = "revise", "burn", "remember-voice"
"""The flows, by name."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a deployment of ours.

    Attributes:
        request: what was asked; None: it names no job that anybody could be told of.
        since: when it entered its state.
        pool: the work pool whose workers take it.
        worker: the one that took it last, by name; None: none has.
        infrastructure: what that worker has begun for it; None: nothing that Prefect knows of.
    """

    run_id: UUID
    state: str
    state_id: UUID
    message: str
    since: datetime
    created: datetime
    ended: datetime | None
    request: AnalysisRequest | None
    tags: frozenset[str] = field(default_factory=frozenset)
    pool: str | None = None
    worker: str | None = None
    infrastructure: str | None = None


def ended(client: SyncPrefectClient, after: datetime) -> list[Run]:
    """All jobs' runs that ended since then, the latest first."""
    wanted = {"state": {"type": {"any_": [*OVER, LOST]}}, "end_time": {"after_": after}}
    return _read(client, wanted, FlowRunSort.END_TIME_DESC, JOB)


def standing(client: SyncPrefectClient, states: Iterable[str], *flows: str) -> list[Run]:
    """All runs in these states, of jobs where no flow is named."""
    wanted = {"state": {"type": {"any_": list(states)}}}
    return _read(client, wanted, FlowRunSort.EXPECTED_START_TIME_ASC, *(flows or (JOB,)))


def unmoved(client: SyncPrefectClient, run: Run) -> bool:
    """Whether a run still is in the state that it was read in."""
    current = client.read_flow_run(run.run_id).state
    return current is not None and current.id == run.state_id


def progress(client: SyncPrefectClient, run_id: UUID) -> tuple[UUID, float] | None:
    """A run's latest progress artifact and the figure that it says; None: there is none."""
    ours = {"flow_run_id": {"any_": [str(run_id)]}, "type": {"any_": ["progress"]}}
    wanted = {"artifacts": ours, "sort": "CREATED_DESC", "limit": 1}
    found = client.request("POST", "/artifacts/filter", json=wanted).json()
    return (UUID(found[0]["id"]), float(found[0]["data"])) if found else None


def _read(client: SyncPrefectClient, wanted: Mapping[str, Any], order: FlowRunSort, *flows: str) -> list[Run]:
    found: dict[UUID, Run] = {}
    ours = FlowFilter.model_validate({"name": {"any_": list(flows)}})
    deployed = FlowRunFilter.model_validate({**wanted, "deployment_id": {"is_null_": False}})
    while True:
        # a page may repeat what moved on meanwhile
        page = client.read_flow_runs(
            flow_filter=ours, flow_run_filter=deployed, sort=order, limit=PAGE, offset=len(found)
        )
        before = len(found)
        found |= {run.id: _run(run) for run in page if run.state}
        if len(page) < PAGE or len(found) == before:
            return list(found.values())


def _run(record: FlowRun) -> Run:
    assert record.state
    return Run(
        run_id=record.id,
        state=record.state.type.value,
        state_id=record.state.id,
        message=record.state.message or "",
        since=record.state.timestamp,
        created=record.created or record.state.timestamp,
        ended=record.end_time,
        request=answerable(record.parameters),
        tags=frozenset(record.tags),
        pool=record.work_pool_name,
        worker=str(record.labels["prefect.worker.name"]) if "prefect.worker.name" in record.labels else None,
        infrastructure=record.infrastructure_pid,
    )


def answerable(parameters: Mapping[str, Any]) -> AnalysisRequest | None:
    """The request in a run's parameters. Of one that makes no sense, as much as it takes to say so.

    Returns:
        None: it holds no job id, or it is not known where the callback should go.
    """
    asked = parameters.get("request")
    if not isinstance(asked, Mapping):
        return None
    told: dict[str, Any] = {"source": "rejected", **{name: asked.get(name) for name in ("job_id", "callback")}}
    if isinstance(asked.get("store"), str):
        told["store"] = asked["store"]
    for fields in (asked, told):
        try:
            return AnalysisRequest.checked(**fields)
        except (InvalidRequest, TypeError):  # TypeError: its keys are no names
            continue
    return None


def forget_idle(client: SyncPrefectClient, flow: str) -> None:
    """Delete a flow's latest completed runs that left no artifact, since they did nothing; a page of them at most.

    What goes wrong is said in the log of the run at hand, and the next one tries again.
    """
    try:
        ended = FlowRunFilter.model_validate({"state": {"type": {"any_": ["COMPLETED"]}}})
        ours = FlowFilter.model_validate({"name": {"any_": [flow]}})
        page = client.read_flow_runs(
            flow_filter=ours, flow_run_filter=ended, sort=FlowRunSort.END_TIME_DESC, limit=PAGE
        )
        idle = {str(run.id) for run in page}
        if not idle:
            return
        wanted = {"artifacts": {"flow_run_id": {"any_": sorted(idle)}}, "limit": PAGE}
        idle -= {
            str(artifact["flow_run_id"]) for artifact in client.request("POST", "/artifacts/filter", json=wanted).json()
        }
        for run_id in idle:
            client.delete_flow_run(UUID(run_id))
    except (httpx.HTTPError, ObjectNotFound) as error:
        get_run_logger().warning("runs that did nothing stay: %s", error)


def newest(runs: Iterable[Run]) -> Iterator[Run]:
    """Of several runs of one job, the one that was asked for last."""
    latest: dict[str, Run] = {}
    for run in runs:
        if run.request:
            known = latest.get(run.request.job_id)
            latest[run.request.job_id] = run if known is None or run.created > known.created else known
    return iter(latest.values())


def tag(*tags: str) -> None:
    """Give the run at hand more tags."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(runtime.flow_run.id)), tags=sorted({*runtime.flow_run.tags, *tags}))
