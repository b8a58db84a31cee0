"""Whose fault an error is, and what becomes of a run that meets one of the machine's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.flow_engine import run_flow

from ecg_audio.errors import (
    DownloadFailed,
    ExtractionFailed,
    InsufficientResources,
    PublishFailed,
    StoreRefused,
    TranscriptionFailed,
    WorkerKilled,
)
from ecg_audio.speech import engine
from flows.analyze import analyze
from flows.faults import machines
from tests.support.callbacks.receiver import Receiver, receiving


def answer(status: int) -> httpx.HTTPStatusError:
    """What Prefect's client raises of an answer."""
    request = httpx.Request("GET", "http://127.0.0.1")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout(""), httpx.ConnectError(""), answer(500), answer(429),
        ConcurrencySlotAcquisitionError("no answer"),
        WorkerKilled("the decoder"), InsufficientResources("memory"), PublishFailed("the bucket is away"),
    ],
)  # fmt: skip
def test_what_is_the_machines_fault(error: Exception) -> None:
    """Prefect that is silent, a process that was killed, a store that is away."""
    assert machines(error)


@pytest.mark.parametrize(
    "error",
    [
        answer(404), KeyError("x"), TranscriptionFailed("the decoder broke"), StoreRefused("no such bucket"),
        DownloadFailed("the far side"), ExtractionFailed("the decoder died of it"),
    ],
)  # fmt: skip
def test_what_is_not(error: Exception) -> None:
    """What the same request will meet again, and what is wrong at somebody else's."""
    assert not machines(error)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A backend that knows job-1."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    with receiving("job-1") as running:
        yield running


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("deployed", [True, False])
def test_a_run_that_meets_a_machines_fault(
    deployed: bool, talk: Path, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a deployment, it ends as lost and tells nobody; where nobody begins it again, it fails and says so."""

    def broken(_models: str) -> Any:
        raise WorkerKilled("the models were ended by signal SIGKILL")

    monkeypatch.setattr(engine, "shared", broken)
    asked = {
        "source": str(talk),
        "job_id": "job-1",
        "store": str(tmp_path),
        "callback": {"base_url": receiver.base_url},
    }
    with get_client(sync_client=True) as client:
        if deployed:
            deployment = client.create_deployment(client.create_flow(analyze), f"faults-{deployed}")
            made = client.create_flow_run_from_deployment(deployment, parameters={"request": asked})
        else:
            made = client.create_flow_run(analyze, parameters={"request": asked})
        run_flow(analyze, flow_run=made, parameters=made.parameters, return_type="state")
        state = client.read_flow_run(UUID(str(made.id))).state
    assert state and "WorkerKilled: the models were ended" in (state.message or "")
    assert state.is_crashed() == deployed and state.is_failed() != deployed
    assert len(receiver.terminal()) == (0 if deployed else 1)
