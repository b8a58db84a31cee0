"""A worker of runs in processes: `python -m deployments.service.worker OPTIONS`, those of `prefect worker start`.

Prefect's own asks for all runs that wait, twice a second so that one begins soon, also while it may begin none. Each
question costs Prefect's server 30 ms of processor time, and as much again for each hundred runs that it names.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prefect.cli import app
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.workers.process import ProcessWorker
from typing_extensions import override

SPARE = 10
"""More than may begin: other workers are told of the same runs, and a run is the first one's that takes it."""


class Worker(ProcessWorker):
    """Asks for runs while fewer than its limit are under way, and for few."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "process-within-limit"

    @override
    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        if self._limiter is None:
            return await super()._get_scheduled_flow_runs()
        free = int(self._limiter.available_tokens)
        if free < 1:
            return []
        before = datetime.now(UTC) + timedelta(seconds=self._prefetch_seconds)
        asked: dict[str, Any] = {"scheduled_before": before.isoformat(), "limit": free + SPARE}
        if self._work_queues:
            asked["work_queue_names"] = list(self._work_queues)
        pool = {"name": self._work_pool_name}
        try:
            found = await self.client.request(
                "POST", "/work_pools/{name}/get_scheduled_flow_runs", path_params=pool, json=asked
            )
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:  # the next heartbeat makes the pool
                return []
            raise
        return WorkerFlowRunResponse.model_validate_list(found.json())


if __name__ == "__main__":
    sys.argv[1:1] = ["worker", "start", "--type", Worker.__dispatch_key__()]
    app()
