"""Whether the hub's models can be had is answered quickly and truly."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_audio.compute import hub


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(params=[200, 307, 401, 503])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A server that answers HEAD with a known status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", request.param
        server.shutdown()


def test_a_hub_that_answers_is_there(answering: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Any answer will do, also a refusal, except that the server itself is broken."""
    endpoint, status = answering
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert hub.answers() is (status < 500)


def test_a_hub_that_never_answers_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is accepted and then ignored is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as silent_server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent_server.getsockname()[1]}")
        started = time.perf_counter()
        assert not hub.answers(within_s=0.4)
        assert time.perf_counter() - started < 0.8


def test_a_name_server_that_hangs_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit includes the name lookup, which has no timeout of its own."""
    released = threading.Event()

    def hang(*_: object, **__: object) -> object:
        released.wait(10)
        raise OSError("released")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.perf_counter()
    assert not hub.answers(within_s=0.4)
    assert time.perf_counter() - started < 0.8
    released.set()


def test_a_refused_connection_and_a_senseless_address_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listening, or an endpoint that is no address: not there, and no exception."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for endpoint in (f"http://127.0.0.1:{port}", "not an address", "http://"):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        assert not hub.answers(within_s=1.0)


def test_offline_mode_asks_nobody(answering: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE is obeyed even where the hub would answer."""
    monkeypatch.setenv("HF_ENDPOINT", answering[0])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not hub.answers()


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"])
def test_models_are_found_in_the_cache(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot with a file in it counts as on disk, wherever the cache was moved; an empty one does not."""
    folder = {"HF_HOME": tmp_path / "hub", "HF_HUB_CACHE": tmp_path, "XDG_CACHE_HOME": tmp_path / "huggingface/hub"}
    monkeypatch.setenv(variable, str(tmp_path))
    snapshot = folder[variable] / "models--owner--name" / "snapshots" / "abc"
    assert not hub.on_disk("owner/name")
    snapshot.mkdir(parents=True)
    assert not hub.on_disk("owner/name")
    (snapshot / "config.json").write_text("{}")
    assert hub.on_disk("owner/name")
    assert not hub.on_disk("owner/other")


def test_a_local_directory_is_on_disk(tmp_path: Path) -> None:
    """A model given as a folder needs no hub."""
    assert hub.on_disk(str(tmp_path))
