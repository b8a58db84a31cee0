import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_audio.results import manifest
from tests.support import REPOSITORY
from tests.support.commands import Ecg
from tests.support.stub_engine import StubEngine
from tests.support.waiting import until


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_killed_job_goes_on_where_it_was(ecg: Ecg, stub: StubEngine, talk: Path, tmp_path: Path) -> None:
    """After kill -9, the same job id repeats no finished stage and ends with one manifest and a right result."""
    store = tmp_path / "ecg-results"
    command = [sys.executable, "-m", "tests.support.processes.stubbed_ecg", str(stub.log), "transcribe"]
    arguments = ["analyze", str(talk), "--job-id", "job-1", "--out", str(store)]
    killed = subprocess.Popen([*command, *arguments], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    finished = ("download", "extract", "diarize", "measure")
    try:
        until(lambda: all(any(map(whole, store.glob(f"cache/*/{stage}-*"))) for stage in finished))
        until(lambda: "transcribe" in stub.log.read_text())
        assert not (store / "results").exists()
    finally:
        killed.kill()
        killed.wait()

    ended = ecg(*arguments, "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["status"], found["words"]) == (0, "completed", 4)
    assert {stage["name"]: stage["status"] for stage in found["stages"]} == {
        **dict.fromkeys(finished, "cached"),
        **dict.fromkeys(("transcribe", "align", "find_events", "assemble", "publish"), "completed"),
    }
    assert stub.log.read_text().split().count("diarize") == 1
    assert [path.parent.name for path in store.glob("results/*/manifest.json")] == ["job-1"]
    assert not list((tmp_path / "work").glob("*-*-*")), "what the killed process left is swept"


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_old_result_stands_when_a_revision_is_killed(
    ecg: Ecg, stub: StubEngine, talk: Path, tmp_path: Path
) -> None:
    """After kill -9 in its midst every output is as it was; the same corrections again make the new result."""
    store = tmp_path / "ecg-results"
    assert ecg("analyze", str(talk), "--job-id", "job-1", "--out", str(store)).code == 0
    before = (store / "results/job-1/manifest.json").read_bytes()
    edits = tmp_path / "edits.json"
    edits.write_text('{"segments": {"0": {"text": "hello where"}}}')
    arguments = ["revise", "job-1", "--edits", str(edits), "--out", str(store)]
    command = [sys.executable, "-m", "tests.support.processes.stubbed_ecg", str(stub.log), "align"]
    killed = subprocess.Popen([*command, *arguments], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    try:
        until(lambda: "align" in stub.log.read_text().split())
    finally:
        killed.kill()
        killed.wait()
    assert (store / "results/job-1/manifest.json").read_bytes() == before
    manifest.verify(manifest.loads(before), lambda key: (store / key).read_bytes())

    told = ecg(*arguments)
    assert told.code == 2 and "somebody else is revising" in told.err, "its claim stands for a minute"
    for mark in (store / "deliveries/claims").iterdir():
        mark.unlink()
    assert ecg(*arguments).code == 0
    written = manifest.loads((store / "results/job-1/manifest.json").read_bytes())
    manifest.verify(written, lambda key: (store / key).read_bytes())
    assert "where" in (store / written.outputs["srt"].key).read_text()


@pytest.mark.slow
def test_a_private_server_ends_with_the_command_that_was_killed(talk: Path, tmp_path: Path) -> None:
    """When `ecg` is killed, its Prefect server ends by itself."""
    command = [sys.executable, "-m", "tests.support.processes.stubbed_ecg", str(tmp_path / "log"), "transcribe"]
    killed = subprocess.Popen(
        [*command, "analyze", str(talk), "--out", str(tmp_path / "store")], cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: (tmp_path / "log").exists() and "transcribe" in (tmp_path / "log").read_text())
        servers = children(killed.pid)
        assert any("private_server" in name for name in servers.values())
    finally:
        killed.kill()
        killed.wait()
    until(lambda: not any(Path(f"/proc/{process_id}").exists() for process_id in servers))


def whole(record: Path) -> bool:
    """Whether Prefect has written all of a record, which it does in place."""
    try:
        return bool(json.loads(record.read_bytes()))
    except ValueError:
        return False


def children(parent: int) -> dict[int, str]:
    """The processes a process has started, with their command lines."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in found}
