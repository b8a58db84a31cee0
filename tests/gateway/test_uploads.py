"""Recordings that come through the gateway's own door."""

import re
import socket
import stat
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from ecg_audio.errors import OrchestratorUnavailable
from gateway import results
from gateway.uploads import safe_name
from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, code, work
from tests.support.s3 import Rclone
from tests.support.stub_engine import StubEngine
from tests.support.waiting import until


def offered(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """An offer of a place."""
    answer = client.post("/uploads", json={"filename": "talk.mp4", **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def with_key(gateway: Open, key: str) -> httpx.Client:
    """A client of a gateway that wants a key, and gets it."""
    client = gateway(ECG_GATEWAY_API_KEY=key)
    client.headers["X-API-Key"] = key
    return client


def stored(tmp_path: Path) -> list[str]:
    """The names of all uploaded files, whole or not."""
    return sorted(path.name for path in (tmp_path / "store/videos").rglob("*") if path.is_file())


def test_a_client_without_a_backend_goes_the_whole_way(
    gateway: Open, prefect_server: str, stub: StubEngine, talk: Path
) -> None:
    """Upload, process, poll, fetch: the result from the status, captions by its links; the recording as it was sent."""
    client, job_id = gateway(), str(uuid.uuid4())
    place = offered(client, filename="강의 1.mp4", content_type="video/mp4", user="kim")
    put = client.request(place["method"], place["upload_url"], content=talk.read_bytes(), headers=place["headers"])
    assert put.json() == {"video_url": place["video_url"], "size": talk.stat().st_size}
    path = Path(place["video_url"])
    assert path.read_bytes() == talk.read_bytes()
    assert [stat.S_IMODE(made.stat().st_mode) for made in (path, path.parent)] == [0o600, 0o700]
    stamp, mark, name = path.name.split("_", 2)[0], path.name.split("_")[2], path.name.split("_", 3)[3]
    assert path.parts[-3:-1] == ("videos", "kim") and stamp.isdigit() and len(mark) == 8 and name == "강의_1.mp4"

    body = {"job_id": job_id, "video_url": place["video_url"]}
    assert client.post(PROCESS, json=body).status_code == 200
    work(prefect_server, job_id)
    ended = client.get(STATUS + job_id).json()
    assert ended["status"] == "completed" and ended["result"]["text"] == "hello there good bye"
    captions = client.get(ended["outputs"]["srt"])
    assert captions.headers["Content-Type"] == "application/x-subrip" and "hello there" in captions.text
    report = client.get(ended["outputs"]["report"])
    assert report.headers["Content-Disposition"].startswith("attachment")
    assert client.get(ended["outputs"]["tables/words"]).content[:4] == b"PAR1"
    assert code(client.get(f"/api/upload-video/outputs/{job_id}/../../etc/passwd"))[0] == 404
    assert code(client.get(f"/api/upload-video/outputs/{job_id}/%2e%2e%2fmanifest.json")) == (404, "RESULT_NOT_FOUND")


def test_outputs_are_those_of_completed_jobs(gateway: Open) -> None:
    """A job that nobody handed in, and one that is not done."""
    client, job_id = gateway(), str(uuid.uuid4())
    where = f"/api/upload-video/outputs/{job_id}/srt"
    assert code(client.get(where)) == (404, "JOB_NOT_FOUND")
    client.post(PROCESS, json={"job_id": job_id, "video_url": "https://93.184.216.34/a.mp4"})
    assert code(client.get(where)) == (404, "RESULT_NOT_FOUND")


def test_a_place_takes_one_recording(gateway: Open, tmp_path: Path) -> None:
    """Through any gateway; the second gets a 409 and the first stays as it was."""
    place = offered(gateway())["upload_url"]
    assert gateway().put(place, content=b"first").status_code == 200
    assert code(gateway().put(place, content=b"second")) == (409, "UPLOAD_CONFLICT")
    [name] = stored(tmp_path)
    assert (tmp_path / "store/videos/anonymous" / name).read_bytes() == b"first"


@pytest.mark.parametrize("chunked", [False, True])
def test_recordings_over_the_limit_are_refused(gateway: Open, tmp_path: Path, chunked: bool) -> None:
    """When they are announced, and when they are not; nothing of them stays."""
    client = gateway(ECG_UPLOAD_MAX_GB="1e-6")
    assert code(client.post("/uploads", json={"filename": "a.mp4", "size": 1001})) == (413, "TOO_LARGE")
    place = offered(client)
    assert place["max_bytes"] == 1000
    content = iter([b"x" * 600, b"x" * 600]) if chunked else b"x" * 1200
    assert code(client.put(place["upload_url"], content=content)) == (413, "TOO_LARGE")
    assert stored(tmp_path) == []
    assert client.put(place["upload_url"], content=b"x" * 1000).status_code == 200


def test_nothing_stays_of_a_recording_that_breaks_off(gateway: Open, tmp_path: Path) -> None:
    """The connection ends in the middle; the same place takes the whole recording afterwards."""
    client = gateway()
    place = offered(client)["upload_url"]
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"PUT {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 100_000)
        until(lambda: [name for name in stored(tmp_path) if name.startswith(".incoming-")] != [])
    until(lambda: stored(tmp_path) == [])
    assert client.put(place, content=b"whole").status_code == 200


def test_a_recording_that_stops_arriving_is_given_up(
    gateway: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that stays open and says nothing holds no file for ever."""
    monkeypatch.setattr("gateway.uploads.SILENCE_S", 0.2)
    client = gateway()
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = f"PUT {offered(client)['upload_url']} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello"
        connection.sendall(head.encode())
        assert b" 408 " in connection.recv(100)
    assert stored(tmp_path) == []


def test_a_recording_that_trickles_is_given_up(gateway: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is never silent, and would never end, is ended."""
    monkeypatch.setattr("gateway.uploads.CREDIT_S", 0.5)
    client = gateway()
    assert b" 408 " in _trickled(client, f"PUT {offered(client)['upload_url']}")
    assert stored(tmp_path) == []


def test_a_request_that_trickles_is_given_up(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a body of JSON that comes a byte at a time."""
    monkeypatch.setattr("gateway.answers.BODY_S", 0.5)
    assert b" 408 " in _trickled(gateway(), "POST /uploads")


def _trickled(client: httpx.Client, request: str) -> bytes:
    """What is answered to a body that comes a byte at a time."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n".encode())
        connection.settimeout(0.05)
        while True:
            connection.sendall(b" ")
            try:
                return connection.recv(100)
            except TimeoutError:
                continue


@pytest.mark.parametrize(
    ("said", "instead"),
    [("kim", "lee"), ("talk.mp4", "talk2.mp4"), ("size=5", "size=6"), ("&size=5", ""), ("video%2Fmp4", "text%2Fhtml"),
     ("signature=", "signature=&other="), ("signature=", "other=")],
)  # fmt: skip
def test_an_offer_is_bound_to_what_it_was_made_for(gateway: Open, tmp_path: Path, said: str, instead: str) -> None:
    """Another user, name, type or size than was offered is a place that nobody was offered."""
    client = gateway(ECG_GATEWAY_API_KEY="sesame")
    client.headers["X-API-Key"] = "sesame"
    place = offered(client, user="kim", content_type="video/mp4", size=5)
    assert said in place["upload_url"]
    other = place["upload_url"].replace(said, instead)
    assert code(client.put(other, content=b"12345", headers=place["headers"])) == (404, "UPLOAD_UNKNOWN")
    assert client.put(place["upload_url"], content=b"12345", headers=place["headers"]).status_code == 200


def test_an_offer_holds_for_the_installation_that_made_it(gateway: Open) -> None:
    """Gateways with the same key take each other's; one with another key does not."""
    place = offered(with_key(gateway, "sesame"))["upload_url"]
    assert code(with_key(gateway, "other").put(place, content=b"x")) == (404, "UPLOAD_UNKNOWN")
    assert with_key(gateway, "sesame").put(place, content=b"x").status_code == 200


def test_a_recording_of_another_type_or_size_is_refused(gateway: Open, tmp_path: Path) -> None:
    """Whether it is announced or not; nothing of it stays, and the right one is taken."""
    client = gateway()
    place = offered(client, content_type="video/mp4", size=5)
    url, headers = place["upload_url"], place["headers"]
    assert code(client.put(url, content=b"12345", headers={"Content-Type": "text/html"})) == (422, "INVALID_REQUEST")
    assert code(client.put(url, content=b"1234", headers=headers)) == (422, "INVALID_REQUEST")
    assert code(client.put(url, content=iter([b"12", b"34"]), headers=headers)) == (408, "UPLOAD_BROKEN")
    assert code(client.put(url, content=iter([b"123", b"456"]), headers=headers)) == (413, "TOO_LARGE")
    assert stored(tmp_path) == []
    assert client.put(url, content=iter([b"123", b"45"]), headers=headers).status_code == 200


def test_an_empty_recording_is_none(gateway: Open, tmp_path: Path) -> None:
    """Nothing is kept, and the answer says why."""
    client = gateway()
    assert code(client.put(offered(client)["upload_url"], content=b"")) == (422, "SOURCE_EMPTY")
    assert stored(tmp_path) == []


def _named(offered_at: datetime) -> str:
    return f"/uploads/anonymous/{offered_at:%Y%m%d_%H%M%S}_0123abcd_a.mp4"


@pytest.mark.parametrize(
    "path",
    [
        "/uploads/anonymous/a.mp4",
        "/uploads/anonymous/..%2f..%2fresults",
        "/uploads/anonymous/20260101_000000_0123abcd_..",
        "/uploads/%2e%2e/20260101_000000_0123abcd_a.mp4",
        "/uploads/anonymous/20269999_000000_0123abcd_a.mp4",
        "/uploads/anonymous/20260101_000000_0123abcd_a%00.mp4",
        "/uploads/anonymous/20260101_000000_0123abcd_.incoming-x",
        # named, because parallel workers must collect the same tests whatever second it is
        pytest.param(_named(datetime.now(UTC) - timedelta(hours=2)), id="over"),
        pytest.param(_named(datetime.now(UTC) + timedelta(hours=2)), id="in two hours"),
    ],
)
def test_places_that_nobody_was_offered_take_nothing(gateway: Open, tmp_path: Path, path: str) -> None:
    """No path from outside leads anywhere but to a fresh name of the uploads; an offer ends after an hour."""
    assert code(gateway().put(path, content=b"x"))[0] == 404
    assert not (tmp_path / "store/videos").exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"filename": ""}, {"filename": "a", "size": 0}, {"filename": "a", "user": "../x"}, {"filename": "a" * 2000},
     {"filename": "a", "content_type": "a/b\r\nX: 1"}, {"filename": 5}],
)  # fmt: skip
def test_offers_that_make_no_sense_are_not_made(gateway: Open, body: dict[str, Any]) -> None:
    """422, in the one shape."""
    assert code(gateway().post("/uploads", json=body)) == (422, "INVALID_REQUEST")


def test_uploads_are_off_without_a_store(gateway: Open) -> None:
    """501, and how the operator turns them on."""
    answer = gateway(ECG_STORE="").post("/uploads", json={"filename": "a"})
    assert code(answer) == (501, "UPLOADS_OFF") and "ECG_STORE" in answer.json()["error"]["hint"]


def test_a_store_that_cannot_be_written_is_said(gateway: Open, tmp_path: Path) -> None:
    """503, so that the client comes again."""
    (tmp_path / "file").write_text("")
    client = gateway(ECG_STORE=str(tmp_path / "file"))
    assert code(client.put(offered(client)["upload_url"], content=b"x")) == (503, "PUBLISH_ERROR")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("talk.mp4", "talk.mp4"),
        ("/etc/passwd", "passwd"),
        ("C:\\videos\\my talk (1).MP4", "my_talk_1_.MP4"),
        ("../../..", "recording"),
        (".hidden", "hidden"),
        ("a\r\nb\x00.mp4", "a_b_.mp4"),
        ("강의 1.mp4", "강의_1.mp4"),
        ("x" * 500 + ".mp4", "x" * 88 + ".mp4"),
        ("강" * 500, "강" * 40),
        ("///", "recording"),
    ],
)
def test_names_of_files_become_parts_of_keys(given: str, wanted: str) -> None:
    """Without folders, spaces or control characters; letters of any script stay, and the ending."""
    assert safe_name(given) == wanted


@pytest.mark.slow
def test_the_whole_way_through_a_bucket(
    gateway: Open,
    prefect_server: str,
    stub: StubEngine,
    talk: Path,
    rclone: Rclone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client puts the bytes into the bucket itself, with no credentials; outputs come by links that are signed."""
    for name, value in rclone.environment.items():
        monkeypatch.setenv(name, value)
    bucket = rclone.bucket()
    rclone.block(bucket, "ecg").save("gateway-uploads", overwrite=True)
    client, job_id = gateway(ECG_STORE="s3-bucket/gateway-uploads"), str(uuid.uuid4())
    place = offered(client, filename="강의 1.mp4", content_type="video/mp4", size=talk.stat().st_size)
    assert place["upload_url"].startswith(rclone.endpoint) and "X-Amz-Signature" in place["upload_url"]
    assert re.fullmatch(
        rf"s3://{bucket}/ecg/videos/anonymous/\d{{8}}_\d{{6}}_[0-9a-f]{{8}}_강의_1.mp4", place["video_url"]
    )
    assert httpx.put(place["upload_url"], content=b"another size", headers=place["headers"]).status_code == 403
    assert httpx.put(place["upload_url"], content=talk.read_bytes(), headers=place["headers"]).status_code == 200
    name = place["video_url"].rpartition("/")[2]
    assert code(client.put(f"/uploads/anonymous/{name}", content=b"x")) == (404, "UPLOAD_UNKNOWN")

    client.post(PROCESS, json={"job_id": job_id, "video_url": place["video_url"]}).raise_for_status()
    work(prefect_server, job_id)
    ended = client.get(STATUS + job_id).json()
    assert ended["result"]["text"] == "hello there good bye"
    link = client.get(ended["outputs"]["srt"])
    assert link.status_code == 307 and "hello there" in httpx.get(link.headers["Location"]).text


def test_a_block_that_cannot_be_read_is_said(gateway: Open) -> None:
    """Prefect knows the store: without it 503; without the block its name."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    unknown = gateway(ECG_STORE="s3-bucket/nobody").post("/uploads", json={"filename": "a.mp4"})
    assert unknown.status_code == 422 and "s3-bucket/nobody" in unknown.json()["message"]
    gone = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with gone, pytest.raises(OrchestratorUnavailable, match="does not answer"):
        results.opened("s3-bucket/nobody")
