"""A machine that works for a backend: Prefect's server, a worker and its flow runs, processes that can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State
from prefect.states import Crashed, Running, Scheduled
from prefect.workers.process import ProcessWorker

from deployments.service.session import database_template, reachable
from flows.analyze import analyze
from tests.support import REPOSITORY
from tests.support.ports import free_ports
from tests.support.waiting import until

POOL = "faults"
SLOTS = 3
STUBBED_RUN = "tests.support.processes.stubbed_run"
RECOGNISING = 45


@dataclass(frozen=True)
class Work:
    """One flow run on the machine. `folder` is where its stub engine logs, waits, and leaves its process id."""

    run_id: UUID
    folder: Path

    @property
    def process_id(self) -> int:
        """The process that runs it."""
        return int((self.folder / "pid").read_text())

    def begun(self) -> bool:
        """Whether it recognises speech by now, and Prefect knows."""
        calls = self.folder / "calls"
        return calls.exists() and "transcribe" in calls.read_text() and self.progress() >= RECOGNISING

    def progress(self) -> int:
        """The figure that its progress artifact says."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [str(self.run_id)]}, "type": {"any_": ["progress"]}}}
        with get_client(sync_client=True) as client:
            found = client.request("POST", "/artifacts/filter", json=wanted).json()
        return int(found[0]["data"]) if found else 0

    def go_on(self) -> None:
        """Let it finish what it hangs in."""
        (self.folder / "transcribe").touch()

    def state(self) -> State[Any]:
        """What Prefect says of it."""
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(self.run_id).state
            assert state
            return state

    def kill(self) -> None:
        """Kill -9."""
        os.kill(self.process_id, signal.SIGKILL)

    def lost(self) -> bool:
        """Whether Prefect knows that its process is gone."""
        return self.state().is_crashed()

    def over(self) -> bool:
        """Whether Prefect takes it for ended."""
        return self.state().is_final()


class Machine:
    """Everything on one machine; `patience_s` is how long a run tries its own terminal callback."""

    def __init__(self, folder: Path, talk: Path, patience_s: float) -> None:
        [self._port] = free_ports(1)
        self.address = f"http://127.0.0.1:{self._port}/api"
        self.folder = folder
        self._talk = talk
        self._server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self._fork_server: subprocess.Popen[bytes] | None = None
        self._deployment: UUID | None = None
        self._environment = {
            **os.environ,
            "PREFECT_HOME": str(folder / "prefect"),
            "ECG_WORK_DIR": str(folder / "work"),
            "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ECG_CALLBACK_PATIENCE_S": str(patience_s),
            "PREFECT_API_URL": self.address,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
            "ECG_WARM_SOCKET": str(folder / "warm" / "socket"),
        }

    def start_server(self) -> None:
        """Start Prefect's server, on the database that it had before."""
        words = [sys.executable, "-m", "tests.support.processes.lasting_server"]
        database = self.folder / "prefect.db"
        self._server = self._process([*words, str(self._port), str(database), str(database_template())])
        until(lambda: reachable(self.address))

    def kill_server(self) -> None:
        """Kill -9."""
        assert self._server
        self._server.kill()
        _gone(self._server)

    def start_worker(self) -> None:
        """Start a worker for the pool, and the fork server that its jobs are copies of."""
        if self._fork_server is None:
            self._fork_server = self._process([sys.executable, "-m", "deployments.service.warm.server", "--until-eof"])
        words = [sys.executable, "-m", "deployments.service.worker", "--pool", POOL]
        self.worker = self._process(words)

    def deploy(self) -> None:
        """Make the pool and the deployment."""
        with get_client(sync_client=True) as client:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
            self._deployment = client.create_deployment(
                client.create_flow(analyze),
                "analyze",
                work_pool_name=POOL,
                concurrency_limit=SLOTS,
                job_variables={
                    "command": f"{sys.executable} -m deployments.service.warm.client {STUBBED_RUN}",
                    "working_dir": str(REPOSITORY),
                },
            )

    def submit(
        self,
        job_id: str,
        callback: str,
        *,
        store: Path | None = None,
        key: str | None = None,
        begin: datetime | None = None,
        **stub: str,
    ) -> Work:
        """Hand a job in, as the gateway does; `hanging` and `failing` name stages of the stub engine."""
        assert self._deployment
        folder = self.folder / (key or job_id)
        folder.mkdir(exist_ok=True)
        asked = {
            "source": str(self._talk),
            "job_id": job_id,
            "store": str(store or folder / "store"),
            "callback": {"base_url": callback, "locale": "en"},
        }
        environment = {"STUB_FOLDER": str(folder)} | {f"STUB_{name.upper()}": stage for name, stage in stub.items()}
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(
                self._deployment,
                parameters={"request": asked},
                state=Scheduled(scheduled_time=begin) if begin else None,
                idempotency_key=key or job_id,
                job_variables={"env": environment},
            )
        return Work(run.id, folder)

    def lose(self, job_id: str, callback: str) -> None:
        """Leave a run that nobody ever started as Prefect leaves one whose process is gone."""
        work = self.submit(job_id, callback, begin=datetime.now(UTC) + timedelta(days=1))
        with get_client(sync_client=True) as client:
            for state in (Running(), Crashed(message="exit code -9")):
                client.set_flow_run_state(work.run_id, state, force=True)

    def reconcile(self, processes: int) -> list[int]:
        """Run so many reconcilers at once, each in a process of its own; returns their exit codes."""
        words = [sys.executable, "-c", "from flows.reconcile import reconcile; reconcile()"]
        running = [self._process(words) for _ in range(processes)]
        for process in running:
            _gone(process, 300.0)
        return [process.returncode for process in running]

    def used_slots(self) -> int:
        """How many of the deployment's places Prefect takes for occupied."""
        assert self._deployment
        with get_client(sync_client=True) as client:
            limit = client.read_deployment(self._deployment).global_concurrency_limit
            assert limit
            return limit.active_slots

    def _process(self, words: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                words, cwd=REPOSITORY, env=self._environment, stdin=subprocess.PIPE, stdout=output, stderr=output
            )

    def kill_worker(self) -> None:
        """Kill -9."""
        assert self.worker
        self.worker.kill()
        _gone(self.worker)

    def stop(self) -> None:
        """End everything."""
        if self.worker and self.worker.poll() is None:
            self.worker.terminate()
            _gone(self.worker)
        for noted in self.folder.glob("*/pid"):  # what a failed test left hanging
            if _is_job(int(noted.read_text())):
                os.kill(int(noted.read_text()), signal.SIGKILL)
        if self._fork_server:
            _gone(self._fork_server)
        if self._server:
            _gone(self._server)


def _is_job(process_id: int) -> bool:
    process = Path(f"/proc/{process_id}")
    try:
        return "ecg-job" in (process / "comm").read_text() or "stubbed_run" in (process / "cmdline").read_text()
    except OSError:
        return False


def _gone(process: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def working(folder: Path, talk: Path, patience_s: float) -> Iterator[Machine]:
    """A machine that is ready for jobs, and that this process's Prefect client talks to."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from deployments.service.session import _drain

    machine = Machine(folder, talk, patience_s)
    try:
        machine.start_server()
        with temporary_settings({PREFECT_API_URL: machine.address}):
            machine.deploy()
            machine.start_worker()
            yield machine
            _drain()
    finally:
        machine.stop()
