"""Whoever means harm, or sends what is no request at all."""

import json
import socket
import threading
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, asked, code, run_of

ENDPOINTS = [("POST", PROCESS), ("POST", "/request-process"), ("POST", "/transcribe"), ("POST", "/uploads")]
PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]", "localhost", "LOCALHOST", "public@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_in_any_dress(gateway: Open, host: str) -> None:
    """As a source and, where an address may look so at all, as a callback: no run is made."""
    client = gateway()
    source = client.post(PROCESS, json=asked(video_url=f"http://{host}/a.mp4"))
    assert code(source) == (422, "SOURCE_FORBIDDEN")
    callback = client.post(PROCESS, json=asked(fastapi_base_url=f"http://{host}"))
    assert code(callback) == (422, "INVALID_REQUEST" if "@" in host else "SOURCE_FORBIDDEN")


@pytest.mark.parametrize("field", ["video_url", "fastapi_base_url"])
def test_names_that_lead_to_private_addresses_are_refused(
    gateway: Open, prefect_server: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when only one of a name's addresses is private."""
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> list[Any]:
        if host != "rebound.example":
            return list(real(host, *arguments, **options))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.5")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    body = asked(**{field: "http://rebound.example"})
    answer = gateway().post(PROCESS, json=body)
    assert code(answer) == (422, "SOURCE_FORBIDDEN") and "10.0.0.5" in answer.json()["message"]
    assert run_of(prefect_server, body["job_id"]) == []


@pytest.mark.parametrize(
    "job_id", ["..%2f..%2fetc", "%00", "a%0d%0aX-Evil: 1", "%ff%fe", "한글", "x" * 5000, "a'--", "*"]
)
def test_hostile_ids_are_asked_after_nowhere(gateway: Open, job_id: str) -> None:
    """What can be no job's id is no job, without a question to Prefect."""
    client = gateway(PREFECT_API_URL="http://127.0.0.1:9/api")
    for path in (STATUS + job_id, f"/api/upload-video/outputs/{job_id}/srt"):
        answer = client.get(path)
        assert answer.status_code == 404 and "x-evil" not in answer.headers


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize(
    "content",
    [b"[" * 50_000, b'{"a":' * 10_000, b"NaN", b'{"job_id": NaN}', b'{"video_url": "\xff\xfe"}', b"\x00",
     b'{"job_id": "\\ud800", "video_url": "\\udfff", "filename": ["\\ud800"]}', b'{"job_id": 1e999}',
     b"\x1f\x8b\x08", b"--x\r\n\r\n--x--"],
    ids=["deep", "deep-objects", "nan", "nan-id", "not-utf8", "nul", "surrogates", "infinite", "gzip", "form"],
)  # fmt: skip
def test_what_is_no_request_is_422(gateway: Open, method: str, path: str, content: bytes) -> None:
    """Deep, not a number, not UTF-8, half a character, compressed: message and error.code at the top."""
    answer = gateway().request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert code(answer) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_other_kinds_of_content_are_refused(gateway: Open, method: str, path: str, kind: str | None) -> None:
    """JSON that does not say so is none: a page of a stranger cannot send it from a browser."""
    content = json.dumps({**asked(), "filename": "a.mp4"}).encode()
    answer = gateway().request(method, path, content=content, headers={"Content-Type": kind} if kind else {})
    assert code(answer) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_no_body_is_held_that_is_too_large(gateway: Open, method: str, path: str) -> None:
    """413 on every endpoint that takes JSON."""
    assert code(gateway().request(method, path, content=b" " * 100_000)) == (413, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("host", "answered"),
    [("127.0.0.1", True), ("127.0.0.1:8080", True), ("localhost:1", True), ("LocalHost", True), ("[::1]:8080", True),
     ("rebound.example", False), ("rebound.example:8080", False), ("", False), ("127.0.0.1.rebound.example", False)],
)  # fmt: skip
def test_a_gateway_without_a_key_answers_to_its_own_names(gateway: Open, host: str, answered: bool) -> None:
    """A page that calls itself by a name that leads to this machine is no caller; with a key any name will do."""
    local = gateway(ECG_GATEWAY_HOST="127.0.0.1")
    answer = local.get("/api/upload-video/jobs", headers={"Host": host})
    assert answer.status_code == (200 if answered else 421)
    if not answered:
        assert code(answer) == (421, "MISDIRECTED")
    keyed = gateway(ECG_GATEWAY_HOST="127.0.0.1", ECG_GATEWAY_API_KEY="sesame")
    keyed.headers["X-API-Key"] = "sesame"
    assert keyed.get("/api/upload-video/jobs", headers={"Host": host}).status_code == 200


def test_two_gateways_are_one(gateway: Open, prefect_server: str) -> None:
    """The same job handed to both at once is one run, and both know it; nothing is remembered but by Prefect."""
    first, second = gateway(), gateway()
    bodies = [asked() for _ in range(5)]
    answers: dict[tuple[int, str], httpx.Response] = {}

    def hand_in(number: int, client: httpx.Client, body: dict[str, Any]) -> None:
        # a busy Prefect is asked again, as callers do
        while (answer := client.post(PROCESS, json=body)).status_code == 503:
            pass
        answers[number, body["job_id"]] = answer

    callers = [
        threading.Thread(target=hand_in, args=(number, client, body))
        for body in bodies
        for number, client in enumerate((first, second, first, second))
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 20
    assert {(answer.status_code, answer.text) for answer in answers.values() if answer.status_code != 200} == set()
    for body in bodies:
        assert len(run_of(prefect_server, body["job_id"])) == 1
        assert first.get(STATUS + body["job_id"]).json() == second.get(STATUS + body["job_id"]).json()


def test_the_description_is_complete(gateway: Open) -> None:
    """Every endpoint has a summary, a description and its failures; every body an example."""
    described = gateway().get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["description"], path
    bodies = {"ProcessVideo", "Transcribe", "NewUpload"}
    assert all(described["components"]["schemas"][name]["examples"] for name in bodies)


def test_nothing_is_fetched_from_elsewhere_by_a_failure(gateway: Open, tmp_path: Path) -> None:
    """A failure holds no traceback and no path of this machine."""
    answer = gateway(ECG_STORE=str(tmp_path / "store")).post(PROCESS, json=asked(job_id="../" + str(uuid.uuid4())))
    assert str(tmp_path) not in answer.text and "Traceback" not in answer.text
