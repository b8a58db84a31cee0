"""A gateway on a real socket, before a real Prefect server that has the deployment and no worker."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from gateway.app import create_app
from gateway.connections import TimedProtocol
from gateway.settings import Settings
from tests.support.ports import free_ports

Open = Callable[..., httpx.Client]


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run a gateway until the block ends; yields its address."""
    [port] = free_ports(1)
    config = uvicorn.Config(
        create_app(settings), "127.0.0.1", port, http=TimedProtocol, log_level="error", lifespan="on"
    )
    server = uvicorn.Server(config)
    # Prefect's address is set for the tests' context alone
    thread = threading.Thread(target=copy_context().run, args=(server.run,))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def deployment(prefect_server: str) -> str:
    """The deployment of `analyze` on the tests' server; its runs wait until a test does them."""
    from prefect.client.orchestration import get_client
    from prefect.utilities.callables import parameter_schema

    from flows.analyze import analyze

    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(analyze)
        client.create_deployment(
            flow_id,
            "gateway-tests",
            parameter_openapi_schema=parameter_schema(analyze).model_dump_for_openapi(),
            enforce_parameter_schema=True,
        )
    return "analyze/gateway-tests"


@pytest.fixture
def gateway(prefect_server: str, deployment: str, tmp_path: Path) -> Iterator[Open]:
    """Open a client of a gateway, with settings of its own if the test gives some."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(**settings: Any) -> httpx.Client:
            given = {"prefect_url": prefect_server, "deployment": deployment, "store": str(tmp_path / "store")}
            address = stack.enter_context(serving(Settings(**(given | settings))))
            return stack.enter_context(httpx.Client(base_url=address, timeout=30.0))

        yield run
