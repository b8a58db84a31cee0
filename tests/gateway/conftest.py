"""A gateway on a real socket, before a real Prefect server that has the deployment and no worker."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

import httpx
import pytest
import uvicorn

from gateway.app import create_app
from gateway.connections import TimedProtocol
from gateway.settings import Settings
from tests.support.gateway import ANYWHERE, PROCESS, OneName
from tests.support.ports import free_ports
from tests.support.prefect_worker import deployed, do_all, drop_all
from tests.support.stub_engine import StubEngine

Open = Callable[..., httpx.Client]
JOBS = "/api/upload-video/jobs"
NAME = f"job-{uuid.uuid4().hex[:8]}"
"""Of the deployments that `do_all` does the runs of."""


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
    """Open a client of a gateway, with variables of its own if the test gives some."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(**variables: str) -> httpx.Client:
            given = {
                "PREFECT_API_URL": prefect_server,
                "ECG_DEPLOYMENT": deployment,
                "ECG_STORE": str(tmp_path / "store"),
            }
            address = stack.enter_context(serving(OneName.read(ANYWHERE | given | variables)))
            return stack.enter_context(httpx.Client(base_url=address, timeout=30.0))

        yield run


@pytest.fixture(scope="session")
def deployments(prefect_server: str) -> dict[str, str]:
    """What a gateway must be told of them; made once, since Prefect's server takes a while over their schemas."""
    return deployed(NAME)


@pytest.fixture
def name(deployments: dict[str, str], prefect_server: str) -> Iterator[str]:
    """Of deployments in which nothing waits but what this test hands in."""
    yield NAME
    drop_all(prefect_server, NAME)


@pytest.fixture
def client(gateway: Open, name: str, deployments: dict[str, str], stub: StubEngine) -> Iterator[httpx.Client]:
    """A gateway whose jobs are done by `do_all`."""
    yield gateway(**deployments)


def uploaded(client: httpx.Client, path: Path, filename: str | None = None) -> str:
    """Put a recording into the gateway's store, as the page does; what process-video takes."""
    offer = client.post("/uploads", json={"filename": filename or path.name, "size": path.stat().st_size}).json()
    assert client.put(offer["upload_url"], content=path.read_bytes()).status_code == 200
    video: str = offer["video_url"]
    return video


@pytest.fixture
def job(client: httpx.Client, prefect_server: str, name: str, talk: Path) -> str:
    """A job that is done, of an uploaded video: "hello there" by one, "good bye" by another."""
    job_id = f"talk-{uuid.uuid4().hex[:8]}"
    asked = {"job_id": job_id, "video_url": uploaded(client, talk), "language": "en"}
    assert client.post(PROCESS, json=asked).status_code == 200
    assert do_all(prefect_server, name) == 1
    return job_id
