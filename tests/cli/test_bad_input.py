"""What users get wrong: one line of message, one of hint, a stable code, no traceback, nothing left behind."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.support.commands import Ecg, Ended
from tests.support.jobs import SAMPLE_RATE_HZ, voiced
from tests.support.media.formats import encode
from tests.support.stub_engine import StubEngine

pytestmark = pytest.mark.usefixtures("tiny")

Handle = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(handle: Handle) -> Iterator[str]:
    """An HTTP server on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            handle(self)

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refused(ended: Ended, code: str, *, exit_code: int = 2) -> None:
    """The command said what is wrong and what to do, in two lines, and ended as it should."""
    assert (ended.code, ended.out) == (exit_code, "")
    lines = [line for line in ended.err.splitlines() if "% " not in line[:5]]  # what comes before is progress
    assert len(lines) == 2, ended.err
    assert lines[0].startswith("error ") and lines[0].endswith(f"({code})")
    assert lines[1].startswith("hint ")
    assert "Traceback" not in ended.err


def nothing_left(folder: Path) -> None:
    """No results, no scratch, no download that looks finished."""
    assert not list(folder.glob("ecg-results/**/manifest.json"))
    assert not list((folder / "work").glob("*-*-*")) and not list((folder / "work").glob("incoming/*"))


# sources that are no recordings


def test_no_such_file(ecg: Ecg) -> None:
    """A path that leads nowhere is SOURCE_NOT_FOUND."""
    refused(ecg("analyze", "nowhere.mp4"), "SOURCE_NOT_FOUND")


def test_an_empty_file(ecg: Ecg, tmp_path: Path) -> None:
    """A file of no bytes is SOURCE_EMPTY."""
    (tmp_path / "empty.mp4").touch()
    refused(ecg("analyze", "empty.mp4"), "SOURCE_EMPTY")


def test_a_directory(ecg: Ecg, tmp_path: Path) -> None:
    """A folder is SOURCE_INVALID."""
    (tmp_path / "folder.mp4").mkdir()
    refused(ecg("analyze", "folder.mp4"), "SOURCE_INVALID")


@pytest.mark.parametrize(
    "content", ["just some text\n" * 200, "<!doctype html><html><body>Not here</body></html>" * 50]
)
def test_text_named_mp4(ecg: Ecg, tmp_path: Path, content: str) -> None:
    """Text and HTML are NOT_MEDIA, whatever their name says."""
    (tmp_path / "page.mp4").write_text(content)
    refused(ecg("analyze", "page.mp4"), "NOT_MEDIA")


@pytest.mark.usefixtures("stub", "server")
def test_an_address_that_serves_html(ecg: Ecg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A web page behind a media address is NOT_MEDIA."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    body = b"<!doctype html><html><body>Please log in</body></html>" * 100

    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "video/mp4")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    with serving(page) as address:
        refused(ecg("analyze", f"{address}/talk.mp4"), "NOT_MEDIA")
    nothing_left(tmp_path)


def test_a_video_without_sound(ecg: Ecg, tmp_path: Path) -> None:
    """No audio stream is NO_AUDIO."""
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    refused(ecg("analyze", "mute.mp4"), "NO_AUDIO")


@pytest.mark.usefixtures("stub", "server")
def test_audio_of_no_length(ecg: Ecg, tmp_path: Path) -> None:
    """An audio stream without samples is NO_AUDIO."""
    soundfile.write(tmp_path / "none.wav", np.zeros(0), SAMPLE_RATE_HZ)
    refused(ecg("analyze", "none.wav"), "NO_AUDIO")


@pytest.mark.usefixtures("stub", "server")
def test_a_truncated_file_is_analysed_as_far_as_it_goes(ecg: Ecg, tmp_path: Path) -> None:
    """What can be decoded is analysed, and a warning names the missing span."""
    encode(voiced(6.0), SAMPLE_RATE_HZ, tmp_path / "whole.wav")
    whole = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(whole[: len(whole) // 2])
    ended = ecg("analyze", "half.wav", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["status"]) == (0, "completed") and found["words"] > 0
    assert [warning["code"] for warning in found["warnings"]] == ["MEDIA_TRUNCATED"]
    assert "3.0" in found["warnings"][0]["message"]


@pytest.mark.usefixtures("stub", "server")
def test_a_file_of_which_nothing_can_be_decoded(ecg: Ecg, tmp_path: Path) -> None:
    """A media header followed by garbage is MEDIA_CORRUPT."""
    encode(voiced(), SAMPLE_RATE_HZ, tmp_path / "good.flac")
    good = (tmp_path / "good.flac").read_bytes()
    (tmp_path / "bad.flac").write_bytes(good[:200] + bytes(len(good)))
    refused(ecg("analyze", "bad.flac"), "MEDIA_CORRUPT")


# limits, languages, engines


def test_too_large(ecg: Ecg, talk: Path) -> None:
    """A file over the size limit is TOO_LARGE before anything is started."""
    refused(ecg("analyze", str(talk), "--max-gb", "0.000001"), "TOO_LARGE")


def test_too_long(ecg: Ecg, talk: Path) -> None:
    """A recording over the length limit is TOO_LONG before anything is started."""
    refused(ecg("analyze", str(talk), "--max-hours", "0.0001"), "TOO_LONG")


def test_a_language_the_model_does_not_have(ecg: Ecg, talk: Path, tmp_path: Path) -> None:
    """A model for English alone is known by its name, and the message names the one that has more."""
    (tmp_path / "base.en").mkdir()
    ended = ecg("analyze", str(talk), "--models", "./base.en", "--language", "ko")
    refused(ended, "LANGUAGE_UNSUPPORTED")
    assert "Name the model ./base instead" in ended.err


def test_a_language_that_no_model_has(ecg: Ecg, talk: Path) -> None:
    """A code that is none of Whisper's hundred is LANGUAGE_UNSUPPORTED."""
    refused(ecg("analyze", str(talk), "--language", "xx"), "LANGUAGE_UNSUPPORTED")


def test_a_translation_by_a_model_that_was_not_trained_to(ecg: Ecg, talk: Path, tmp_path: Path) -> None:
    """A turbo model is known by its name: OPTION_UNSUPPORTED, with a model that can."""
    (tmp_path / "whisper-turbo").mkdir()
    ended = ecg("analyze", str(talk), "--models", "./whisper-turbo", "--translate")
    refused(ended, "OPTION_UNSUPPORTED")
    assert "large-v3" in ended.err


@pytest.mark.parametrize("named", ["bace", "/nowhere/whisper", "nobody/nothing"])
def test_models_that_cannot_be_had(ecg: Ecg, talk: Path, named: str) -> None:
    """A name that is none, a directory that is not there, a hub name without a hub: ENGINE_UNAVAILABLE, by name."""
    ended = ecg("analyze", str(talk), "--models", named)
    refused(ended, "ENGINE_UNAVAILABLE")
    assert named in ended.err and "--models embedded" in ended.err


def test_contradicting_options(ecg: Ecg, talk: Path) -> None:
    """An exact number of speakers and a range is INVALID_REQUEST."""
    refused(ecg("analyze", str(talk), "--speakers", "2", "--min-speakers", "3"), "INVALID_REQUEST")


# addresses


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "ftp://example.org/a.mp4", "gopher://example.org/", "data:audio/wav;base64,AAAA"]
)
def test_schemes_that_are_never_opened(ecg: Ecg, source: str) -> None:
    """Anything but http, https, s3 and plain files is SOURCE_FORBIDDEN."""
    refused(ecg("analyze", source), "SOURCE_FORBIDDEN")


@pytest.mark.usefixtures("stub", "server")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]"]
)
def test_private_addresses(ecg: Ecg, host: str) -> None:
    """An address in a private, loopback or link-local range is SOURCE_FORBIDDEN."""
    refused(ecg("analyze", f"http://{host}:9/talk.mp4"), "SOURCE_FORBIDDEN")


@pytest.mark.usefixtures("stub", "server")
def test_a_redirect_into_a_private_range(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is checked like the address itself."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1/32")

    def redirect(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(redirect) as address:
        refused(ecg("analyze", f"{address}/talk.mp4"), "SOURCE_FORBIDDEN")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecg_audio.media import http
    from ecg_audio.media.transfer import Timeouts
    from tasks.download import download

    monkeypatch.setattr(download.task, "retry_delay_seconds", [0.05])
    monkeypatch.setattr(http, "Timeouts", lambda: Timeouts(pause_s=0.001))


@pytest.mark.usefixtures("stub", "server", "_impatient")
def test_not_found_on_the_far_side(ecg: Ecg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 404 is DOWNLOAD_ERROR, asked for once."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    asked = []

    def missing(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(missing) as address:
        refused(ecg("analyze", f"{address}/talk.mp4"), "DOWNLOAD_ERROR", exit_code=1)
    assert len(asked) <= 2  # a question for what is there, and the request itself
    nothing_left(tmp_path)


@pytest.mark.usefixtures("stub", "server", "_impatient")
def test_a_refused_connection(ecg: Ecg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listening is DOWNLOAD_ERROR after the retries."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(ecg("analyze", f"http://127.0.0.1:{port}/talk.mp4"), "DOWNLOAD_ERROR", exit_code=1)
    nothing_left(tmp_path)


@pytest.mark.usefixtures("stub", "server", "_impatient")
def test_a_reset_in_the_middle(ecg: Ecg, tmp_path: Path, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that always breaks half-way is DOWNLOAD_ERROR after the retries, and nothing looks finished."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    content = talk.read_bytes()

    def broken(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        request.close_connection = True

    with serving(broken) as address:
        refused(ecg("analyze", f"{address}/talk.mp4"), "DOWNLOAD_ERROR", exit_code=1)
    nothing_left(tmp_path)


# the store


@pytest.mark.usefixtures("stub", "server")
def test_a_store_that_cannot_be_written(ecg: Ecg, tmp_path: Path, talk: Path, stub: StubEngine) -> None:
    """An unusable output folder is PUBLISH_ERROR before the expensive work."""
    (tmp_path / "file").touch()
    refused(ecg("analyze", str(talk), "--out", "file"), "PUBLISH_ERROR", exit_code=1)
    assert "transcribe" not in (stub.log.read_text() if stub.log.exists() else "")


@pytest.mark.usefixtures("stub", "server")
def test_a_store_that_fills_up(ecg: Ecg, tmp_path: Path, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that stops taking objects while publishing is PUBLISH_ERROR: no manifest, temporary files gone."""
    from tasks.publish import publish

    monkeypatch.setattr(publish.task, "retry_delay_seconds", [0.05])
    (tmp_path / "ecg-results").mkdir()
    (tmp_path / "ecg-results/features").touch()
    ended = ecg("analyze", str(talk))
    assert ended.code == 1 and "(PUBLISH_ERROR)" in ended.err
    nothing_left(tmp_path)
    assert not list((tmp_path / "ecg-results/runs").glob("*/*"))


@pytest.mark.usefixtures("stub", "server")
def test_one_bad_source_costs_the_others_nothing(ecg: Ecg, talk: Path) -> None:
    """Of several sources the good ones are analysed; each gets a JSON object, and one failure shows in the exit."""
    ended = ecg("analyze", "nowhere.mp4", str(talk), "--json")
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 2
    assert [(one["status"], one["error_code"]) for one in found] == [
        ("failed", "SOURCE_NOT_FOUND"),
        ("completed", None),
    ]
    assert [one["source"] for one in found] == ["nowhere.mp4", str(talk)]


@pytest.mark.usefixtures("stub", "server")
def test_odd_names_cost_the_others_nothing(ecg: Ecg, talk: Path, tmp_path: Path) -> None:
    """Names with line breaks, colours or bytes that are no text have an object each, with their source and why."""
    odd = ["two\nlines.wav", "\x1b[31mred.wav", os.fsdecode(b"caf\xe9.wav"), ""]
    for name in odd[:3]:
        (tmp_path / name).write_bytes(talk.read_bytes())
    ended = ecg("analyze", *odd, str(talk), "--json")
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 2
    assert [one["source"] for one in found] == [r"two\nlines.wav", r"\x1b[31mred.wav", r"caf\udce9.wav", "", str(talk)]
    assert [one["status"] for one in found] == ["failed"] * 4 + ["completed"]
    assert {one["error_code"] for one in found[:4]} == {"INVALID_REQUEST"}
    assert [one["job_id"] for one in found] == [None] * 4 + [talk.stem]
    for name in (r"two\nlines.wav", r"\x1b[31mred.wav", r"caf\udce9.wav"):
        assert name in ended.err
    assert "\x1b[31mred" not in ended.err


@pytest.mark.usefixtures("stub", "server")
def test_a_wrong_option_is_said_once(ecg: Ecg, talk: Path) -> None:
    """What is wrong with an option is no fault of any source: it is said once, and nothing is begun."""
    refused(ecg("analyze", "nowhere.mp4", str(talk), "--language", "english!"), "INVALID_REQUEST")
