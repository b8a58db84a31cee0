"""The endpoints that today's callers know."""

import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from ecg_audio.errors import TranscriptionFailed
from tests.gateway.conftest import Open
from tests.support.callbacks.readers import check_shape, read_flat
from tests.support.callbacks.receiver import receiving
from tests.support.gateway import PROCESS, STATUS, asked, run_of, work
from tests.support.stub_engine import StubEngine
from tests.support.waiting import until


@pytest.mark.parametrize("path", [PROCESS, "/request-process"])
def test_a_video_is_taken_at_once(gateway: Open, prefect_server: str, path: str) -> None:
    """The answer as the contract has it; one run in Prefect, with what was asked; older callers' fields are ignored."""
    client = gateway()
    body = asked(language="ko", enable_gpu=True, emotion_detection=False, max_workers=4, something_new={"a": 1})
    began = time.monotonic()
    answer = client.post(path, json=body)
    assert time.monotonic() - began < 5.0
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["job_id"], said["status"]) == (body["job_id"], "processing")
    assert said["status_url"] == STATUS + body["job_id"] and said["estimated_time"] > 0 and said["message"]
    [run] = run_of(prefect_server, body["job_id"])
    request = run["parameters"]["request"]
    assert (request["source"], request["language"]) == (body["video_url"], "ko")
    assert "callback" not in request
    assert client.get(said["status_url"]).json() == {"job_id": body["job_id"], "status": "processing", "progress": 0}


def test_the_same_job_twice_is_one_job(gateway: Open, prefect_server: str) -> None:
    """Also through another gateway: nothing is remembered but by Prefect. Ignored fields make no difference."""
    body = asked()
    first = gateway().post(PROCESS, json=body)
    second = gateway().post(PROCESS, json={**body, "enable_gpu": True})
    said = [{**answer.json(), "queued": None} for answer in (first, second)]  # which others wait may have changed
    assert said[0] == said[1] and len(run_of(prefect_server, body["job_id"])) == 1


@pytest.mark.parametrize("change", [{"video_url": "https://93.184.216.34/b.mp4"}, {"language": "ko"}])
def test_another_request_under_a_known_id_is_a_conflict(gateway: Open, change: dict[str, str]) -> None:
    """409, in the shape that callers read."""
    client, body = gateway(), asked()
    client.post(PROCESS, json=body)
    answer = client.post(PROCESS, json={**body, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JOB_CONFLICT")
    assert body["job_id"] in answer.json()["message"]


def test_a_simultaneous_pair_is_one_job(gateway: Open, prefect_server: str) -> None:
    """Eight callers at once with the same id get the same answer, and Prefect one run."""
    client, body = gateway(), asked()
    answers: list[int] = []

    def hand_in() -> None:
        # a busy Prefect is asked again, as callers do
        while (answer := client.post(PROCESS, json=body)).status_code == 503:
            pass
        answers.append(answer.status_code)

    callers = [threading.Thread(target=hand_in) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [200] * 8 and len(run_of(prefect_server, body["job_id"])) == 1


@pytest.mark.parametrize(
    ("given", "default", "wanted"),
    [
        ("http://93.184.216.34:8000/", None, "http://93.184.216.34:8000"),
        (None, "https://backend.example", "https://backend.example"),
        ("http://93.184.216.34", "https://backend.example", "http://93.184.216.34"),
    ],
)
def test_callbacks_go_where_the_request_or_the_operator_says(
    gateway: Open, prefect_server: str, given: str | None, default: str | None, wanted: str
) -> None:
    """The request's address comes before the operator's; the block that signs is the operator's alone."""
    body = asked(fastapi_base_url=given, locale="en")
    gateway(FASTAPI_BASE_URL=default or "", ECG_CALLBACK_ENDPOINT="backend").post(PROCESS, json=body)
    [run] = run_of(prefect_server, body["job_id"])
    assert run["parameters"]["request"]["callback"] == {"base_url": wanted, "locale": "en", "endpoint": "backend"}


def test_the_whole_way(
    gateway: Open,
    prefect_server: str,
    stub: StubEngine,
    talk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Handed in, done, told, fetched: the status has the very document that the callback carried.

    When this gateway cannot see the document any more, the job is completed without a result, and says why.
    """
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    body = asked(video_url=str(talk))
    with receiving(body["job_id"]) as backend:
        client = gateway()
        client.post(PROCESS, json={**body, "fastapi_base_url": backend.base_url})
        work(prefect_server, body["job_id"])
        ended = client.get(STATUS + body["job_id"]).json()
        assert (ended["status"], ended["progress"]) == ("completed", 100)
        check_shape(ended["result"])
        assert ended["result"] == backend.jobs[body["job_id"]].result
        assert len(backend.terminal()) == 1 and set(backend.answers) == {200}
    (tmp_path / "store/results" / body["job_id"] / "manifest.json").unlink()
    bare = client.get(STATUS + body["job_id"]).json()
    assert (bare["status"], bare["error_code"]) == ("completed", "RESULT_NOT_FOUND") and "result" not in bare


def test_transcribe_waits_for_the_result(gateway: Open, prefect_server: str, stub: StubEngine, talk: Path) -> None:
    """The answer comes with the end of the job: metadata, speakers and segments of the wire document."""
    client, job_id = gateway(), str(uuid.uuid4())
    answers: list[dict[str, Any]] = []
    body = {"video_path": str(talk), "job_id": job_id, "enable_gpu": False, "emotion_detection": True}
    caller = threading.Thread(target=lambda: answers.append(client.post("/transcribe", json=body).json()))
    caller.start()
    until(lambda: len(run_of(prefect_server, job_id)) == 1)
    assert not answers
    work(prefect_server, job_id)
    caller.join(10)
    [answer] = answers
    assert answer["success"] is True and answer["error"] is None and answer["error_code"] is None
    assert [word.text for word in read_flat(answer)] == ["hello", "there", "good", "bye"]
    assert set(answer["speakers"]) == {"SPEAKER_00", "SPEAKER_01"} and answer["metadata"]["language_requested"] == "en"


def test_transcribe_answers_a_failure(gateway: Open, prefect_server: str, stub: StubEngine, talk: Path) -> None:
    """A job that failed is an answer: success is false, and error_code says why; so does the status."""
    stub.failing["transcribe"] = TranscriptionFailed("the decoder: it broke")
    client, job_id = gateway(), str(uuid.uuid4())
    body = {"video_path": str(talk), "job_id": job_id}
    gateway(ECG_TRANSCRIBE_WAIT_S="0.0").post("/transcribe", json=body)
    work(prefect_server, job_id)
    answer = client.post("/transcribe", json=body).json()
    why = ("TRANSCRIPTION_ERROR", "the decoder: it broke")
    assert answer["success"] is False and (answer["error_code"], answer["error"]) == why and answer["segments"] is None
    ended = client.get(STATUS + job_id).json()
    assert ended["status"] == "failed" and (ended["error_code"], ended["error_message"]) == why
    assert 0 < ended["progress"] < 100


def test_transcribe_does_not_wait_for_ever(gateway: Open) -> None:
    """504, and where to ask later."""
    job_id = str(uuid.uuid4())
    answer = gateway(ECG_TRANSCRIBE_WAIT_S="0.2").post(
        "/transcribe", json={"video_url": "https://93.184.216.34/a", "job_id": job_id}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "PROCESSING_TIMEOUT")
    assert STATUS + job_id in answer.json()["error"]["hint"]
