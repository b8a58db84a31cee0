"""The private Prefect server of a command: it says when it answers, and ends with the command."""

import contextlib
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    get_current_settings,
    temporary_settings,
)

from deployments.service import private_server, session
from deployments.service.session import PrivateServer, reachable
from ecg_audio import environment
from ecg_audio.errors import InsufficientResources
from tests.support import REPOSITORY
from tests.support.waiting import until


def folders() -> set[Path]:
    """Where private servers keep their databases now."""
    return set(Path(tempfile.gettempdir()).glob("ecg-prefect-*"))


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_answers_when_it_says_so_and_leaves_nothing_behind() -> None:
    """After `wait` requests are answered; after `stop` neither process nor database is there."""
    server = PrivateServer(None)
    try:
        server.wait()
        assert reachable(server.address)
        assert len(folders()) == 1
    finally:
        server.stop()
    assert not reachable(server.address) and not folders()


def test_its_port_is_its_own_before_it_listens() -> None:
    """From the first moment nobody else is given the port, of however many commands that begin at once."""
    server = PrivateServer(None)
    try:
        address = httpx.URL(server.address)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((address.host, address.port))
    finally:
        server.stop()


def test_it_asks_for_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients send none, so an environment that wants servers to ask for tokens does not shut them out."""
    monkeypatch.setenv("PREFECT_SERVER_CSRF_PROTECTION_ENABLED", "true")
    server = PrivateServer(None)
    try:
        server.wait()
        assert httpx.post(f"{server.address}/flows/", json={"name": "any"}).status_code == 201
    finally:
        server.stop()


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[PrivateServer, str]]:
    """A server that asks for a key, and its key."""
    key = session.new_key()
    server = PrivateServer(key)
    try:
        server.wait()
        yield server, key
    finally:
        server.stop()


@pytest.mark.parametrize("path", ["flow_runs/filter", "logs/filter", "flow_runs/count", "block_documents/filter"])
def test_without_its_key_nothing_is_told(guarded: tuple[PrivateServer, str], path: str) -> None:
    """Other users of the machine, and pages that find the port, read no parameters and no lines."""
    server, key = guarded
    asked = {"url": f"{server.address}/{path}", "json": {}}
    assert httpx.post(**asked).status_code == 401
    assert httpx.post(**asked, auth=("ecg", "wrong")).status_code == 401
    user, _, password = key.partition(":")
    assert httpx.post(**asked, auth=(user, password)).status_code == 200


def test_without_its_key_nothing_is_changed(guarded: tuple[PrivateServer, str]) -> None:
    """Nobody else makes a flow or sets the state of a run."""
    server, _ = guarded
    state = {"state": {"type": "CANCELLED"}}
    run = "00000000-0000-0000-0000-000000000000"
    assert httpx.post(f"{server.address}/flow_runs/{run}/set_state", json=state).status_code == 401
    assert httpx.post(f"{server.address}/flows/", json={"name": "theirs"}).status_code == 401


def test_pages_of_other_origins_are_not_let_in(guarded: tuple[PrivateServer, str]) -> None:
    """A browser gives them no answer, whatever they ask, and may send none of their requests."""
    server, key = guarded
    foreign = {"Origin": "http://evil.example"}
    user, _, password = key.partition(":")
    answer = httpx.post(f"{server.address}/flow_runs/filter", json={}, headers=foreign, auth=(user, password))
    assert "access-control-allow-origin" not in answer.headers
    before = foreign | {"Access-Control-Request-Method": "POST"}
    asked = httpx.options(f"{server.address}/flow_runs/filter", headers=before)
    assert asked.status_code == 400 and "access-control-allow-origin" not in asked.headers


def test_a_key_is_nobody_elses_and_ends_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command makes its own; decoders, downloaders and models never see it, and nothing of it stays behind."""
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "PrivateServer", Mock(spec=PrivateServer))
    monkeypatch.setattr(session.PrivateServer.return_value, "address", "http://127.0.0.1:1/api", raising=False)
    keys = set()
    for _ in range(2):
        with session.prefect_server():
            keys.add(os.environ["PREFECT_API_AUTH_STRING"])
            for given in (environment.FFMPEG, environment.DOWNLOADER, environment.MODELS, environment.PREFECT_PROGRAM):
                assert not keys & set(environment.chosen(os.environ, given).values())
        assert "PREFECT_API_AUTH_STRING" not in os.environ
    assert len(keys) == 2


def test_a_whole_command_keeps_its_key_to_itself(talk: Path, tmp_path: Path) -> None:
    """A job on a closed server ends well; only that server's environment holds the key, and no line tells it."""
    command = [sys.executable, "-m", "tests.support.processes.stubbed_ecg", str(tmp_path / "log"), "transcribe"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    (tmp_path / "log").touch()
    job = subprocess.Popen(
        [*command, "analyze", str(talk), "--out", str(tmp_path / "results"), "--debug"],
        cwd=REPOSITORY,
        env=own | {"PREFECT_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: job.poll() is not None or "transcribe" in Path(tmp_path, "log").read_text().split())
    (given,) = environments_with(f"TMPDIR={tmp_path}", "PREFECT_SERVER_API_AUTH_STRING=")
    key, address = given["PREFECT_SERVER_API_AUTH_STRING"], given["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert environments_with(key) == [given]
    asked = {"url": f"{address}/api/flow_runs/filter", "json": {}}
    assert httpx.post(**asked).status_code == 401
    (run,) = httpx.post(**asked, headers={"Authorization": f"Basic {b64encode(key.encode()).decode()}"}).json()
    assert run["state_type"] == "RUNNING"
    (tmp_path / "transcribe").touch()
    said, _ = job.communicate(timeout=120)
    assert job.returncode == 0, said
    assert key not in said and key.partition(":")[2] not in said


def environments_with(*texts: str) -> list[dict[str, str]]:
    """The environments of running processes that hold all of some texts."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            text = file.read_text(errors="replace")
            if all(wanted in text for wanted in texts):
                found.append(dict(line.split("=", 1) for line in text.split("\0") if "=" in line))
    return found


def test_its_clients_trust_no_authority() -> None:
    """No TLS guards it: what they read is one certificate that vouches for nobody, not all authorities of the world."""
    context = ssl.create_default_context(cafile=session.LOCAL_CLIENT["PREFECT_API_SSL_CERT_FILE"])
    assert context.cert_store_stats() == {"x509": 1, "x509_ca": 0, "crl": 0}


@pytest.mark.parametrize(("server", "seconds"), [(None, 60), (Mock(spec=PrivateServer), None)])
def test_runs_on_it_send_no_heartbeats(server: PrivateServer | None, seconds: int | None) -> None:
    """Those on a server that is configured do, as often as it is set."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 60}), session.unwatched(server):
        assert get_current_settings().flows.heartbeat_frequency == seconds


def test_a_command_that_ends_early_does_not_wait_for_it() -> None:
    """A server that is still starting ends at once, and leaves nothing."""
    server = PrivateServer(None)
    while not folders():
        time.sleep(0.01)
    server.stop()
    assert server._process.returncode == 0  # by itself: after its time it would have been killed
    assert not folders()


def test_one_that_dies_while_it_starts_is_a_named_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`wait` does not sit out its time."""
    monkeypatch.setattr(session, "database_template", lambda: tmp_path)  # a folder cannot be copied
    server = PrivateServer(None)
    with pytest.raises(InsufficientResources, match="did not start"):
        server.wait()
    server.stop()


def test_a_database_from_the_template_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server skips because its template has it: all tables, and the types of blocks that stores are."""
    import httpx

    first = PrivateServer(None)  # makes the template, where there is none
    first.wait()
    deadline = time.monotonic() + 60
    while not session.database_template().exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    first.stop()
    assert private_server.FROM_TEMPLATE
    server = PrivateServer(None)
    try:
        server.wait()
        found = httpx.post(f"{server.address}/block_types/filter", json={}, timeout=30).json()
        assert {"s3-bucket", "local-file-system"} <= {kind["slug"] for kind in found}
        assert httpx.post(f"{server.address}/flow_runs/filter", json={}, timeout=30).json() == []
    finally:
        server.stop()


def test_who_waits_for_a_locked_database_is_told_to_come_again() -> None:
    """A writer who never ends keeps nobody waiting for Prefect's own minute, in which the whole server may stand."""
    import httpx

    server = PrivateServer(None)
    try:
        server.wait()
        (folder,) = folders()
        with contextlib.closing(sqlite3.connect(folder / "prefect.db", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            asked = {"name": "nobody"}
            assert httpx.post(f"{server.address}/flows/", json=asked, timeout=55.0).status_code == 503
            writer.execute("ROLLBACK")
        assert httpx.post(f"{server.address}/flows/", json=asked, timeout=55.0).is_success
    finally:
        server.stop()


def test_clients_that_write_at_once_are_not_refused() -> None:
    """Requests that read and then write wait for each other: a refused one would come again after seconds."""
    import httpx

    server = PrivateServer(None)
    lease = {"names": ["tag:speech"], "slots": 1, "mode": "concurrency", "lease_duration": 60}

    def write(name: str) -> set[int]:
        found = set()
        with httpx.Client(base_url=server.address, timeout=55.0) as client:
            flow = client.post("/flows/", json={"name": name}).json()["id"]
            for _ in range(8):
                found.add(client.post("/v2/concurrency_limits/increment-with-lease", json=lease).status_code)
                run = client.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "SCHEDULED"}}).json()
                begun = {"state": {"type": "RUNNING"}}
                found.add(client.post(f"/flow_runs/{run['id']}/set_state", json=begun).status_code)
        return found

    try:
        server.wait()
        with ThreadPoolExecutor(4) as pool:
            assert set().union(*pool.map(write, "abcd")) <= {200, 201}
    finally:
        server.stop()
