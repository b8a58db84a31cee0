"""Prefect's records of our jobs: which runs have ended, which are silent, and how far they had come."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed

from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AnalysisRequest

FLOW = "analyze"
PAGE = 200
ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
ALIVE = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
WAITING = [StateType.SCHEDULED, StateType.PAUSED]
STARTING_S = 1800.0
"""So long may a machine take from accepting a run to starting it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a deployment of ours.

    Attributes:
        request: what was asked; None: it names no job that anybody could be told of.
        since: when it entered its state.
    """

    run_id: UUID
    state: StateType
    message: str
    since: datetime
    created: datetime
    ended: datetime | None
    request: AnalysisRequest | None
    tags: frozenset[str] = field(default_factory=frozenset)


def ended(client: SyncPrefectClient, after: datetime) -> list[Run]:
    """All runs that ended since then, the latest first."""
    wanted = FlowRunFilter(
        state=_types(ENDED), end_time=FlowRunFilterEndTime.model_validate({"after_": after}), deployment_id=_deployed()
    )
    return _read(client, wanted, FlowRunSort.END_TIME_DESC)


def unfinished(client: SyncPrefectClient, states: list[StateType]) -> list[Run]:
    """All runs in these states."""
    wanted = FlowRunFilter(state=_types(states), deployment_id=_deployed())
    return _read(client, wanted, FlowRunSort.EXPECTED_START_TIME_ASC)


def bury_silent(client: SyncPrefectClient, silent_s: float) -> list[Run]:
    """End the runs whose process is gone: those that gave signs of life once, and none for so long.

    A server that was away itself has heard nobody, so silence is believed only after another while of listening.

    Returns:
        the runs as they stand now, crashed or cancelled.
    """
    suspects = [run for run in unfinished(client, ALIVE) if _silent(client, run, silent_s)]
    deadline = time.monotonic() + 0.4 * silent_s
    while suspects and time.monotonic() < deadline:
        time.sleep(min(2.0, 0.1 * silent_s))
        suspects = [run for run in suspects if _silent(client, run, silent_s)]
    for run in suspects:
        _bury(client, run, silent_s)
    return suspects


def progress(client: SyncPrefectClient, run: Run) -> int:
    """The figure that a run's progress artifact says; 0: there is none."""
    ours = {"flow_run_id": {"any_": [str(run.run_id)]}, "type": {"any_": ["progress"]}}
    wanted = {"artifacts": ours, "sort": "CREATED_DESC", "limit": 1}
    found = client.request("POST", "/artifacts/filter", json=wanted).json()
    return int(found[0]["data"]) if found else 0


def _silent(client: SyncPrefectClient, run: Run, silent_s: float) -> bool:
    now = datetime.now(UTC)
    current = client.read_flow_run(run.run_id)
    if current.state is None or current.state.type != run.state:
        return False
    patience_s = STARTING_S if run.state == StateType.PENDING else silent_s
    if run.since > now - timedelta(seconds=patience_s) or _heard(client, run, now - timedelta(seconds=patience_s), ""):
        return False
    # a run that never sent a heartbeat may be one that sends none
    return run.state == StateType.PENDING or _heard(client, run, run.created, ".heartbeat")


def _heard(client: SyncPrefectClient, run: Run, since: datetime, what: str) -> bool:
    """Whether the run sent an event, of a kind, since then."""
    wanted = {
        "filter": {
            "occurred": {"since": since.isoformat(), "until": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()},
            "event": {"prefix": [f"prefect.flow-run{what}"]},
            "resource": {"id": [f"prefect.flow-run.{run.run_id}"]},
        },
        "limit": 1,
    }
    response = client.request("POST", "/events/filter", json=wanted)
    return bool(response.json()["events"])


def _bury(client: SyncPrefectClient, run: Run, silent_s: float) -> None:
    said = f"no sign of life for {silent_s:.0f} s: the process, or its machine, is gone"
    state: Any = Cancelled(message=said) if run.state == StateType.CANCELLING else Crashed(message=said)
    client.set_flow_run_state(run.run_id, state)


def _read(client: SyncPrefectClient, wanted: FlowRunFilter, order: FlowRunSort) -> list[Run]:
    found: dict[UUID, Run] = {}
    ours = FlowFilter(name=FlowFilterName(any_=[FLOW]))
    while True:
        # a page may repeat what moved on meanwhile
        page = client.read_flow_runs(
            flow_filter=ours, flow_run_filter=wanted, sort=order, limit=PAGE, offset=len(found)
        )
        before = len(found)
        found |= {run.id: _run(run) for run in page if run.state}
        if len(page) < PAGE or len(found) == before:
            return list(found.values())


def _run(record: FlowRun) -> Run:
    assert record.state
    return Run(
        run_id=record.id,
        state=record.state.type,
        message=record.state.message or "",
        since=record.state.timestamp,
        created=record.created or record.state.timestamp,
        ended=record.end_time,
        request=answerable(record.parameters),
        tags=frozenset(record.tags),
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


def newest(runs: Iterable[Run]) -> Iterator[Run]:
    """Of several runs of one job, the one that was asked for last."""
    latest: dict[str, Run] = {}
    for run in runs:
        if run.request:
            known = latest.get(run.request.job_id)
            latest[run.request.job_id] = run if known is None or run.created > known.created else known
    return iter(latest.values())


def _types(states: list[StateType]) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=states))


def _deployed() -> FlowRunFilterDeploymentId:
    return FlowRunFilterDeploymentId(is_null_=False)
