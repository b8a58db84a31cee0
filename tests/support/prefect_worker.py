"""A worker without processes: does the runs of deployments here, one after the other, as they are handed in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow

from flows.analyze import analyze
from flows.burn import burn
from flows.remember_voice import remember_voice
from flows.revise import revise

FLOWS: dict[str, Any] = {"analyze": analyze, "revise": revise, "burn": burn, "remember-voice": remember_voice}


def deployed(name: str) -> dict[str, str]:
    """Make the deployments of a gateway's settings under a name; what the gateway must be told of them."""
    from prefect.utilities.callables import parameter_schema

    with get_client(sync_client=True) as client:
        for flow in FLOWS.values():
            client.create_deployment(
                client.create_flow(flow),
                name,
                parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
                enforce_parameter_schema=True,
            )
    return {"ECG_DEPLOYMENT": f"analyze/{name}"}


def _waiting(prefect_server: str, name: str) -> list[dict[str, Any]]:
    wanted = {"deployments": {"name": {"any_": [name]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    asked = {**wanted, "sort": "EXPECTED_START_TIME_ASC"}
    found: list[dict[str, Any]] = httpx.post(f"{prefect_server}/flow_runs/filter", json=asked, timeout=30).json()
    return found


def drop_all(prefect_server: str, name: str) -> None:
    """Remove what waits in the deployments of a name, undone."""
    for run in _waiting(prefect_server, name):
        httpx.delete(f"{prefect_server}/flow_runs/{run['id']}", timeout=30).raise_for_status()


def do_all(prefect_server: str, name: str) -> int:
    """Do what waits in the deployments of a name; how many runs that were."""
    found = _waiting(prefect_server, name)
    with get_client(sync_client=True) as client:
        for run in found:
            flow_run = client.read_flow_run(run["id"])
            flow = FLOWS[client.read_flow(flow_run.flow_id).name]
            parameters = flow.validate_parameters(flow_run.parameters)
            run_flow(flow, flow_run=flow_run, parameters=parameters, return_type="state")
    return len(found)


@contextmanager
def working(prefect_server: str, name: str) -> Iterator[None]:
    """Do whatever is handed in until the block ends."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.1):
            do_all(prefect_server, name)

    thread = threading.Thread(target=copy_context().run, args=(work,), name="worker")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
