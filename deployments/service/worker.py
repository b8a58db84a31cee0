"""A worker of runs in processes: `python -m deployments.service.worker OPTIONS`, those of `prefect worker start`.

Prefect's own asks for runs also while it may begin none. Each question costs Prefect's server 30 ms of processor time,
more the longer the queue is, and there are two a second so that a run begins soon.
"""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect.cli import app
from prefect.workers.process import ProcessWorker
from typing_extensions import override

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


class Worker(ProcessWorker):
    """Asks for runs while fewer than its limit are under way."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "process-within-limit"

    @override
    async def get_and_submit_flow_runs(self) -> "list[FlowRun]":
        if self._limiter and self._limiter.available_tokens < 1:
            self._last_polled_time = datetime.now(UTC)  # it is well, says its health check
            return []
        return await super().get_and_submit_flow_runs()


if __name__ == "__main__":
    sys.argv[1:1] = ["worker", "start", "--type", Worker.__dispatch_key__()]
    app()
