"""The gateway as an ASGI application: the HTTP contract of today's backend before a Prefect deployment.

Stateless: all it knows is in Prefect and in the artifact store, so several may run side by side. It imports no flow
and no model.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ecg_audio.delivery import cloudwatch
from gateway import answers
from gateway.admission import OwnName, OwnPages
from gateway.front import front
from gateway.health import health, store_check
from gateway.job import job
from gateway.jobs import jobs
from gateway.links import files
from gateway.metrics import Meters, Observed, metrics, tell_queue
from gateway.orchestrator import Orchestrator
from gateway.reference import reference
from gateway.revisions import revisions
from gateway.settings import Settings
from gateway.uploads import uploads
from gateway.voices import voices


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application.

    Args:
        settings: None reads the environment.

    Raises:
        InvalidRequest: a setting cannot be used.
    """
    settings = settings or Settings.read()
    cloudwatch.mode()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.orchestrator = Orchestrator(settings)
        app.state.store_check = store_check(settings.store)
        telling = asyncio.create_task(tell_queue(app.state.orchestrator))
        yield
        telling.cancel()
        await asyncio.wait([telling])
        app.state.store_check.close()
        await app.state.orchestrator.close()

    # FastAPI's own pages load their programs from elsewhere
    app = FastAPI(title="Expressive Caption Generator", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.meters = Meters()
    for router in (jobs, job, revisions, files, voices, uploads, health, metrics, reference, front):
        app.include_router(router)
    app.add_middleware(answers.BodyLimit)
    if settings.local and not settings.api_key:
        app.add_middleware(OwnName, refuse=answers.NOT_OURS)
    app.add_middleware(OwnPages, refuse=answers.NOT_YOUR_PAGE)
    app.add_middleware(Observed, meters=app.state.meters)
    answers.register(app)
    for _ in iter_route_contexts(app.routes):
        pass  # they are put together: else the first request does so, and keeps its caller waiting
    return app
