"""Our worker beside Prefect's."""

import uuid
from typing import Any

import anyio
import httpx
import pytest
from prefect.workers.process import ProcessWorker

from deployments.service.worker import SPARE, Worker


class Server:
    """Answers what a worker asks, and keeps it."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[dict[str, Any]] = []

    async def request(self, method: str, path: str, *, path_params: dict[str, str], json: dict[str, Any]) -> Any:
        """No runs, or an error."""
        assert (method, path.format(**path_params)) == ("POST", "/work_pools/pool/get_scheduled_flow_runs")
        self.asked.append(json)
        request = httpx.Request(method, "http://server")
        answer = httpx.Response(self.status, json=[], request=request)
        answer.raise_for_status()
        return answer


def a_worker(server: Server, limit: int, **options: Any) -> Worker:
    """One that may begin so many runs and has none."""
    worker = Worker(work_pool_name="pool", limit=limit, **options)
    worker._limiter = anyio.CapacityLimiter(limit)
    worker._client = server  # type: ignore[assignment]
    return worker


@pytest.mark.anyio
async def test_a_worker_asks_for_runs_while_it_may_begin_one() -> None:
    """It asks for few more than it may begin, for none where it may begin none, and again when one has ended."""
    server, runs = Server(), [uuid.uuid4() for _ in range(2)]
    worker = a_worker(server, 2, work_queues=["night"])
    for run in runs:
        assert await worker._get_scheduled_flow_runs() == []
        worker.limiter.acquire_on_behalf_of_nowait(run)
    assert [asked["limit"] for asked in server.asked] == [2 + SPARE, 1 + SPARE]
    assert all(asked["work_queue_names"] == ["night"] for asked in server.asked)
    assert await worker._get_scheduled_flow_runs() == [] and len(server.asked) == 2
    worker.limiter.release_on_behalf_of(runs[0])
    await worker._get_scheduled_flow_runs()
    assert len(server.asked) == 3


@pytest.mark.anyio
async def test_a_pool_that_is_not_there_yet_has_no_runs() -> None:
    """The worker's next heartbeat makes it; another error is an error."""
    assert await a_worker(Server(404), 1)._get_scheduled_flow_runs() == []
    with pytest.raises(httpx.HTTPStatusError):
        await a_worker(Server(500), 1)._get_scheduled_flow_runs()


def test_a_worker_is_found_under_a_name_of_its_own() -> None:
    """Prefect starts it by that name, in pools of processes, and its own worker stays what it is."""
    assert Worker.get_worker_class_from_type(Worker.__dispatch_key__()) is Worker
    assert Worker.get_worker_class_from_type("process") is ProcessWorker
    assert Worker.type == "process"
