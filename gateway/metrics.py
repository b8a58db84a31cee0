"""What operators see of the gateway: a line of the log and a count for each request, and how many jobs wait."""

import asyncio
import logging
import time
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecg_audio.delivery import cloudwatch
from ecg_audio.errors import EcgError
from gateway.admission import Prefect
from gateway.orchestrator import Orchestrator

QUEUE_TOLD_EVERY_S = 60.0
PROBES = {"/health", "/health/live", "/metrics"}
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)

logger = logging.getLogger(__name__)
metrics = APIRouter(tags=["health"])


class Meters:
    """The meters of one gateway. Jobs are told apart by state alone: their ids would be endless."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("ecg_gateway_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "ecg_gateway_request_seconds",
            "Until the answer was sent.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.prefect_up = Gauge("ecg_prefect_up", "Whether Prefect answers.", registry=self.registry)
        self.waiting = Gauge("ecg_gateway_waiting", "Requests that wait for Prefect.", registry=self.registry)
        self.awaited = Gauge("ecg_gateway_awaited", "Callers who wait for a job's end.", registry=self.registry)
        self.jobs = Gauge("ecg_jobs", "Jobs as Prefect counts them.", ("state",), registry=self.registry)

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """One request is answered."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(took_s)

    async def look(self, prefect: Orchestrator) -> None:
        """Count the jobs anew; while Prefect does not answer there is no figure of them."""
        self.waiting.set(prefect.limit.waiting)
        self.awaited.set(prefect.awaited)
        self.jobs.clear()
        try:
            counts = await prefect.counts()
        except EcgError:
            self.prefect_up.set(0)
            return
        self.prefect_up.set(1)
        for state, number in counts.items():
            self.jobs.labels(state).set(number)


@metrics.get(
    "/metrics",
    summary="Requests and jobs, for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": 'ecg_jobs{state="queued"} 3'}}}
    },
)
async def exposed(request: Request, prefect: Prefect) -> Response:
    """Counts of requests by route and status, their durations, and jobs by state."""
    meters: Meters = request.app.state.meters
    await meters.look(prefect)
    return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)


class Observed:
    """Counts every request, and logs it in one line: without its query, which may hold secrets."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        scope.setdefault("state", {})
        try:
            await self._app(scope, receive, noted)
        finally:
            self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, took_s: float) -> None:
        # a path that is no route of ours, or a method that is none, must not become a label of its own
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if route != "none" else "any"
        self._meters.count(method, route, status, took_s)
        said: dict[str, Any] = {
            "method": scope["method"],
            "path": quote(scope["path"]),
            "status": status,
            "duration_ms": round(1000 * took_s, 1),
        }
        job_id = scope["state"].get("job_id") or scope.get("path_params", {}).get("job_id")
        if job_id:
            said["job_id"] = job_id
        level = logging.DEBUG if route in PROBES and status < 400 else logging.INFO
        logger.log(level, "%(method)s %(path)s %(status)d in %(duration_ms)s ms", said, extra=said)


async def tell_queue(prefect: Orchestrator) -> None:
    """Tell CloudWatch how many jobs wait, every minute, for as long as the gateway runs.

    Each of several gateways tells the same figure: alarms and scaling take the maximum.
    """
    while cloudwatch.mode():
        try:
            counts = await prefect.counts()
        except EcgError as error:
            logger.warning("the queue's length is not told: %s", error.message)
        else:
            await asyncio.to_thread(cloudwatch.say, cloudwatch.of_queue(counts["queued"]))
        await asyncio.sleep(QUEUE_TOLD_EVERY_S)
