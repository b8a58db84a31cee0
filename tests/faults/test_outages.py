"""What a whole service rides out at full length, with the settings that it ships with."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecg_audio.results import manifest
from tests.contracts.receiver import Receiver, receiving
from tests.deployments.service import Served, free_ports, served
from tests.deployments.test_supervisor import until
from tests.s3 import Rclone

SECRET = "a secret of the backend and of us"
STORE_AWAY_S, BACKEND_AWAY_S = 30.0, 120.0
UNHEARD, CAUGHT, LATE = (f"6ba7b810-9dad-41d1-80b4-00c04fd4{number}0c8" for number in (301, 302, 303))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_store_away_for_30_seconds_and_a_backend_for_2_minutes(talk: Path, rclone: Rclone, tmp_path: Path) -> None:
    """Jobs that meet the one outage and a job that meets the other are done, published whole, and told of once."""
    bucket = rclone.bucket()
    (away,) = free_ports(1)
    env = {
        **rclone.environment,
        "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ECG_CALLBACK_ENDPOINT": "callback-endpoint/backend",
        "ECG_CALLBACK_SECRET": SECRET,
        "ECG_STORE": "s3-bucket/ecg",
        "FASTAPI_BASE_URL": f"http://127.0.0.1:{away}",
        "S3_BUCKET_NAME": bucket,
    }
    with served(tmp_path, env) as service:
        _hand_in(service, UNHEARD, talk, f"http://127.0.0.1:{away}")
        handed_in = time.monotonic()
        until(lambda: service.status(UNHEARD)["status"] == "completed", seconds=120.0)

        with receiving(CAUGHT, LATE) as receiver:  # another origin than the secret's: nothing is signed for it
            recordings = rclone.folder / bucket / "recordings"
            before = len(list(recordings.rglob("*.flac")))
            _hand_in(service, CAUGHT, _other(talk, tmp_path), receiver.base_url)
            until(lambda: len(list(recordings.rglob("*.flac"))) > before)
            rclone.stop()
            try:
                _hand_in(service, LATE, talk, receiver.base_url)
                time.sleep(STORE_AWAY_S)
                assert not receiver.terminal()
            finally:
                rclone.start()
            until(lambda: len(receiver.terminal()) == 2, seconds=90.0)
            for job_id in (CAUGHT, LATE):
                _told(receiver, job_id)
                _published(rclone, bucket, job_id, receiver)

        time.sleep(max(0.0, handed_in + BACKEND_AWAY_S - time.monotonic()))
        with receiving(UNHEARD, secret=SECRET, port=away) as receiver:
            until(lambda: receiver.terminal(), seconds=90.0)
            time.sleep(2.0)
            _told(receiver, UNHEARD)
            _published(rclone, bucket, UNHEARD, receiver)
            receipt = json.loads(_object(rclone, bucket, f"deliveries/{UNHEARD}.json"))
        assert receipt["state"] == "delivered" and len(receipt["attempts"]) > 2
        assert receipt["message_id"] == receiver.jobs[UNHEARD].ended_by


def _hand_in(service: Served, job_id: str, source: Path, backend: str) -> None:
    asked = {"job_id": job_id, "video_url": str(source), "fastapi_base_url": backend}
    taken = httpx.post(f"{service.gateway}/api/upload-video/process-video", json=asked, timeout=30)
    assert (taken.status_code, taken.json()["status"]) == (200, "processing"), taken.text


def _other(talk: Path, folder: Path) -> Path:
    """The same sound in a file with other bytes: nothing about it is known yet."""
    path = folder / "other.mp4"
    path.write_bytes(talk.read_bytes() + b"\0\0\0\x08free")
    return path


def _told(receiver: Receiver, job_id: str) -> None:
    """The job's end arrived once and well formed, signed where it was to be, and nothing it was told sank."""
    job = receiver.jobs[job_id]
    assert (job.status, job.error_message) == ("completed", None)
    assert len([body for body in receiver.terminal() if body["job_id"] == job_id]) == 1
    assert job.progress == sorted(job.progress)
    assert set(receiver.answers) == {200}


def _published(rclone: Rclone, bucket: str, job_id: str, receiver: Receiver) -> None:
    """What the manifest names is whole, and the backend's document among it is what the backend was told."""
    published = manifest.loads(_object(rclone, bucket, f"results/{job_id}/manifest.json"))
    manifest.verify(published, lambda key: _object(rclone, bucket, key))
    assert json.loads(_object(rclone, bucket, published.outputs["backend"].key)) == receiver.jobs[job_id].result


def _object(rclone: Rclone, bucket: str, key: str) -> bytes:
    body: Any = rclone.client.get_object(Bucket=bucket, Key=key)["Body"]
    content: bytes = body.read()
    return content
