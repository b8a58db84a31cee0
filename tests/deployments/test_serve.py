"""What `ecg serve` says before it starts anything."""

import os
import socket
from pathlib import Path

import pytest

from tests.support.commands import Ecg


@pytest.mark.usefixtures("tiny")
def test_a_busy_port_is_named_before_anything_starts(ecg: Ecg, tmp_path: Path) -> None:
    """Who listens there already is left alone, and the option that helps is named."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = ecg("serve", "--port", str(port), "--data", str(tmp_path / "data"))
    assert ended.code == 2
    assert f"127.0.0.1:{port} cannot be listened on" in ended.err
    assert "--port" in ended.err
    assert not (tmp_path / "data" / "logs").exists()


def test_a_configured_server_that_is_away_is_named(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PREFECT_API_URL set, no server of its own is started in its place."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = ecg("serve")
    assert (ended.code, "no Prefect server answers at http://127.0.0.1:9/api" in ended.err) == (2, True)


@pytest.mark.usefixtures("tiny")
def test_one_data_folder_serves_once(ecg: Ecg, tmp_path: Path) -> None:
    """A second `ecg serve` on the same data says who has it."""
    from deployments.service.serve import _alone

    with _alone(tmp_path / "data"):
        ended = ecg("serve", "--data", str(tmp_path / "data"))
    assert (ended.code, f"pid {os.getpid()}" in ended.err) == (2, True)
