"""Jobs as runs of a Prefect deployment, over Prefect's HTTP API alone."""

import asyncio
import statistics
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import httpx

from blocks.run_states import COUNTED, LOST
from ecg_audio.address import trusted_at
from ecg_audio.errors import InvalidRequest, JobConflict, JobUnknown, OrchestratorUnavailable
from ecg_audio.request import AnalysisRequest
from gateway.concurrency import ConcurrencyLimit, SingleFlight, noticed
from gateway.records import Job, Pool, SideRun, job_of, name_of, side_run_of, tag_of
from gateway.settings import Settings, credentials

ANSWER_S = 3.0
REQUEST_S = 30.0
"""So long is one answer of Prefect's waited for, though its caller has been told to come again."""
SUBMIT_S = 3.5
"""Callers want a first answer within 5 s, and there is the source's name to look up, too."""
USUAL_S = 0.5
PAUSE_S = 0.2
RECENT_RUNS = 20
DEPLOYMENT_LASTS_S = 10.0
COUNTS_LAST_S = 1.0
USUAL_LASTS_S = 30.0
PAGE = 200
"""As many as Prefect gives at once."""
TAG = "gateway"
"""Of runs that came through a gateway: their ids are jobs' ids."""
ASKED = {"source": None, "language": "auto", "callback": None, "channels": "auto", "speakers": None}
"""What the caller decides of a request, with what an earlier version took where it says nothing; the rest are the
operator's settings, which may change between two calls."""
MOST_SIDE_RUNS = 200
NOT_PREFECT = "what answers at PREFECT_API_URL is not Prefect"


class Orchestrator:
    """Prefect, as far as a gateway needs it. Nothing is remembered between calls for longer than seconds.

    Every method raises `OrchestratorUnavailable` when Prefect does not answer in time, and its heir `GatewayBusy` when
    too many wait for Prefect already. What Prefect cannot do at the moment (a locked database, a server that starts) is
    asked again with the same key until then.
    """

    def __init__(self, settings: Settings) -> None:
        self._deployment = settings.gateway.deployment
        self.limit = ConcurrencyLimit()
        self._under_way: set[asyncio.Task[httpx.Response | None]] = set()
        self.awaited = 0  # jobs whose callers wait for their end
        self._deployed = SingleFlight(self._find_deployment, DEPLOYMENT_LASTS_S)
        self._counts = SingleFlight(self._count, COUNTS_LAST_S)
        self._usual = SingleFlight(self._usual_run_s, USUAL_LASTS_S)
        self._client = httpx.AsyncClient(
            base_url=settings.prefect_url,
            headers=credentials(settings.prefect),
            timeout=REQUEST_S,
            verify=trusted_at(settings.prefect_url),
        )

    async def close(self) -> None:
        """Close the connections."""
        for shared in (self._deployed, self._counts, self._usual):
            shared.close()
        for request in self._under_way:
            request.cancel()
        await self._client.aclose()

    async def submit(self, request: AnalysisRequest) -> Job:
        """Hand a job in; one that was handed in before is answered as it is.

        Raises:
            JobConflict: the job id stands for another request.
        """
        asked = request.model_dump(mode="json", exclude_none=True)
        wanted = {
            "parameters": {"request": asked},
            "idempotency_key": request.job_id,
            "tags": [TAG],
            "name": name_of(request),
        }
        async with _within(SUBMIT_S):
            try:
                run = await self._create(wanted)
            except JobUnknown:  # the deployment was made anew
                self._deployed.forget()
                run = await self._create(wanted)
        known = run["parameters"].get("request", {})
        if any(known.get(name, usual) != asked.get(name, usual) for name, usual in ASKED.items()):
            raise JobConflict(f"the job id {request.job_id} stands for another request")
        return job_of(request.job_id, run)

    async def _create(self, wanted: Mapping[str, Any]) -> Any:
        deployment = await self._deployed.get()
        return await self._ask("POST", f"/deployments/{deployment['id']}/create_flow_run", wanted)

    async def find(self, job_id: str) -> Job:
        """The job of an id.

        Raises:
            JobUnknown: there is none.
        """
        async with _within(ANSWER_S):
            deployment = await self._deployed.get()
            wanted = {"idempotency_key": {"any_": [job_id]}, "deployment_id": {"any_": [deployment["id"]]}}
            runs = await self._ask("POST", "/flow_runs/filter", {"flow_runs": wanted, "limit": 1})
        if not runs:
            raise JobUnknown(f"there is no job {job_id}")
        return job_of(job_id, runs[0])

    async def begin(self, deployment: str, job_id: str, key: str, parameters: Mapping[str, Any]) -> SideRun:
        """Hand in work on a job's result; under a key that was used before, this is the run of that time."""
        wanted = {"parameters": parameters, "idempotency_key": key, "tags": [tag_of(job_id)], "name": key}
        async with _within(SUBMIT_S):
            try:
                found = await self._ask("GET", f"/deployments/name/{deployment}")
            except JobUnknown:
                raise OrchestratorUnavailable(
                    f"Prefect has no deployment {deployment}", hint="`ecg deploy` makes it."
                ) from None
            return side_run_of(job_id, await self._ask("POST", f"/deployments/{found['id']}/create_flow_run", wanted))

    async def side_run(self, job_id: str, run_id: str) -> SideRun:
        """A run that works on a job's result.

        Raises:
            JobUnknown: there is none of this id, or it is another job's.
        """
        wanted = {"id": {"any_": [run_id]}, "tags": {"all_": [tag_of(job_id)]}}
        async with _within(ANSWER_S):
            runs = await self._ask("POST", "/flow_runs/filter", {"flow_runs": wanted, "limit": 1})
        if not runs:
            raise JobUnknown(f"nothing of the id {run_id} works on the job {job_id}")
        return side_run_of(job_id, runs[0])

    async def side_runs(self, job_id: str) -> list[SideRun]:
        """All runs that work, or worked, on a job's result, the latest first."""
        asked = {
            "flow_runs": {"tags": {"all_": [tag_of(job_id)]}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": MOST_SIDE_RUNS,
        }
        async with _within(ANSWER_S):
            runs = await self._ask("POST", "/flow_runs/filter", asked)
        return [side_run_of(job_id, run) for run in runs]

    async def stages(self, run_id: str) -> list[str]:
        """What is at work in a run now, by the names of its tasks."""
        running = {"state": {"type": {"any_": ["RUNNING"]}}}
        asked = {"flow_runs": {"id": {"any_": [run_id]}}, "task_runs": running, "limit": PAGE}
        async with _within(ANSWER_S):
            found = await self._ask("POST", "/task_runs/filter", asked)
        return sorted({task["name"].rpartition("-")[0] or task["name"] for task in found})

    async def cancel(self, job: Job) -> None:
        """Ask that a job's run be stopped; one that waits is cancelled at once, and one that was lost."""
        wanted = {"type": "CANCELLED" if job.state == LOST else "CANCELLING"}  # of a lost run nothing is left to end
        async with _within(ANSWER_S):
            await self._ask("POST", f"/flow_runs/{job.run_id}/set_state", {"state": wanted})

    async def delete(self, run_id: str) -> None:
        """Remove a run with its artifacts, logs and task runs."""
        of_run = {"artifacts": {"flow_run_id": {"any_": [run_id]}}, "limit": PAGE}
        async with _within(REQUEST_S):
            for artifact in await self._ask("POST", "/artifacts/filter", of_run):
                await self._ask("DELETE", f"/artifacts/{artifact['id']}")
            await self._ask("DELETE", f"/flow_runs/{run_id}")

    async def page(
        self, states: Sequence[str], limit: int, cursor: str | None, search: str | None = None
    ) -> tuple[list[Job], str | None]:
        """The jobs that came through a gateway, newest first.

        Args:
            states: of `COUNTED`; none: all of them.
            limit: how many at most.
            cursor: where the page before ended; None: the first page.
            search: what the job's id or its recording's name holds, in whatever case; None: anything.

        Returns:
            the jobs, and where the next page begins; None: this is the last one.

        Raises:
            InvalidRequest: the cursor is none of ours.
        """
        before, shown = _read_cursor(cursor)
        kinds = [kind for state in states for kind in COUNTED[state]]
        async with _within(ANSWER_S):
            deployment = await self._deployed.get()
            wanted: dict[str, Any] = {"deployment_id": {"any_": [deployment["id"]]}, "tags": {"all_": [TAG]}}
            wanted |= {"state": {"type": {"any_": kinds}}} if kinds else {}
            wanted |= {"name": {"like_": search}} if search else {}
            wanted |= {"expected_start_time": {"before_": before}, "id": {"not_any_": shown}} if cursor else {}
            asked = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_DESC", "limit": limit + 1}
            runs = await self._ask("POST", "/flow_runs/filter", asked)
        found, more = runs[:limit], len(runs) > limit
        # of runs that came in the same instant, those that were shown are left out by name
        last = found[-1]["expected_start_time"] if found else before
        same = [run["id"] for run in found if run["expected_start_time"] == last]
        following = _cursor(last, same + (shown if last == before else [])) if more else None
        return [job_of(run["idempotency_key"] or "", run) for run in found], following

    async def progress(self, run_id: str) -> int:
        """How far a run is, in percent, as its progress artifact says; 0 before there is one."""
        return (await self.progresses([run_id]))[run_id]

    async def progresses(self, run_ids: Sequence[str]) -> dict[str, int]:
        """How far runs are, likewise, each by its id."""
        known = dict.fromkeys(run_ids, 0)
        if not known:
            return known
        wanted = {
            "artifacts": {"flow_run_id": {"any_": list(known)}, "type": {"any_": ["progress"]}},
            "sort": "CREATED_DESC",
            "limit": PAGE if len(known) > 1 else 1,
        }
        async with _within(ANSWER_S):
            artifacts = await self._ask("POST", "/artifacts/filter", wanted)
        for artifact in reversed(artifacts):  # the latest of a run has the last word
            known[artifact["flow_run_id"]] = int(artifact["data"])
        return known

    async def usual_s(self) -> float | None:
        """The median run time of the latest completed jobs; None: there are none."""
        async with _within(USUAL_S):
            return await self._usual.get()

    async def _usual_run_s(self) -> float | None:
        deployment = await self._deployed.get()
        wanted = {"deployment_id": {"any_": [deployment["id"]]}, "state": {"type": {"any_": ["COMPLETED"]}}}
        asked = {"flow_runs": wanted, "sort": "END_TIME_DESC", "limit": RECENT_RUNS}
        runs = await self._ask("POST", "/flow_runs/filter", asked)
        return statistics.median(run["total_run_time"] for run in runs) if runs else None

    async def pool(self) -> Pool | None:
        """The deployment's work pool and its workers; None: the deployment has no pool."""
        async with _within(ANSWER_S):
            deployment = await self._deployed.get()
            name = deployment.get("work_pool_name")
            if name is None:
                return None
            ask = partial(self._ask, at_once=True)
            pool, workers = await asyncio.gather(
                ask("GET", f"/work_pools/{name}"), ask("POST", f"/work_pools/{name}/workers/filter", {})
            )
        heard = [worker["last_heartbeat_time"] for worker in workers if worker.get("last_heartbeat_time")]
        online = sum(worker.get("status") == "ONLINE" for worker in workers)
        return Pool(name, str(pool.get("status") or "UNKNOWN"), online, max(heard, default=None))

    async def counts(self) -> dict[str, int]:
        """How many jobs are in each state of `COUNTED`, a second ago at most; those for later do not count."""
        async with _within(ANSWER_S):
            return await self._counts.get()

    async def queued(self) -> int | None:
        """How many jobs are due and wait; None: Prefect does not say so quickly."""
        try:
            async with _within(USUAL_S):
                return (await self._counts.get())["queued"]
        except OrchestratorUnavailable:
            return None

    async def _count(self) -> dict[str, int]:
        deployment = await self._deployed.get()
        ours = {
            "deployment_id": {"any_": [deployment["id"]]},
            "expected_start_time": {"before_": datetime.now(UTC).isoformat()},
        }
        asked = [{"flow_runs": ours | {"state": {"type": {"any_": list(states)}}}} for states in COUNTED.values()]
        ask = partial(self._ask, "POST", "/flow_runs/count", at_once=True)
        return dict(zip(COUNTED, await asyncio.gather(*map(ask, asked)), strict=True))

    async def _find_deployment(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await self._ask("GET", f"/deployments/name/{self._deployment}", at_once=True)
        except JobUnknown:
            raise OrchestratorUnavailable(f"Prefect has no deployment {self._deployment}") from None
        if "id" not in found:
            raise OrchestratorUnavailable(NOT_PREFECT)
        return found

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, at_once: bool = False
    ) -> Any:
        """One answer. `at_once`: of what is asked once for all callers, which waits for no turn."""
        attempt = self._try if at_once else self._in_turn
        while (response := await attempt(method, path, body)) is None:
            await asyncio.sleep(PAUSE_S)
        if response.status_code == 404:
            raise JobUnknown(f"Prefect does not know {path}")
        if response.status_code in {401, 403}:
            raise OrchestratorUnavailable("Prefect does not take the gateway's credentials")
        if response.status_code in {409, 422}:
            raise InvalidRequest(
                f"Prefect does not take the request: HTTP {response.status_code} {response.text[:200]}"
            )
        if response.status_code == 204:
            return None
        try:
            return response.raise_for_status().json()
        except (httpx.HTTPStatusError, ValueError):
            raise OrchestratorUnavailable(NOT_PREFECT) from None

    async def _in_turn(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response | None:
        """One request when its turn has come; then it is not broken off, and has its turn until it has ended.

        Prefect goes on with what its callers have given up, so another one in its place would be one more at once; and
        a job that was nearly handed in when its caller's time was over is there when he comes again.
        """
        begun = False

        async def go() -> httpx.Response | None:
            nonlocal begun
            async with self.limit.turn():
                begun = True
                return await self._try(method, path, body)

        request = asyncio.create_task(go())
        self._under_way.add(request)
        request.add_done_callback(self._under_way.discard)
        request.add_done_callback(noticed)
        try:
            return await asyncio.shield(request)
        except asyncio.CancelledError:
            if not begun:
                request.cancel()
            raise

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


def _cursor(before: str, shown: list[str]) -> str:
    return urlsafe_b64encode(" ".join((before, *shown)).encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[str, list[str]]:
    """Until when, and without which runs."""
    if cursor is None:
        return "", []
    try:
        before, *shown = urlsafe_b64decode(cursor).decode("ascii").split(" ")
        datetime.fromisoformat(before)
        return before, [str(UUID(run)) for run in shown]
    except ValueError:
        raise InvalidRequest("cursor: it is none that a list of jobs has given") from None
