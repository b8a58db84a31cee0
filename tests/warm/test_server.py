import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.service.warm import client
from deployments.service.warm.client import NotWarm
from deployments.service.warm.imports import READ_ONCE
from tests.support import REPOSITORY
from tests.support.processes import work
from tests.support.waiting import alive, until

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the fork server needs Linux")

NEEDED = (
    "deployments/__init__.py",
    *(f"ecg_audio/{name}.py" for name in ("__init__", "environment", "errors", "peer", "telemetry")),
)


class Place:
    """A checkout of its own, small and quick to import, and a fork server in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "s" / "socket"
        self.environment = {**os.environ, "ECG_WARM_SOCKET": str(self.socket), "PYTHONPATH": str(root)}
        for name in NEEDED:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
        shutil.copytree(REPOSITORY / "deployments/service/warm", root / "deployments/service/warm")
        (root / "tasks").mkdir()
        (root / "tasks/__init__.py").touch()
        shutil.copy(work.__file__, root / "tasks" / "work.py")

    def serve(self, *options: str) -> subprocess.Popen[str]:
        """Start a fork server and wait until it answers."""
        options = options or ("--import", "json", "tasks.work")
        command = [sys.executable, "-m", "deployments.service.warm.server", *options]
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until(lambda: process.poll() is not None or self.health())
        return process

    def health(self) -> dict[str, float] | None:
        """What the server says of itself; None: it does not answer."""
        try:
            return client.ping(str(self.socket))
        except NotWarm:
            return None

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start a job's process, as a worker does."""
        command = [sys.executable, "-m", "deployments.service.warm.client", "tasks.work", *arguments]
        wanted = {"cwd": self.root, "env": self.environment, "stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **wanted)  # type: ignore[call-overload, no-any-return]

    def run(self, *arguments: str, **options: object) -> tuple[int, str, str]:
        """Run a job to its end: exit code, output, error output."""
        job = self.start(*arguments, **options)
        out, err = job.communicate(timeout=60)
        return job.returncode, out, err


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that may have been stopped or have ended."""
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A checkout without a server."""
    return Place(tmp_path)


@pytest.fixture
def serving(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A fork server in that checkout."""
    server = place.serve()
    assert server.poll() is None, server.communicate()[1]
    yield server
    stop(server)


def staying(place: Place, tmp_path: Path, name: str = "job") -> tuple[subprocess.Popen[str], int, int, Path]:
    """A job that has begun and waits: its client, its process, a child of that, the file that lets it end."""
    note, end = tmp_path / f"{name}-began", tmp_path / f"{name}-end"
    job = place.start("stay", str(note), str(end))
    until(note.exists)
    own, child = map(int, note.read_text().split())
    return job, own, child, end


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("end", "0"), 0),
        (("end", "3"), 3),
        (("raise",), 1),
        (("die", "9"), -9),
        (("die", "11"), -11),
        (("die", "15"), -15),
    ],
)
@pytest.mark.usefixtures("serving")
def test_the_end_of_a_job_is_the_end_of_its_client(place: Place, arguments: tuple[str, ...], code: int) -> None:
    """Exit codes and deadly signals come through as they are, and errors are told on the job's own error output."""
    ended, _, told = place.run(*arguments)
    assert ended == code, told
    assert "cold" not in told
    assert ("ValueError: as asked" in told) == (arguments == ("raise",))


@pytest.mark.usefixtures("serving")
def test_a_job_has_its_clients_environment_and_nothing_of_the_servers(place: Place, tmp_path: Path) -> None:
    """Variables, folder, arguments, umask and open files are those of the process that the worker started."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(READ_ONCE)}
    given = {**kept, "PATH": os.environ["PATH"], "PYTHONPATH": str(place.root)}
    given |= {"ECG_WARM_SOCKET": str(place.socket), "MINE": "한"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (tmp_path / "input").open("w+") as file:
        file.write("read me")
        file.flush()
        file.seek(0)
        before = os.umask(0o027)
        try:
            code, out, told = place.run("show", "a b", env=given, cwd=elsewhere, stdin=file)
        finally:
            os.umask(before)
    assert (code, told) == (0, "")
    found = json.loads(out)
    assert found.pop("environment").items() - {("LC_CTYPE", "C.UTF-8")} == given.items()
    assert found == {
        "folder": str(elsewhere),
        "arguments": ["show", "a b"],
        "umask": 0o027,
        "input": "read me",
        "name": "ecg-job",
    }


@pytest.mark.usefixtures("serving")
def test_a_signal_to_the_client_reaches_the_job(place: Place, tmp_path: Path) -> None:
    """SIGTERM is the job's to handle, and its answer is the client's exit code."""
    job, own, _, _ = staying(place, tmp_path)
    job.terminate()
    job.communicate(timeout=20)
    assert job.returncode == 7
    until(lambda: not alive(own))


@pytest.mark.usefixtures("serving")
def test_killing_the_client_kills_the_job_and_what_it_started(place: Place, tmp_path: Path) -> None:
    """After kill -9 of the process that the worker knows, nothing of the job runs on."""
    job, own, child, _ = staying(place, tmp_path)
    job.kill()
    job.communicate()
    until(lambda: not alive(own) and not alive(child), 10)
    until(lambda: (place.health() or {})["jobs"] == 0, 10)


def test_jobs_outlive_the_server_and_the_next_ones_start_cold(place: Place, tmp_path: Path) -> None:
    """After kill -9 of the server its jobs go on, and end with their clients; a new server takes the socket over."""
    server = place.serve()
    goes_on, _, _, end = staying(place, tmp_path, "goes-on")
    killed, own, child, _ = staying(place, tmp_path, "killed")
    dies, *both, _ = staying(place, tmp_path, "dies")
    stop(server)

    began = time.monotonic()
    code, out, told = place.run("version")
    assert (code, out) == (0, "old\n")
    assert time.monotonic() - began < 2
    assert told.count("\n") == 1
    assert "a cold start, without the fork server: it does not listen: Connection refused" in told

    killed.kill()
    killed.communicate()
    until(lambda: not alive(own) and not alive(child), 10)
    for process_id in both:
        os.kill(process_id, signal.SIGKILL)
    assert "its exit code is not known" in dies.communicate(timeout=20)[1]
    assert dies.returncode == 1
    end.touch()
    goes_on.communicate(timeout=20)
    assert goes_on.returncode == 5

    server = place.serve()
    assert place.run("end", "4")[::2] == (4, "")
    stop(server)


def test_a_hung_server_holds_nobody_up_and_starts_nothing_later(
    place: Place, serving: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A job whose server does not answer within a second starts cold, and is not run again when the server wakes."""
    serving.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    job, _, _, end = staying(place, tmp_path)
    assert time.monotonic() - began < 3
    (tmp_path / "job-began").unlink()
    serving.send_signal(signal.SIGCONT)
    until(lambda: place.health() and (place.health() or {})["jobs"] == 0, 10)
    assert not (tmp_path / "job-began").exists()
    end.touch()
    assert "cold start" in job.communicate(timeout=20)[1]
    assert job.returncode == 5


def test_changed_code_is_never_run_old(place: Place, serving: subprocess.Popen[str], tmp_path: Path) -> None:
    """When code on disk changes, the next job runs it from disk, the server starts itself anew, and keeps its jobs."""
    runs, *both, _ = staying(place, tmp_path)
    before = place.health()
    assert before
    code = place.root / "tasks/work.py"
    code.write_text(code.read_text().replace('VERSION = "old"', 'VERSION = "newer"'))

    _, out, told = place.run("version")
    assert out == "newer\n"
    assert "the code has changed since it started" in told
    until(lambda: (place.health() or before)["since"] > before["since"])
    assert place.health() == {"pid": serving.pid, "jobs": 1, "since": (place.health() or {})["since"]}
    assert place.run("version") == (0, "newer\n", "")

    for process_id in both:
        os.kill(process_id, signal.SIGKILL)
    runs.communicate(timeout=20)
    assert runs.returncode == -signal.SIGKILL
    assert (place.health() or {})["jobs"] == 0


@pytest.mark.usefixtures("serving")
def test_a_job_that_imports_would_read_differently_starts_cold(place: Place) -> None:
    """Variables that libraries read during imports must be the server's; the log names them and not their values."""
    _, out, told = place.run("show", env={**place.environment, "NUMBA_NUM_THREADS": "s3cret"})
    assert json.loads(out)["environment"]["NUMBA_NUM_THREADS"] == "s3cret"
    assert "NUMBA_NUM_THREADS must be as in its own environment" in told
    assert "s3cret" not in told


def test_many_jobs_at_once_and_nothing_left_of_them(place: Place) -> None:
    """Jobs side by side have their own results; afterwards the server has no child, zombie or open file more."""
    program = place.root / "deployments/service/warm/client.py"
    patient = program.read_text().replace("PATIENCE_S = 1.0", "PATIENCE_S = 60.0")  # however busy this machine is
    assert patient != program.read_text()
    program.write_text(patient)
    serving = place.serve()
    descriptors = Path(f"/proc/{serving.pid}/fd")
    before = len(list(descriptors.iterdir()))
    jobs = [place.start("end", str(number)) for number in range(20)]
    told = [job.communicate(timeout=60)[1] for job in jobs]
    assert [job.returncode for job in jobs] == list(range(20))
    assert set(told) == {""}
    until(lambda: len(list(descriptors.iterdir())) <= before, 10)
    assert not Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text()
    stop(serving)


@pytest.mark.usefixtures("serving")
def test_one_socket_has_one_server(place: Place) -> None:
    """A second server for the same socket says that there is one, and the first serves on."""
    second = place.serve("--import", "json")
    assert second.wait(20) == 2
    assert "serves" in second.communicate()[1]
    assert place.run("end", "0")[::2] == (0, "")


def test_a_folder_that_others_can_enter_is_refused(place: Place) -> None:
    """Neither server nor client uses a socket where another user could have put one."""
    place.socket.parent.mkdir()
    place.socket.parent.chmod(0o755)  # whatever is taken from modes here
    refused = place.serve()
    assert refused.wait(20) == 2
    assert "closed to others" in refused.communicate()[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.bind(str(place.socket))
        stranger.listen()
        assert "closed to others" in place.run("end", "0")[2]


def test_addresses_that_are_too_long_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path beyond the kernel's limit is refused with the variable to set."""
    monkeypatch.setenv("ECG_WARM_SOCKET", "/" + "a" * 200)
    with pytest.raises(NotWarm, match="ECG_WARM_SOCKET"):
        client.address()


def test_a_server_ends_with_its_standard_input(place: Place) -> None:
    """With --until-eof, the server does not outlive whoever holds its input."""
    server = place.serve("--until-eof", "--import", "json")
    assert server.poll() is None
    assert server.stdin
    server.stdin.close()
    assert server.wait(20) == 0
    assert server.stderr
    server.stderr.close()


def test_what_starts_threads_is_not_imported_ahead(place: Place) -> None:
    """A server that would be copied without one of its threads refuses to serve."""
    (place.root / "tasks/busy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    refused = place.serve("--import", "tasks.busy")
    assert refused.wait(20) == 2
    assert "starts a thread" in refused.communicate()[1]
