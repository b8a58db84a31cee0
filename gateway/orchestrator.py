"""Jobs as runs of a Prefect deployment, over Prefect's HTTP API alone."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

from ecg_audio.errors import EcgError, InvalidRequest, JobCancelled, JobConflict, JobUnknown, OrchestratorUnavailable
from ecg_audio.request import AnalysisRequest
from gateway.settings import Settings

ANSWER_S = 3.0
"""Callers want a first answer within 5 s."""
USUAL_S = 0.5
PAUSE_S = 0.2
RECENT_RUNS = 20
ASKED = ("source", "language", "callback")
"""What the caller decides of a request; the rest are the operator's settings, which may change between two calls."""
COUNTED = {
    "queued": ("SCHEDULED", "PENDING", "CRASHED"),
    "running": ("RUNNING", "CANCELLING"),
    "completed": ("COMPLETED",),
    "failed": ("FAILED",),
    "cancelled": ("CANCELLED",),
}
"""What operators count, in Prefect's words."""
NOT_PREFECT = "what answers at PREFECT_API_URL is not Prefect"
_ENDED = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "failed"}
"""CRASHED is no end: the reconciler begins a lost run again, or lets it be FAILED."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as Prefect knows it."""

    job_id: str
    run_id: str
    status: Literal["processing", "completed", "failed"]
    state: str
    state_message: str
    store: str | None

    @property
    def error(self) -> tuple[str, str]:
        """Code and message of a failed job, from what Prefect says of its state."""
        if self.state == "CANCELLED":
            return JobCancelled.code, self.state_message or "the job was cancelled"
        _, _, told = self.state_message.partition("exception: ")
        name, _, message = told.partition(": ")
        for kind in _kinds(EcgError):
            if kind.__name__ == name:
                return kind.code, message
        return EcgError.code, self.state_message or f"the run ended as {self.state.lower()}"


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool as Prefect knows it. `last_heartbeat` is None where no worker was ever heard."""

    name: str
    status: str
    workers_online: int
    last_heartbeat: str | None


def _kinds(kind: type[EcgError]) -> list[type[EcgError]]:
    return [kind, *(found for heir in kind.__subclasses__() for found in _kinds(heir))]


class Orchestrator:
    """Prefect, as far as a gateway needs it. Nothing is remembered between calls.

    Every method raises `OrchestratorUnavailable` when Prefect does not answer in time. What Prefect cannot do at the
    moment (a locked database, a server that starts) is asked again with the same key until then.
    """

    def __init__(self, settings: Settings) -> None:
        self._deployment = settings.deployment
        authorization = settings.prefect_authorization
        self._client = httpx.AsyncClient(
            base_url=settings.prefect_url,
            headers={"Authorization": authorization} if authorization else {},
            timeout=ANSWER_S,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, request: AnalysisRequest) -> Job:
        """Hand a job in; one that was handed in before is answered as it is.

        Raises:
            JobConflict: the job id stands for another request.
        """
        asked = request.model_dump(mode="json", exclude_none=True)
        wanted = {"parameters": {"request": asked}, "idempotency_key": request.job_id, "tags": ["gateway"]}
        async with _within(ANSWER_S):
            deployment = await self._deployed()
            run = await self._ask("POST", f"/deployments/{deployment['id']}/create_flow_run", wanted)
        known = run["parameters"].get("request", {})
        if any(known.get(name) != asked.get(name) for name in ASKED):
            raise JobConflict(f"the job id {request.job_id} stands for another request")
        return _job(request.job_id, run)

    async def find(self, job_id: str) -> Job:
        """The job of an id.

        Raises:
            JobUnknown: there is none.
        """
        async with _within(ANSWER_S):
            deployment = await self._deployed()
            wanted = {"idempotency_key": {"any_": [job_id]}, "deployment_id": {"any_": [deployment["id"]]}}
            runs = await self._ask("POST", "/flow_runs/filter", {"flow_runs": wanted, "limit": 1})
        if not runs:
            raise JobUnknown(f"there is no job {job_id}")
        return _job(job_id, runs[0])

    async def progress(self, job: Job) -> int:
        """How far a job is, in percent, as its progress artifact says; 0 before there is one."""
        wanted = {
            "artifacts": {"flow_run_id": {"any_": [job.run_id]}, "type": {"any_": ["progress"]}},
            "sort": "CREATED_DESC",
            "limit": 1,
        }
        async with _within(ANSWER_S):
            artifacts = await self._ask("POST", "/artifacts/filter", wanted)
        return int(artifacts[0]["data"]) if artifacts else 0

    async def usual_s(self) -> float | None:
        """The median run time of the latest completed jobs; None: there are none."""
        async with _within(USUAL_S):
            deployment = await self._deployed()
            wanted = {"deployment_id": {"any_": [deployment["id"]]}, "state": {"type": {"any_": ["COMPLETED"]}}}
            asked = {"flow_runs": wanted, "sort": "END_TIME_DESC", "limit": RECENT_RUNS}
            runs = await self._ask("POST", "/flow_runs/filter", asked)
        return statistics.median(run["total_run_time"] for run in runs) if runs else None

    async def pool(self) -> Pool | None:
        """The deployment's work pool and its workers; None: the deployment has no pool."""
        async with _within(ANSWER_S):
            deployment = await self._deployed()
            name = deployment.get("work_pool_name")
            if name is None:
                return None
            pool, workers = await asyncio.gather(
                self._ask("GET", f"/work_pools/{name}"), self._ask("POST", f"/work_pools/{name}/workers/filter", {})
            )
        heard = [worker["last_heartbeat_time"] for worker in workers if worker.get("last_heartbeat_time")]
        online = sum(worker.get("status") == "ONLINE" for worker in workers)
        return Pool(name, str(pool.get("status") or "UNKNOWN"), online, max(heard, default=None))

    async def counts(self) -> dict[str, int]:
        """How many jobs are in each state of `COUNTED`; those that are to start later do not count."""
        async with _within(ANSWER_S):
            deployment = await self._deployed()
            due = {"before_": datetime.now(UTC).isoformat()}
            found = await asyncio.gather(
                *(
                    self._ask(
                        "POST",
                        "/flow_runs/count",
                        {
                            "flow_runs": {
                                "deployment_id": {"any_": [deployment["id"]]},
                                "state": {"type": {"any_": list(states)}},
                                "expected_start_time": due,
                            }
                        },
                    )
                    for states in COUNTED.values()
                )
            )
        return dict(zip(COUNTED, found, strict=True))

    async def _deployed(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await self._ask("GET", f"/deployments/name/{self._deployment}")
        except JobUnknown:
            raise OrchestratorUnavailable(f"Prefect has no deployment {self._deployment}") from None
        if "id" not in found:
            raise OrchestratorUnavailable(NOT_PREFECT)
        return found

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        while (response := await self._try(method, path, body)) is None:
            await asyncio.sleep(PAUSE_S)
        if response.status_code == 404:
            raise JobUnknown(f"Prefect does not know {path}")
        if response.status_code in {401, 403}:
            raise OrchestratorUnavailable("Prefect does not take the gateway's credentials")
        if response.status_code in {409, 422}:
            raise InvalidRequest(
                f"Prefect does not take the request: HTTP {response.status_code} {response.text[:200]}"
            )
        try:
            return response.raise_for_status().json()
        except (httpx.HTTPStatusError, ValueError):
            raise OrchestratorUnavailable(NOT_PREFECT) from None

    async def _try(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response | None:
        """One request; None where it can be asked again at once: creating is idempotent, all else only reads."""
        try:
            response = await self._client.request(method, path, json=body)
        except httpx.TransportError:
            return None
        return None if response.status_code >= 500 or response.status_code == 429 else response


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise OrchestratorUnavailable("Prefect does not answer") from None


def _job(job_id: str, run: Mapping[str, Any]) -> Job:
    state = run.get("state") or {}
    kind = state.get("type", "PENDING")
    ended: Any = _ENDED.get(kind, "processing")
    store = run["parameters"].get("request", {}).get("store")
    return Job(job_id, run["id"], ended, kind, state.get("message") or "", store)
