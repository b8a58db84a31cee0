"""`ecg serve` as its operators use it: a real process with everything in it, jobs over HTTP, faults on purpose.

Outages last as long as the service promises to ride out, with the settings that it ships with.
"""

import json
import os
import signal
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.deployments.conftest import SECRET, Site
from tests.support.callbacks.receiver import receiving
from tests.support.media.servers import serving
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

JOBS = {name: f"550e8400-e29b-41d4-a716-44665544000{number}" for number, name in enumerate(("file", "http", "s3"))}
UNHEARD, CAUGHT, LATE = (f"6ba7b810-9dad-41d1-80b4-00c04fd4{number}0c8" for number in (301, 302, 303))
STORE_AWAY_S, BACKEND_AWAY_S = 30.0, 120.0


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
        until(lambda: receiver.told() == 2, seconds=180.0)
        for job_id in (CAUGHT, LATE):
            site.check(job_id, receiver)

    time.sleep(max(0.0, handed_in + BACKEND_AWAY_S - time.monotonic()))
    with receiving(UNHEARD, secret=SECRET, port=site.backend) as receiver:
        until(receiver.told, seconds=180.0)
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
        until(lambda: receiver.told() == len(JOBS), seconds=300.0)
        assert len(service.pids("models")) == 2, "the model server was begun again"
        for job_id in JOBS.values():
            site.check(job_id, receiver)
            assert len(set(receiver.jobs[job_id].progress)) > 1
            until(lambda job_id=job_id: service.status(job_id)["status"] == "completed")  # type: ignore[misc]
            assert service.status(job_id)["result"] == receiver.jobs[job_id].result
