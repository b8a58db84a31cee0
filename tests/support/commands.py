"""Running `ecg` inside the test's own process, as its users see it: arguments in; exit code, stdout and stderr out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Ecg = Callable[..., Ended]


@pytest.fixture
def ecg(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Ecg:
    """Call `ecg` with arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ecg", *arguments])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def server(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands use the tests' Prefect server, as if a user had configured it."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
