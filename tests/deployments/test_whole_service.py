"""`ecg serve` as its operators use it: a real process with everything in it, jobs over HTTP, faults on purpose.

Outages last as long as the service promises to ride out, with the settings that it ships with.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from deployments.service import guard
from ecg_audio.results import manifest
from tests.support.callbacks.receiver import Receiver, receiving
from tests.support.media.servers import serving
from tests.support.ports import free_ports
from tests.support.processes.service import Served, served
from tests.support.s3 import Rclone
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

JOBS = {name: f"550e8400-e29b-41d4-a716-44665544000{number}" for number, name in enumerate(("file", "http", "s3"))}
UNHEARD, CAUGHT, LATE = (f"6ba7b810-9dad-41d1-80b4-00c04fd4{number}0c8" for number in (301, 302, 303))
SECRET = "a secret of the backend and of us"
STORE_AWAY_S, BACKEND_AWAY_S = 30.0, 120.0


class Site(NamedTuple):
    """A service, the bucket it publishes to, and the port where its backend is expected to listen."""

    service: Served
    rclone: Rclone
    bucket: str
    backend: int

    def hand_in(self, job_id: str, source: Path | str, **asked: str) -> None:
        """Hand a job in; a gateway that is busy, as one on a busy machine is, is asked again when it says so."""
        body = {"job_id": job_id, "video_url": str(source), **asked}
        while True:
            taken = httpx.post(f"{self.service.gateway}/api/upload-video/process-video", json=body, timeout=30)
            if taken.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(taken.headers["Retry-After"]))
        assert (taken.status_code, taken.json()["status"]) == (200, "processing"), taken.text

    def read(self, key: str) -> bytes:
        """An object of the bucket."""
        body: Any = self.rclone.client.get_object(Bucket=self.bucket, Key=key)["Body"]
        content: bytes = body.read()
        return content

    def check(self, job_id: str, receiver: Receiver) -> None:
        """The end arrived once and well formed, no figure sank, and what was said is what is published, whole."""
        job = receiver.jobs[job_id]
        assert (job.status, job.error_message) == ("completed", None)
        assert len([body for body in receiver.terminal() if body["job_id"] == job_id]) == 1
        assert job.progress == sorted(job.progress) and job.progress[-1] == 100
        assert set(receiver.answers) == {200}, "every signature was right, every body well formed"
        published = manifest.loads(self.read(f"results/{job_id}/manifest.json"))
        manifest.verify(published, self.read)
        assert json.loads(self.read(published.outputs["backend"].key)) == job.result


@pytest.fixture(scope="module")
def site(rclone: Rclone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service of these tests; told to end, it ends whole, with a line that says so."""
    bucket = rclone.bucket()
    (backend,) = free_ports(1)
    env = {
        **rclone.environment,
        "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ECG_CALLBACK_ENDPOINT": "callback-endpoint/backend",
        "ECG_CALLBACK_SECRET": SECRET,
        "ECG_STORE": "s3-bucket/ecg",
        "FASTAPI_BASE_URL": f"http://127.0.0.1:{backend}",
        "S3_BUCKET_NAME": bucket,
    }
    with served(tmp_path_factory.mktemp("s"), env) as service:  # PostgreSQL's socket wants a short path
        mark = service.mark()
        yield Site(service, rclone, bucket, backend)
        assert len(guard.family(mark)) > 5
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert guard.family(mark) == []
        assert "Traceback" not in service.printed
        assert service.printed.rstrip().endswith("stopped")


def test_a_store_away_for_30_seconds_and_a_backend_for_2_minutes(site: Site, talk: Path, tmp_path: Path) -> None:
    """Jobs that meet the one outage and a job that meets the other are done, published whole, and told of once."""
    rclone, service = site.rclone, site.service
    site.hand_in(UNHEARD, talk)
    handed_in = time.monotonic()
    until(lambda: service.status(UNHEARD)["status"] == "completed", seconds=240.0)

    with receiving(CAUGHT, LATE) as receiver:  # another origin than the secret's: nothing is signed for it
        recordings = rclone.folder / site.bucket / "recordings"
        before = len(list(recordings.rglob("*.flac")))
        site.hand_in(CAUGHT, _other(talk, tmp_path, b"free"), fastapi_base_url=receiver.base_url)
        until(lambda: len(list(recordings.rglob("*.flac"))) > before)
        rclone.stop()
        try:
            site.hand_in(LATE, talk, fastapi_base_url=receiver.base_url)
            time.sleep(STORE_AWAY_S)
            assert not receiver.terminal()
        finally:
            rclone.start()
        until(lambda: len(receiver.terminal()) == 2, seconds=180.0)
        for job_id in (CAUGHT, LATE):
            site.check(job_id, receiver)

    time.sleep(max(0.0, handed_in + BACKEND_AWAY_S - time.monotonic()))
    with receiving(UNHEARD, secret=SECRET, port=site.backend) as receiver:
        until(lambda: receiver.terminal(), seconds=180.0)
        time.sleep(2.0)
        site.check(UNHEARD, receiver)
        receipt = json.loads(site.read(f"deliveries/{UNHEARD}.json"))
    assert receipt["state"] == "delivered" and len(receipt["attempts"]) > 2
    assert receipt["message_id"] == receiver.jobs[UNHEARD].ended_by


def _other(talk: Path, folder: Path, box: bytes) -> Path:
    """The same sound in a file with other bytes, those of an empty box: nothing about it is known yet."""
    path = folder / "other.mp4"
    path.write_bytes(talk.read_bytes() + b"\0\0\0\x08" + box)
    return path


def test_videos_from_everywhere(site: Site, talk: Path, tmp_path: Path) -> None:
    """From a path, over HTTP and from S3 they are done, with their progress told, though the models are killed."""
    path = _other(talk, tmp_path, b"skip")
    site.rclone.client.upload_file(str(path), site.bucket, "videos/강의 1.mp4")
    content = path.read_bytes()

    def answer(request: BaseHTTPRequestHandler, _number: int) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    service = site.service
    with serving(answer) as video, receiving(*JOBS.values(), secret=SECRET, port=site.backend) as receiver:
        site.hand_in(JOBS["file"], path)
        site.hand_in(JOBS["http"], video.url("/talk.mp4"))
        site.hand_in(JOBS["s3"], f"s3://{site.bucket}/videos/강의 1.mp4")
        until(lambda: service.models()["queue"] > 0, seconds=180.0)
        os.kill(service.pids("models")[0], signal.SIGKILL)
        until(lambda: len(receiver.terminal()) == len(JOBS), seconds=300.0)
        assert len(service.pids("models")) == 2, "the model server was begun again"
        for job_id in JOBS.values():
            site.check(job_id, receiver)
            assert len(set(receiver.jobs[job_id].progress)) > 1
            until(lambda job_id=job_id: service.status(job_id)["status"] == "completed")  # type: ignore[misc]
            assert service.status(job_id)["result"] == receiver.jobs[job_id].result
