"""Runs that nobody works for any more: their process, their worker or their whole machine is gone.

Three witnesses say so. Where all runs are on this machine, its list of processes, at once. Elsewhere the run's own
heartbeats, counted from its start, and, before it has started, the worker that took it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from blocks.run_states import TAKEN
from ecg_audio.settings import Runs
from flows.runs import BATCH, BURNING, JOB, REMEMBERING, REVISION, UPKEEP, Run, standing, unmoved

STARTING_S = 60.0
"""A worker of this machine has begun a process by then."""
STARTING_ELSEWHERE_S = {"process": 300.0}
STARTING_HOST_S = 1800.0
"""So long may a host or a container take from accepting a run to starting it."""
WORKER_SILENT_S = 90.0
"""Workers send a heartbeat every 30 s."""
CANCELLING_S = 30.0
"""So long may a worker take to end a process."""
LOOK_AGAIN_S = 10.0
"""A worker that lives says within this time that its process has ended."""


def end_lost(client: SyncPrefectClient, silent_s: float) -> list[Run]:
    """End the runs that are lost, as crashed, or as cancelled where that was asked for.

    While Prefect's server is away it hears no heartbeat of any run. Runs that look silent are therefore ended only if
    they stay silent while it listens for another while.

    Args:
        client: of the server that keeps the runs.
        silent_s: a started run that says nothing for so long is lost.

    Returns:
        the runs as they stood.
    """
    lost: Callable[[Run], str | None]
    if Runs.read().one_machine:
        lost, listen_s = _without_process, LOOK_AGAIN_S
    else:
        lost, listen_s = _Silence(client, silent_s).of, 0.4 * silent_s
    suspects = [run for run in standing(client, TAKEN, JOB, BATCH, UPKEEP, REVISION, BURNING, REMEMBERING) if lost(run)]
    deadline = time.monotonic() + listen_s
    while suspects and time.monotonic() < deadline:
        time.sleep(min(2.0, listen_s / 4))
        suspects = [run for run in suspects if lost(run)]
    return [run for run in suspects if _ended(client, run, lost(run))]


def works_here(run: Run) -> bool:
    """Whether a process of this machine works for a run, whatever Prefect was told; elsewhere nobody knows."""
    return bool(Runs.read().one_machine) and _has_process(run)


def _without_process(run: Run) -> str | None:
    """Why a run of this machine is lost; None: it is not, or not yet."""
    timeout_s = {"PENDING": STARTING_S, "CANCELLING": CANCELLING_S}.get(run.state, 0.0)
    if _age_s(run) < timeout_s or _has_process(run):
        return None
    return "its process was never begun" if run.state == "PENDING" else "its process is gone"


def _has_process(run: Run) -> bool:
    """Whether a process of this user's was begun for the run: workers put its id into the environment."""
    wanted = f"PREFECT__FLOW_RUN_ID={run.run_id}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environment.read_bytes():
                return True
        except OSError:  # it has just ended, or is another user's
            continue
    return False


class _Silence:
    """What can be known of runs on other machines."""

    def __init__(self, client: SyncPrefectClient, silent_s: float) -> None:
        self._client = client
        self._silent_s = silent_s

    def of(self, run: Run) -> str | None:
        """Why a run is lost; None: it is not, or not yet."""
        if run.state == "PENDING":
            return self._of_waiting(run)
        if _age_s(run) < self._silent_s or self._heard(run):
            return None
        return f"no sign of life for {self._silent_s:.0f} s: the process, or its machine, is gone"

    def _of_waiting(self, run: Run) -> str | None:
        kind, heard = self._worker(run)
        own_process = kind == "process" or run.infrastructure is None  # with the worker goes what it has not begun
        gone = heard is not None and (datetime.now(UTC) - heard).total_seconds() > WORKER_SILENT_S
        if gone and own_process and _age_s(run) > WORKER_SILENT_S:
            return f"it was never begun, and its worker {run.worker} is silent"
        timeout_s = STARTING_ELSEWHERE_S.get(kind, STARTING_HOST_S)
        return f"it was not begun within {timeout_s:.0f} s" if _age_s(run) > timeout_s else None

    def _worker(self, run: Run) -> tuple[str, datetime | None]:
        """The type of a run's pool, and when the run's worker was last heard; None: nobody knows."""
        if run.pool is None:
            return "", None
        try:
            kind = self._client.read_work_pool(run.pool).type
        except ObjectNotFound:
            return "", None
        path = {"work_pool_name": run.pool}
        answer = self._client.request("POST", "/work_pools/{work_pool_name}/workers/filter", path_params=path, json={})
        heard = [worker["last_heartbeat_time"] for worker in answer.json() if worker["name"] == run.worker]
        return kind, datetime.fromisoformat(heard[0]) if heard and heard[0] else None

    def _heard(self, run: Run) -> bool:
        """Whether the run sent an event, a heartbeat among others, within the time."""
        now = datetime.now(UTC)
        since, until = now - timedelta(seconds=self._silent_s), now + timedelta(minutes=5)
        wanted: dict[str, Any] = {
            "filter": {
                "occurred": {"since": since.isoformat(), "until": until.isoformat()},
                "event": {"prefix": ["prefect.flow-run"]},
                "resource": {"id": [f"prefect.flow-run.{run.run_id}"]},
            },
            "limit": 1,
        }
        return bool(self._client.request("POST", "/events/filter", json=wanted).json()["events"])


def _age_s(run: Run) -> float:
    return (datetime.now(UTC) - run.since).total_seconds()


def _ended(client: SyncPrefectClient, run: Run, why: str | None) -> bool:
    """Whether a run was ended here; one that has moved on meanwhile lives."""
    if why is None or not unmoved(client, run):
        return False
    cancelled = run.state == "CANCELLING"
    state: Any = Cancelled(message=f"the job was cancelled; {why}") if cancelled else Crashed(message=why)
    return client.set_flow_run_state(run.run_id, state).status.value == "ACCEPT"
