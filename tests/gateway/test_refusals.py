"""What the gateway refuses, and in which words."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecg_audio.errors import InvalidRequest
from gateway import answers
from gateway.settings import Settings, credentials
from gateway.wire import ProcessVideo, Transcribe
from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, asked, code, run_of


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b"{}", b'{"job_id": "a"}', b'{"video_url": "https://a"}',
     b'{"job_id": 5, "video_url": "https://a"}', b'{"job_id": "a", "video_url": ["https://a"]}',
     b'{"job_id": "a", "video_url": ""}', b'{"job_id": "a", "video_url": "https://a", "language": {}}',
     b'{"job_id": "a", "video_url": "https://a", "language": "klingon"}',
     b'{"job_id": "a", "video_url": "https://a", "locale": "fr"}'],
)  # fmt: skip
def test_what_makes_no_sense_is_422(gateway: Open, content: bytes) -> None:
    """Malformed JSON, wrong types, missing fields: message and error.code at the top."""
    answer = gateway().post(PROCESS, content=content, headers={"Content-Type": "application/json"})
    assert code(answer) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "job_id",
    ["", "../../etc/passwd", "a/b", "a\\b", "a\r\nX-Evil: 1", ".hidden", "a..b", "x" * 129, "한글", "a b", "%2e"],
)
def test_hostile_job_ids_are_refused(gateway: Open, prefect_server: str, job_id: str) -> None:
    """An id becomes a folder and an object key: nothing but letters, digits and inner '.', '_', '-'."""
    assert code(gateway().post(PROCESS, json=asked(job_id=job_id))) == (422, "INVALID_REQUEST")
    assert run_of(prefect_server, job_id) == []


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("file:///etc/passwd", "SOURCE_FORBIDDEN"),
        ("gopher://127.0.0.1/", "SOURCE_FORBIDDEN"),
        ("concat:/etc/passwd|/etc/hosts", "SOURCE_FORBIDDEN"),
        ("http://127.0.0.1/a.mp4", "SOURCE_FORBIDDEN"),
        ("http://localhost:4200/api", "SOURCE_FORBIDDEN"),  # a name that resolves to a private address
        ("http://169.254.169.254/latest/meta-data/", "SOURCE_FORBIDDEN"),
        ("http://[::ffff:10.0.0.1]/a.mp4", "SOURCE_FORBIDDEN"),
        ("http://2130706433/a.mp4", "SOURCE_FORBIDDEN"),  # 127.0.0.1 as one number
        ("https://a\r\nHost: b/", "INVALID_REQUEST"),
        ("https:///a.mp4", "INVALID_REQUEST"),
        ("https://[::1/a.mp4", "INVALID_REQUEST"),
    ],
)
def test_hostile_sources_are_refused(gateway: Open, prefect_server: str, url: str, wanted: str) -> None:
    """Schemes that are never opened, private addresses in any dress, control characters; no run is made."""
    body = asked(video_url=url)
    assert code(gateway().post(PROCESS, json=body)) == (422, wanted)
    assert code(gateway().post("/transcribe", json=body)) == (422, wanted)
    assert run_of(prefect_server, body["job_id"]) == []


@pytest.mark.parametrize(
    ("base_url", "wanted"),
    [
        ("http://10.0.0.7:8000", "SOURCE_FORBIDDEN"),
        ("http://localhost", "SOURCE_FORBIDDEN"),
        ("ftp://backend.example", "INVALID_REQUEST"),
        ("http://user:secret@93.184.216.34", "INVALID_REQUEST"),
        ("http://93.184.216.34/?a=", "INVALID_REQUEST"),
        ("http://93.184.216.34/\r\nX: 1", "INVALID_REQUEST"),
        ("http://", "INVALID_REQUEST"),
        ("http://93.184.216.34:99999", "INVALID_REQUEST"),
    ],
)
def test_hostile_callbacks_are_refused(gateway: Open, base_url: str, wanted: str) -> None:
    """A callback address obeys the rules of a source, and holds nothing but an address."""
    assert code(gateway().post(PROCESS, json=asked(fastapi_base_url=base_url))) == (422, wanted)


def test_unusual_but_honest_requests_are_taken(gateway: Open) -> None:
    """S3 keys that are not percent-encoded, local paths with colons, names that cannot be resolved from here."""
    for url in (
        "https://bucket.s3.ap-northeast-2.amazonaws.com/videos/anonymous/강의 1.mp4",
        "s3://bucket/a key.mp4",
        "/data/talk: part 1.mp4",
        "https://nowhere.invalid/a.mp4",
    ):
        answer = gateway().post(PROCESS, json=asked(video_url=url, language=None))
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_refused(gateway: Open, chunked: bool) -> None:
    """Whether the length is announced or not."""
    content = json.dumps(asked(padding="x" * answers.MAX_BODY_BYTES)).encode()
    answer = gateway().post(PROCESS, content=iter([content]) if chunked else content)
    assert code(answer) == (413, "INVALID_REQUEST")


def test_an_api_key_is_wanted_where_there_is_one(gateway: Open) -> None:
    """Without it or with another one: 401 on every endpoint but the health."""
    client = gateway(ECG_GATEWAY_API_KEY="schlüssel")
    for given_key in ({}, {"X-API-Key": "wrong"}):
        for answer in (
            client.post(PROCESS, json=asked(), headers=given_key),
            client.post("/transcribe", json={}, headers=given_key),
            client.get(STATUS + "a", headers=given_key),
        ):
            assert code(answer) == (401, "UNAUTHORIZED")
    assert client.get("/health").status_code == 200
    right = {"X-API-Key": "schlüssel".encode()}
    assert client.post(PROCESS, json=asked(), headers=right).status_code == 200


def test_what_is_not_there_is_said_in_the_same_shape(gateway: Open) -> None:
    """An unknown job, an unknown path, a wrong method."""
    client = gateway()
    assert code(client.get(STATUS + str(uuid.uuid4()))) == (404, "JOB_NOT_FOUND")
    assert code(client.get("/nowhere")) == (404, "NOT_FOUND")
    assert code(client.get(PROCESS)) == (405, "METHOD_NOT_ALLOWED")


def test_without_prefect_nothing_is_begun(gateway: Open) -> None:
    """503 with Retry-After, within the 5 s that callers wait for a first answer."""
    client = gateway(PREFECT_API_URL="http://127.0.0.1:9/api")
    began = time.monotonic()
    answer = client.post(PROCESS, json=asked())
    assert time.monotonic() - began < 5.0
    assert code(answer) == (503, "SERVICE_UNAVAILABLE") and int(answer.headers["Retry-After"]) > 0
    sick = client.get("/health")
    assert sick.status_code == 503 and sick.json()["status"] == "unhealthy"


def test_without_the_deployment_nothing_is_begun(gateway: Open) -> None:
    """503 and its name: the operator has not deployed yet."""
    answer = gateway(ECG_DEPLOYMENT="analyze/nobody").post(PROCESS, json=asked())
    assert code(answer) == (503, "SERVICE_UNAVAILABLE") and "analyze/nobody" in answer.json()["message"]


@pytest.fixture
def shaky() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A stand-in for a Prefect server whose database is locked at every other request; its address, what it took."""
    taken: list[dict[str, Any]] = []
    asked_for: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked_for.append(self.path)
            if len(asked_for) % 2:
                self._send(503, {})
            elif self.path.endswith("create_flow_run"):
                taken.append(json.loads(body))
                self._send(201, {"id": "r", "parameters": taken[-1]["parameters"], "state": {"type": "SCHEDULED"}})
            else:
                nothing: Any = [] if self.path.endswith("filter") else 0 if self.path.endswith("count") else {"id": "d"}
                self._send(200, nothing)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def _send(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api", taken
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_locked_database_is_asked_again_with_the_same_key(
    gateway: Open, shaky: tuple[str, list[dict[str, Any]]]
) -> None:
    """Prefect's own 503s are borne with; callers do not hear of them."""
    address, taken = shaky
    body = asked()
    answer = gateway(PREFECT_API_URL=address).post(PROCESS, json=body)
    assert answer.status_code == 200 and answer.json()["estimated_time"] == 300
    assert [run["idempotency_key"] for run in taken] == [body["job_id"]]


def test_health_names_what_is_wrong(gateway: Open, tmp_path: Path) -> None:
    """All well: 200. A store that cannot be written: 503, and which of the checks it is."""
    well = gateway().get("/health")
    assert well.status_code == 200 and well.json()["status"] == "healthy" and well.json()["timestamp"]
    assert well.json()["checks"] == {"prefect": "ok", "pool": None, "store": "ok"}
    (tmp_path / "file").write_text("")
    sick = gateway(ECG_STORE=str(tmp_path / "file")).get("/health")
    assert sick.status_code == 503 and "cannot be used" in sick.json()["checks"]["store"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("job_id", "video_url", "video_path", "fastapi_base_url", "language", "locale")


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([PROCESS, "/transcribe"]), body=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_body_is_a_fault_of_ours(fuzzed: httpx.Client, path: str, body: Any) -> None:
    """Whatever is sent is either taken or refused by name."""
    answer = fuzzed.post(path, json=body)
    assert answer.status_code == 200 or code(answer)[0] in {409, 413, 422, 504}


@pytest.fixture
def fuzzed(gateway: Open) -> httpx.Client:
    """A client whose gateway waits for no result."""
    return gateway(ECG_TRANSCRIBE_WAIT_S="0.0")


def test_settings_come_from_the_environment() -> None:
    """Each variable, the fallback of the callback's address, and defaults where there is nothing."""
    found = Settings.read(
        {
            "PREFECT_API_URL": "http://prefect:4200/api/",
            "PREFECT_API_AUTH_STRING": "admin:hidden",
            "BACKEND_URL": "http://backend:8000",
            "ECG_STORE": "s3-bucket/ecg",
            "ECG_GATEWAY_MODELS": "embedded",
            "ECG_GATEWAY_API_KEY": "k",
            "ECG_CALLBACK_ENDPOINT": "backend",
            "ECG_TRANSCRIBE_WAIT_S": "7.5",
            "ECG_UPLOAD_MAX_GB": "0.5",
        }
    )
    assert (found.prefect_url, found.callbacks.base_url) == ("http://prefect:4200/api", "http://backend:8000")
    assert credentials(found.prefect) == {"Authorization": "Basic YWRtaW46aGlkZGVu"}
    assert (found.store, found.gateway.models, found.gateway.wait_s) == ("s3-bucket/ecg", "embedded", 7.5)
    assert found.upload_max_bytes == 500_000_000
    assert found.api_key == "k" and "hidden" not in repr(found) and "'k'" not in repr(found)
    both = {"FASTAPI_BASE_URL": "http://first", "BACKEND_URL": "http://second", "PREFECT_API_KEY": "pnu"}
    assert Settings.read(both).callbacks.base_url == "http://first"
    assert credentials(Settings.read(both).prefect) == {"Authorization": "Bearer pnu"}
    bare = Settings.read({})
    assert bare.local and bare.prefect_url == "http://127.0.0.1:4200/api"
    assert (bare.api_key, credentials(bare.prefect), bare.upload_max_bytes) == (None, {}, 5_000_000_000)


@pytest.mark.parametrize(("own", "other"), [("analyze/analyze", "burn/burn"), ("analyze/analyze-cpu", "burn/burn-cpu")])
def test_work_on_a_result_goes_to_hosts_of_its_jobs_kind(own: str, other: str) -> None:
    """Where jobs run without a GPU, so do corrections and burning in."""
    assert Settings.read({"ECG_DEPLOYMENT": own}).deployment_of("burn") == other


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND_URL", "backend:8000"),
        ("ECG_TRANSCRIBE_WAIT_S", "soon"),
        ("ECG_TRANSCRIBE_WAIT_S", "nan"),
        ("ECG_UPLOAD_MAX_GB", "-1"),
    ],
)
def test_settings_that_cannot_be_used_are_said(name: str, value: str) -> None:
    """At the start, by name."""
    with pytest.raises(InvalidRequest, match=name):
        Settings.read({name: value})


def test_examples_of_the_documentation_are_valid(gateway: Open) -> None:
    """OpenAPI lists every endpoint, and its examples are requests that the models take."""
    described = gateway().get("/openapi.json").json()
    assert {PROCESS, "/request-process", STATUS + "{job_id}", "/transcribe", "/uploads", "/health"} <= {
        *described["paths"]
    }
    for model in (ProcessVideo, Transcribe):
        for example in described["components"]["schemas"][model.__name__]["examples"]:
            model.model_validate(example)


def test_the_gateway_is_light() -> None:
    """Importing it imports neither Prefect nor a flow nor a model library."""
    program = (
        "import sys, gateway.app;"
        "print(*{'prefect','flows','tasks','torch','numba','pyarrow','av','boto3'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
