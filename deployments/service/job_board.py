"""What a Prefect server knows of the jobs: how many, in which state, and the latest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from blocks.run_states import COUNTED
from ecg_audio.address import trusted_at

ANSWER_S = 1.0
RECENT = 5
FLOW = "analyze"
COLUMNS = {
    "running": COUNTED["running"],
    "queued": COUNTED["queued"],
    "done": COUNTED["completed"],
    "failed": COUNTED["failed"] + COUNTED["cancelled"],
}


@dataclass(frozen=True)
class Recent:
    """One of the latest jobs."""

    name: str
    state: str
    began: datetime | None
    run_s: float


@dataclass(frozen=True)
class Jobs:
    """All jobs of a server at one moment."""

    counts: Mapping[str, int] = field(default_factory=dict)
    recent: tuple[Recent, ...] = ()


class JobBoard:
    """Asks a server.

    Args:
        api: the address of Prefect's API.
        headers: its credentials.
    """

    def __init__(self, api: str, headers: Mapping[str, str] | None = None) -> None:
        self._client = httpx.Client(base_url=api, headers=headers, timeout=ANSWER_S, verify=trusted_at(api))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def look(self) -> Jobs | None:
        """The jobs now; None: the server does not answer in time."""
        flows = {"name": {"any_": [FLOW]}}
        try:
            counts = {
                column: int(self._ask("count", {"flows": flows, "flow_runs": {"state": {"type": {"any_": states}}}}))
                for column, states in COLUMNS.items()
            }
            latest = self._ask("filter", {"flows": flows, "sort": "EXPECTED_START_TIME_DESC", "limit": RECENT})
        except httpx.HTTPError:
            return None
        return Jobs(counts, tuple(_recent(run) for run in latest))

    def _ask(self, what: str, body: Mapping[str, Any]) -> Any:
        return self._client.post(f"/flow_runs/{what}", json=body).raise_for_status().json()


def _recent(run: Mapping[str, Any]) -> Recent:
    began = datetime.fromisoformat(run["start_time"]) if run.get("start_time") else None
    return Recent(run["name"], run["state_name"] or "", began, run["estimated_run_time"])
