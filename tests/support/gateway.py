"""What tests of the gateway ask, and what they read in its answers."""

import uuid
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from typing_extensions import override

from flows.analyze import analyze
from gateway.settings import Settings
from tests.support.waiting import until

PROCESS = "/api/upload-video/process-video"
STATUS = "/api/upload-video/status/"
ANYWHERE = {"ECG_GATEWAY_HOST": "0.0.0.0"}
"""Settings of a gateway that answers to any name of its host."""


class OneName(Settings):
    """Settings of a gateway all of whose deployments have one name, which is a test's own."""

    @override
    def deployment_of(self, flow: str) -> str:
        return f"{flow}/{self.gateway.deployment.partition('/')[2]}"


def asked(**fields: Any) -> dict[str, Any]:
    """The body that the backend sends."""
    return {"job_id": str(uuid.uuid4()), "video_url": "https://93.184.216.34/a.mp4", **fields}


def run_of(prefect_server: str, job_id: str) -> list[dict[str, Any]]:
    """The runs that Prefect has of a job."""
    wanted = {"flow_runs": {"idempotency_key": {"any_": [job_id]}}}
    found: list[dict[str, Any]] = httpx.post(f"{prefect_server}/flow_runs/filter", json=wanted).json()
    return found


def work(prefect_server: str, job_id: str) -> None:
    """Do a job's run here, as a worker would."""
    [run] = run_of(prefect_server, job_id)
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(run["id"])
    run_flow(
        analyze, flow_run=flow_run, parameters=analyze.validate_parameters(flow_run.parameters), return_type="state"
    )


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a failure in the one shape."""
    said = answer.json()
    assert isinstance(said["message"], str) and said["message"] and "detail" not in said
    return answer.status_code, said["error"]["code"]


def put(prefect_server: str, job_id: str, kind: str, message: str = "") -> None:
    """Put a job's run into a state."""
    [run] = run_of(prefect_server, job_id)
    state = {"state": {"type": kind, "message": message}, "force": True}
    # a busy server is asked again
    until(lambda: httpx.post(f"{prefect_server}/flow_runs/{run['id']}/set_state", json=state).is_success)
