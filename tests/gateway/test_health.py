"""What load balancers, Prometheus and log collectors get to hear of a gateway."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prometheus_client.parser import text_string_to_metric_families

from flows.analyze import analyze
from gateway.settings import open_door
from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, asked
from tests.support.ports import free_ports
from tests.support.waiting import until


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_load_nothing_from_anywhere(gateway: Open, path: str) -> None:
    """Every endpoint and field is on the page, and nothing is fetched from elsewhere; there is one such page."""
    answer = gateway().get(path)
    if path == "/redoc":
        assert answer.status_code == 404
        return
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    fetched = re.findall(r"""(?:src|href|action|url|import)\s*[=(]?\s*["']?\s*(?:\w+:)?//""", answer.text)
    assert not fetched and "<script" not in answer.text
    for known in ("POST /api/upload-video/process-video", "fastapi_base_url", "GET /health/live", "openapi.json"):
        assert known in answer.text
    assert gateway().get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("host", "key", "said"),
    [("0.0.0.0", None, True), ("::", None, True), ("192.168.1.5", "", True), ("gateway.internal", None, True),
     ("127.0.0.1", None, False), ("::1", None, False), ("localhost", None, False), ("0.0.0.0", "sesame", False)],
)  # fmt: skip
def test_an_open_door_is_said(host: str, key: str | None, said: bool) -> None:
    """Whoever listens beyond the machine and asks for no key is warned, on the page of `ecg serve` too."""
    given = {} if key is None else {"ECG_GATEWAY_API_KEY": key}
    assert (open_door(host, given) is not None) == said


@pytest.fixture(scope="module")
def pooled(prefect_server: str) -> str:
    """A deployment in a work pool that no worker has visited."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="pool-of-gateway", type="process"))
        flow_id = client.create_flow(analyze)
        client.create_deployment(flow_id, "pooled", work_pool_name="pool-of-gateway")
    return "analyze/pooled"


def measured(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """All samples of /metrics: name and label values, and the value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_pool_without_workers_takes_jobs_and_keeps_them(
    gateway: Open, pooled: str, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Degraded, and 200: load balancers go on sending. With a worker it is healthy; its last sign of life is told."""
    monkeypatch.setattr("gateway.orchestrator.COUNTS_LAST_S", 0.0)
    client = gateway(ECG_DEPLOYMENT=pooled)
    idle = client.get("/health")
    assert idle.status_code == 200 and idle.json()["status"] == "degraded"
    assert idle.json()["checks"]["pool"] == "pool-of-gateway is NOT_READY"
    assert idle.json()["pool"]["workers_online"] == 0 and idle.json()["pool"]["last_heartbeat"] is None
    assert idle.json()["queued"] == 0
    assert client.post(PROCESS, json=asked()).status_code == 200
    beat = {"name": "worker-1", "heartbeat_interval_seconds": 30}
    httpx.post(f"{prefect_server}/work_pools/pool-of-gateway/workers/heartbeat", json=beat).raise_for_status()
    ready = client.get("/health").json()
    assert (ready["status"], ready["checks"]["pool"], ready["queued"]) == ("healthy", "ok", 1)
    assert ready["pool"]["workers_online"] == 1 and ready["pool"]["last_heartbeat"]


def test_being_alive_needs_nobody(gateway: Open) -> None:
    """Whoever restarts gateways asks this one: without Prefect and the store it still answers."""
    client = gateway(PREFECT_API_URL="http://127.0.0.1:9/api", ECG_STORE="/dev/null/store")
    assert client.get("/health/live").json() == {"status": "alive"}
    sick = client.get("/health")
    assert sick.status_code == 503 and sick.json()["status"] == "unhealthy" and sick.json()["pool"] is None
    assert sick.json()["checks"]["prefect"] == "Prefect does not answer"


def test_a_store_is_probed_seldom(gateway: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many load balancers ask often; each check of the store writes to it."""
    probes: list[str | None] = []
    monkeypatch.setattr("gateway.results.check", probes.append)
    client = gateway()
    assert {client.get("/health").status_code for _ in range(5)} == {200}
    assert probes == [str(tmp_path / "store")]


@pytest.mark.parametrize("page", ["docs", "openapi.json"])
def test_what_answers_in_prefects_place_is_named(gateway: Open, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that leads to something else: 503, never a fault of ours."""
    monkeypatch.setattr("ecg_audio.settings.web_address", str)  # which would refuse the query
    client = gateway(PREFECT_API_URL=f"{gateway().base_url}/{page}?")
    answer = client.post(PROCESS, json=asked())
    assert answer.status_code == 503 and "not Prefect" in answer.json()["message"]


def test_requests_and_jobs_are_counted(gateway: Open, pooled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By route, method and status; jobs by state; no path or id of a caller becomes a label."""
    monkeypatch.setattr("gateway.orchestrator.COUNTS_LAST_S", 0.0)
    client = gateway(ECG_DEPLOYMENT=pooled)
    before = measured(client)
    body = asked()
    client.post(PROCESS, json=body)
    client.get(STATUS + body["job_id"])
    client.get("/nowhere/at/all")
    client.post(PROCESS, content=b"{")
    now = measured(client)
    assert now["ecg_gateway_requests_total", "POST", PROCESS, "200"] == 1
    assert now["ecg_gateway_requests_total", "POST", PROCESS, "422"] == 1
    assert now["ecg_gateway_requests_total", "GET", STATUS + "{job_id}", "200"] == 1
    assert now["ecg_gateway_requests_total", "any", "none", "404"] == 1
    assert now["ecg_gateway_request_seconds_count", "POST", PROCESS] == 2
    assert now["ecg_jobs", "queued"] == before["ecg_jobs", "queued"] + 1 and now["ecg_prefect_up",] == 1
    assert now["ecg_gateway_waiting",] == now["ecg_gateway_awaited",] == 0
    assert not any(body["job_id"] in part or "nowhere" in part for key in now for part in key)


def test_without_prefect_there_is_no_figure_of_jobs(gateway: Open) -> None:
    """Absent, and not zero."""
    found = measured(gateway(PREFECT_API_URL="http://127.0.0.1:9/api"))
    assert found["ecg_prefect_up",] == 0 and not any(key[0] == "ecg_jobs" for key in found)


def test_a_request_is_one_line_of_the_log(gateway: Open, caplog: pytest.LogCaptureFixture) -> None:
    """With the job and without the query; probes are not logged."""
    caplog.set_level(logging.INFO, "gateway")
    client, body = gateway(), asked()
    client.post(f"{PROCESS}?token=hunter2", json=body)
    client.get(f"{STATUS}{body['job_id']}")
    client.get("/a%0Ab")
    client.get("/health/live")
    lines: list[Any] = [record for record in caplog.records if record.name == "gateway.metrics"]
    assert [(line.method, line.status) for line in lines] == [("POST", 200), ("GET", 200), ("GET", 404)]
    assert lines[0].job_id == lines[1].job_id == body["job_id"] and lines[0].duration_ms > 0
    assert not any("hunter2" in line.getMessage() or "\n" in line.getMessage() for line in lines)


@pytest.mark.slow
def test_a_process_says_all_of_it_in_json(prefect_server: str, pooled: str, tmp_path: Path) -> None:
    """Start, requests, the queue's length for CloudWatch, and the end; SIGTERM ends it cleanly."""
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "ECG_DEPLOYMENT": pooled,
        "ECG_STORE": str(tmp_path),
        "ECG_GATEWAY_PORT": str(port),
        "ECG_LOG_FORMAT": "json",
        "ECG_CLOUDWATCH": "emf",
    }
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=environment, stdout=file, stderr=file, cwd=Path(__file__).parents[2]
        )
        try:
            until(lambda: b"QueueLength" in log.read_bytes(), 30.0)
            answer = httpx.post(f"http://127.0.0.1:{port}{PROCESS}", json=asked(job_id="job-9"))
            assert answer.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) in {0, -signal.SIGTERM}
        finally:
            process.kill()
            process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [queue] = [line for line in lines if "_aws" in line]
    assert queue["QueueLength"] >= 0
    [request] = [line for line in lines if line.get("path") == PROCESS]
    assert (request["job_id"], request["status"], request["level"]) == ("job-9", 200, "INFO")
