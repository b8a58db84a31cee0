"""Our worker beside Prefect's."""

from datetime import UTC, datetime

import anyio
import pytest
from prefect.workers.process import ProcessWorker

from deployments.service.worker import Worker


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [1, 2, None])
async def test_a_worker_asks_for_runs_while_it_may_begin_one(
    limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many runs under way as it may have it asks nothing, and is well; a run that ends lets it ask again."""
    asked: list[Worker] = []

    async def ask(worker: Worker) -> list[object]:
        asked.append(worker)
        return []

    monkeypatch.setattr(ProcessWorker, "get_and_submit_flow_runs", ask)
    worker = Worker(work_pool_name="pool", limit=limit)
    worker._limiter = anyio.CapacityLimiter(limit) if limit else None
    worker._last_polled_time = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(limit or 3):
        await worker.get_and_submit_flow_runs()
        if worker._limiter:
            worker._limiter.acquire_on_behalf_of_nowait(number)
    assert len(asked) == (limit or 3)
    assert await worker.get_and_submit_flow_runs() == []
    if worker._limiter:
        assert len(asked) == limit
        assert worker.is_worker_still_polling(query_interval_seconds=1)
        worker._limiter.release_on_behalf_of(0)
        await worker.get_and_submit_flow_runs()
        assert len(asked) == limit + 1


def test_a_worker_is_found_under_a_name_of_its_own() -> None:
    """Prefect starts it by that name, in pools of processes, and its own worker stays what it is."""
    assert Worker.get_worker_class_from_type(Worker.__dispatch_key__()) is Worker
    assert Worker.get_worker_class_from_type("process") is ProcessWorker
    assert Worker.type == "process"
