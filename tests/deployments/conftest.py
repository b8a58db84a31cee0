"""The one `ecg serve` that these tests share: it takes half a minute of two cores to start."""

import json
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from deployments.service import guard
from ecg_audio.results import manifest
from tests.support.callbacks.receiver import Receiver
from tests.support.ports import free_ports
from tests.support.processes.service import Served, served
from tests.support.s3 import Rclone

KEY = "the key of callers"
SECRET = "a secret of the backend and of us"


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
            where = f"{self.service.gateway}/api/upload-video/process-video"
            taken = httpx.post(where, json=body, headers=self.service.headers, timeout=30)
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


@pytest.fixture(scope="package")
def site(rclone: Rclone) -> Iterator[Site]:
    """The service of these tests; told to end, it ends whole, with a line that says so."""
    bucket = rclone.bucket()
    (backend,) = free_ports(1)
    env = {
        **rclone.environment,
        "ECG_GATEWAY_API_KEY": KEY,
        "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ECG_CALLBACK_ENDPOINT": "callback-endpoint/backend",
        "ECG_CALLBACK_SECRET": SECRET,
        "ECG_STORE": "s3-bucket/ecg",
        "FASTAPI_BASE_URL": f"http://127.0.0.1:{backend}",
        "S3_BUCKET_NAME": bucket,
    }
    # a short path, as PostgreSQL's socket wants, and one that other users can enter: what they find there is closed
    with tempfile.TemporaryDirectory(prefix="ecg-tests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with served(folder, env | {"ECG_WORK_DIR": str(folder / "work")}) as service:
            mark = service.mark()
            yield Site(service, rclone, bucket, backend)
            assert len(guard.family(mark)) > 5
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(60) == 0
            assert guard.family(mark) == []
            assert "Traceback" not in service.printed
            assert service.printed.rstrip().endswith("stopped")
