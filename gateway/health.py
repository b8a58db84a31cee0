"""Whether the gateway lives, and whether jobs are taken and done."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from ecg_audio.errors import EcgError
from gateway import results
from gateway.admission import Prefect
from gateway.concurrency import SingleFlight
from gateway.wire import Alive, Health, PoolHealth

STORE_ANSWERS_S = 3.0
STORE_ASKED_EVERY_S = 10.0

health = APIRouter(tags=["health"])


def store_check(store: str | None) -> SingleFlight[str | None]:
    """`ok`, or what is wrong with a store; None: there is none. A check writes, and many probes come."""

    async def ask() -> str | None:
        if not store:
            return None
        try:
            async with asyncio.timeout(STORE_ANSWERS_S):
                await asyncio.to_thread(results.check, store)
        except EcgError as error:
            return error.message
        except TimeoutError:
            return f"the store does not answer within {STORE_ANSWERS_S:.0f} s"
        return "ok"

    return SingleFlight(ask, STORE_ASKED_EVERY_S)


@health.get("/health/live", summary="Whether this process answers")
async def alive() -> Alive:
    """For whoever restarts gateways: nothing that Prefect or the store do makes a restart useful."""
    return Alive()


@health.get(
    "/health",
    summary="Whether jobs are taken, and done",
    responses={503: {"model": Health, "description": "No jobs are taken now."}},
)
async def healthy(request: Request, prefect: Prefect, response: Response) -> Health:
    """The state of Prefect, of the work pool and of the store, for load balancers and people.

    503 only when jobs are not taken. A pool without workers keeps what is handed in: degraded, and 200.
    """
    store = await request.app.state.store_check.get()
    checks: dict[str, str | None] = {"prefect": "ok", "pool": None, "store": store}
    pool, queued = None, None
    try:
        pool, counts = await asyncio.gather(prefect.pool(), prefect.counts())
        queued = counts["queued"]
    except EcgError as error:
        checks["prefect"] = error.message
    if pool:
        checks["pool"] = "ok" if pool.status == "READY" else f"{pool.name} is {pool.status}"
    taken = checks["prefect"] == "ok" and store in {None, "ok"}
    response.status_code = 200 if taken else 503
    return Health(
        status="unhealthy" if not taken else "healthy" if checks["pool"] in {None, "ok"} else "degraded",
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        checks=checks,
        pool=PoolHealth.model_validate(pool, from_attributes=True) if pool else None,
        queued=queued,
    )
