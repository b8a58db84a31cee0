"""`ecg serve` as its operators use it: a real process with everything in it, jobs over HTTP, faults on purpose."""

import json
import os
import signal
import socket
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from deployments.service import guard
from tests.commands import Ecg
from tests.contracts.receiver import receiving
from tests.deployments.service import Served, served
from tests.deployments.test_supervisor import until
from tests.media.servers import serving
from tests.s3 import Moto

JOBS = {name: f"550e8400-e29b-41d4-a716-44665544000{number}" for number, name in enumerate(("file", "http", "s3"))}
SECRET = "a secret of the backend and of us"


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_whole_service(talk: Path, moto: Moto, tmp_path: Path) -> None:
    """Videos from a path, over HTTP and from S3 are done though the model server is killed; then all of it ends."""
    bucket = moto.bucket()
    moto.client.upload_file(str(talk), bucket, "videos/강의 1.mp4")
    content = talk.read_bytes()

    def answer(request: BaseHTTPRequestHandler, _number: int) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    with serving(answer) as site, receiving(*JOBS.values(), secret=SECRET) as receiver:
        env = {
            **moto.environment,
            "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ECG_CALLBACK_ENDPOINT": "callback-endpoint/backend",
            "ECG_CALLBACK_SECRET": SECRET,
            "ECG_STORE": "s3-bucket/ecg",
            "FASTAPI_BASE_URL": receiver.base_url,
            "S3_BUCKET_NAME": bucket,
        }
        with served(tmp_path, env) as service:
            sources = {"file": str(talk), "http": site.url("/talk.mp4"), "s3": f"s3://{bucket}/videos/강의 1.mp4"}
            for name, source in sources.items():
                asked = {"job_id": JOBS[name], "video_url": source}
                taken = handed_in(service, asked)
                assert (taken.status_code, taken.json()["status"]) == (200, "processing"), taken.text

            until(lambda: service.models()["queue"] > 0, seconds=90.0)
            os.kill(service.pids("models")[0], signal.SIGKILL)
            until(lambda: len(receiver.terminal()) == len(JOBS), seconds=180.0)
            assert len(service.pids("models")) == 2, "the model server was begun again"

            assert set(receiver.answers) == {200}, "every signature was right, every body well formed"
            for name, job_id in JOBS.items():
                job = receiver.jobs[job_id]
                assert (job.status, job.error_message) == ("completed", None), name
                assert job.progress == sorted(job.progress)
                assert len(set(job.progress)) > 1 and job.progress[-1] == 100
                until(lambda job_id=job_id: service.status(job_id)["status"] == "completed")  # type: ignore[misc]
                assert service.status(job_id)["result"] == job.result
                run = json.loads(_read(moto, bucket, f"results/{job_id}/manifest.json"))
                assert json.loads(_read(moto, bucket, run["outputs"]["backend"]["key"])) == job.result

            mark = service.mark()
            assert len(guard.family(mark)) > 5
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(60) == 0
            assert guard.family(mark) == []
            assert "Traceback" not in service.printed
            assert service.printed.rstrip().endswith("stopped")


def handed_in(service: Served, asked: dict[str, str]) -> httpx.Response:
    """The answer to a job; a gateway that is busy, as one on a busy machine is, is asked again when it says so."""
    while True:
        answer = httpx.post(f"{service.gateway}/api/upload-video/process-video", json=asked, timeout=30)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
        time.sleep(float(answer.headers["Retry-After"]))


def _read(moto: Moto, bucket: str, key: str) -> bytes:
    content: bytes = moto.client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


@pytest.mark.usefixtures("tiny")
def test_a_busy_port_is_named_before_anything_starts(ecg: Ecg, tmp_path: Path) -> None:
    """Who listens there already is left alone, and the option that helps is named."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = ecg("serve", "--port", str(port), "--data", str(tmp_path / "data"))
    assert ended.code == 2
    assert f"127.0.0.1:{port} cannot be listened on" in ended.err
    assert "--port" in ended.err
    assert not (tmp_path / "data" / "logs").exists()


def test_a_configured_server_that_is_away_is_named(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PREFECT_API_URL set, no server of its own is started in its place."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = ecg("serve")
    assert (ended.code, "no Prefect server answers at http://127.0.0.1:9/api" in ended.err) == (2, True)


@pytest.mark.usefixtures("tiny")
def test_one_data_folder_serves_once(ecg: Ecg, tmp_path: Path) -> None:
    """A second `ecg serve` on the same data says who has it."""
    from deployments.service.serve import _alone

    with _alone(tmp_path / "data"):
        ended = ecg("serve", "--data", str(tmp_path / "data"))
    assert (ended.code, f"pid {os.getpid()}" in ended.err) == (2, True)
