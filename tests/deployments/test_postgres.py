"""The database that `ecg serve` brings, where it could not begin."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from deployments.service import postgres
from deployments.service.supervisor import RestartPolicy, Service, Supervisor
from ecg_audio.errors import InvalidRequest, ServiceFailed
from tests.support.waiting import alive, until


@pytest.mark.parametrize("name", ["a, b", "a:b", "a" * 120])
def test_folders_that_cannot_be_its_address_are_named_beforehand(name: str, tmp_path: Path) -> None:
    """A path that clients would part, or that is too long for a socket, is refused with what to do."""
    with pytest.raises(InvalidRequest, match="--data") as refused:
        postgres.check(tmp_path / name)
    assert "Name" in refused.value.hint


def test_folders_with_other_names_are_taken(tmp_path: Path) -> None:
    """Spaces, quotes, percent signs and letters of any script are no obstacle."""
    folder = Path("/tmp/Ordner's 강의 100% \"?#&")  # nothing is made there
    postgres.check(folder)
    assert "강" not in postgres.url(folder) and " " not in postgres.url(folder)


def test_a_database_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """The program's own words are in the error, and nothing is left that would pass for a database."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "initdb").write_text(f"#!{sys.executable}\nimport sys\nsys.exit('initdb: the disk is full')\n")
    (programs / "initdb").chmod(0o755)
    with pytest.raises(ServiceFailed, match="the disk is full"):
        postgres._make(programs, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_database_that_hangs_is_begun_again(tmp_path: Path) -> None:
    """One that is stopped in its midst answers nobody; it is ended after its time, and the next one finds its data."""
    policy = RestartPolicy(first_rest_s=0.1, ask_s=0.1)
    with tempfile.TemporaryDirectory(prefix="ecg-tests-") as short:  # pytest's own folders are too deep for a socket
        folder = Path(short, "postgres")
        accepts = postgres.accepts(folder)
        run = [sys.executable, "-m", "deployments.service.postgres", str(folder)]
        service = Service("database", run, accepts, stop_s=30.0, silent_s=3.0)
        with Supervisor([service], tmp_path, policy) as supervisor:
            database = supervisor.supervised["database"]
            until(lambda: supervisor.up, step=supervisor.step)
            hung = database.pid
            assert hung
            made = (folder / "data" / "PG_VERSION").stat().st_mtime_ns
            os.kill(hung, signal.SIGSTOP)
            until(lambda: not alive(hung), step=supervisor.step)
            until(lambda: supervisor.up and database.pid != hung, step=supervisor.step)
            assert accepts(0.0) and (folder / "data" / "PG_VERSION").stat().st_mtime_ns == made
            supervisor.stop()
