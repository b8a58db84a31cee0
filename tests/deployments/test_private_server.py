"""The private Prefect server of a command: it says when it answers, and ends with the command."""

import contextlib
import socket
import sqlite3
import ssl
import tempfile
import time
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
from ecg_audio.errors import InsufficientResources


def folders() -> set[Path]:
    """Where private servers keep their databases now."""
    return set(Path(tempfile.gettempdir()).glob("ecg-prefect-*"))


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_answers_when_it_says_so_and_leaves_nothing_behind() -> None:
    """After `wait` requests are answered; after `stop` neither process nor database is there."""
    server = PrivateServer()
    try:
        server.wait()
        assert reachable(server.address)
        assert len(folders()) == 1
    finally:
        server.stop()
    assert not reachable(server.address) and not folders()


def test_its_port_is_its_own_before_it_listens() -> None:
    """From the first moment nobody else is given the port, of however many commands that begin at once."""
    server = PrivateServer()
    try:
        address = httpx.URL(server.address)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((address.host, address.port))
    finally:
        server.stop()


def test_it_asks_for_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients send none, so an environment that wants servers to ask for tokens does not shut them out."""
    monkeypatch.setenv("PREFECT_SERVER_CSRF_PROTECTION_ENABLED", "true")
    server = PrivateServer()
    try:
        server.wait()
        assert httpx.post(f"{server.address}/flows/", json={"name": "any"}).status_code == 201
    finally:
        server.stop()


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
    server = PrivateServer()
    while not folders():
        time.sleep(0.01)
    server.stop()
    assert server._process.returncode == 0  # by itself: after its time it would have been killed
    assert not folders()


def test_one_that_dies_while_it_starts_is_a_named_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`wait` does not sit out its time."""
    monkeypatch.setattr(session, "database_template", lambda: tmp_path)  # a folder cannot be copied
    server = PrivateServer()
    with pytest.raises(InsufficientResources, match="did not start"):
        server.wait()
    server.stop()


def test_a_database_from_the_template_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server skips because its template has it: all tables, and the types of blocks that stores are."""
    import httpx

    first = PrivateServer()  # makes the template, where there is none
    first.wait()
    deadline = time.monotonic() + 60
    while not session.database_template().exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    first.stop()
    assert private_server.FROM_TEMPLATE
    server = PrivateServer()
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

    server = PrivateServer()
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

    server = PrivateServer()
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
