"""What `ecg serve` says before it starts anything."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.settings.models.server.services import ServerServicesDBVacuumSettings

from deployments.service import prefect_server
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


@pytest.mark.parametrize(
    ("days", "kinds"), [("30", {"events", "flow_runs", "orphans"}), ("forever", {"events", "orphans"})]
)
def test_runs_are_kept_as_long_as_the_operator_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, days: str, kinds: set[str]
) -> None:
    """The setting reaches Prefect's server by its own variables."""
    from deployments.service.serve import ServeOptions, _services

    monkeypatch.setenv("ECG_KEEP_JOBS_DAYS", days)
    wanted = ServeOptions("127.0.0.1", 1, 2, None, "embedded", 1, tmp_path, warm=False, drain_s=1.0, plain=True)
    (server,) = (one for one in _services(wanted, None, "key", with_models=False) if one.name == "server")
    assert server.env is not None
    for name in server.env.keys() & {prefect_server.VACUUM, prefect_server.RETENTION_S}:
        monkeypatch.setenv(name, server.env[name])
    vacuum = ServerServicesDBVacuumSettings()
    assert vacuum.enabled_vacuum_types == kinds
    assert "flow_runs" not in kinds or vacuum.retention_period == timedelta(days=30)
