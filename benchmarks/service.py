"""A service of a benchmark's own: Prefect's server, work pools with their workers, a fork server, in one folder."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from deployments.service import postgres, prefect_server, session
from deployments.service.warm import client
from ecg_audio.telemetry import TELEMETRY_OFF

ROOT = Path(__file__).parent.parent
PATIENCE_S = 300.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
COLD = "python -m prefect.engine"
STUBBED = "benchmarks.stubbed.analyze"
STUBBED_TASKS = 9
"""Of one run: download, extract, measure, transcribe, align, diarize, find_events, assemble, publish."""
WARM = "python -m deployments.service.warm.client"


class Service:
    """Starts processes and asks the server; everything ends with `stack`.

    Args:
        folder: of everything that is written.
        stack: ends the processes.
        api: a server that runs already; None: `start_server` starts one.
    """

    def __init__(self, folder: Path, stack: ExitStack, api: str | None = None) -> None:
        self.folder = folder
        self._stack = stack
        port = free_port()
        self.api = api or f"http://127.0.0.1:{port}/api"
        self.store = folder / "store"
        self.environment = {
            **os.environ,
            **TELEMETRY_OFF,
            **({} if api else session.LOCAL_CLIENT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "ECG_WORK_DIR": str(folder / "work"),
            "ECG_WARM_SOCKET": str(folder / "warm" / "socket"),
        }
        self.http = stack.enter_context(httpx.Client(base_url=self.api, timeout=30))

    def start_server(self, database: str | None) -> None:
        """Start Prefect's server, set up as `ecg serve` does.

        Args:
            database: a connection URL; None: SQLite in the folder.
        """
        url = database or f"sqlite+aiosqlite:///{self.folder}/prefect.db"
        port = str(httpx.URL(self.api).port)
        command = [sys.executable, "-m", "deployments.service.prefect_server", port]
        settings = prefect_server.settings() | {"PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
        self.start("server", command, **settings, PREFECT_UI_ENABLED="false")
        until(self._answers, "Prefect's server answers")

    def _answers(self) -> bool:
        try:
            return self.http.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    def start_warm(self, **environment: str) -> None:
        """Start a fork server and wait until it answers."""
        self.start("warm", [sys.executable, "-m", "deployments.service.warm.server"], **environment)

        def answers() -> bool:
            with contextlib.suppress(client.NotWarm):
                return bool(client.ping(self.environment["ECG_WARM_SOCKET"]))
            return False

        until(answers, "the fork server answers")

    def staff(self, pool: str, *, workers: int = 1, query_s: float | None = None, limit: int | None = None) -> None:
        """Make a work pool of processes, start its workers, and wait until the server knows them.

        Args:
            pool: its name.
            workers: how many.
            query_s: how often each asks for runs; None: Prefect's default.
            limit: how many runs at once, for each worker; None: any number.
        """
        self.ask("/work_pools/", {"name": pool, "type": "process"})
        names = {f"{pool}-{number}" for number in range(workers)}
        command = [sys.executable, "-m", "deployments.service.worker", "--pool", pool]
        options = ["--limit", str(limit)] if limit else []
        asked = {"PREFECT_WORKER_QUERY_SECONDS": str(query_s)} if query_s else {}
        for name in names:
            self.start(name, [*command, "--name", name, *options], **asked)
        workers_path = f"/work_pools/{pool}/workers/filter"
        until(lambda: {worker["name"] for worker in self.ask(workers_path, {})} == names, "all workers are known")

    def start(self, name: str, command: list[str], **environment: str) -> "subprocess.Popen[bytes]":
        """Start a process that ends with the service; what it says goes to `NAME.log`."""
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command, cwd=ROOT, env={**self.environment, **environment}, stdout=log, stderr=subprocess.STDOUT
        )
        self._stack.callback(_end, process)
        return process

    def deploy(self, name: str, *, pool: str, entrypoint: str = STUBBED, command: str | None = WARM) -> str:
        """A deployment; returns its id.

        Args:
            name: of the deployment.
            pool: whose workers start its runs.
            entrypoint: the flow, as a module path.
            command: what a worker starts for a run; None: Prefect's default.
        """
        flow = self.ask("/flows/", {"name": entrypoint.rpartition(".")[2]})
        variables: dict[str, Any] = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}
        if command:
            variables |= {"command": command, "working_dir": str(ROOT)}
        wanted = {"name": name, "flow_id": flow["id"], "entrypoint": entrypoint, "work_pool_name": pool}
        deployment = self.ask("/deployments/", {**wanted, "pull_steps": [], "job_variables": variables})
        return str(deployment["id"])

    def trigger(self, deployment: str, parameters: dict[str, Any], key: str) -> str:
        """Ask for a run as a backend does, with a key of its own, until the server takes it; returns the run's id."""
        wanted = {"parameters": parameters, "idempotency_key": key, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/deployments/{deployment}/create_flow_run", wanted)["id"])

    def ended(self, run: str) -> str | None:
        """How a run ended; None: it has not."""
        state = self.ask(f"/flow_runs/{run}")["state_type"]
        return state if state in ENDED else None

    def tasks(self, run: str) -> list[tuple[float, float]]:
        """When the tasks of a run began and ended, as far as the server knows, in order, in seconds since 1970."""
        found = self.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return sorted((_seconds(task["start_time"]), _seconds(task["end_time"])) for task in found if task["end_time"])

    def states(self, run: str) -> dict[str, float]:
        """When a run entered its states, by their types, in seconds since 1970."""
        found = self.ask(f"/flow_run_states/?flow_run_id={run}")
        return {state["type"]: _seconds(state["timestamp"]) for state in reversed(found)}

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request, repeated while the server cannot answer it: its database is locked, or it is overrun."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self.http.get(path) if body is None else self.http.post(path, json=body)
                if answer.status_code not in {429, 500, 503}:
                    answer.raise_for_status()
                    return answer.json()
                problem = f"HTTP {answer.status_code}"
            except httpx.TransportError as error:
                problem = repr(error)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path}: {problem}")
            time.sleep(0.2)


@contextmanager
def service(folder: Path, *, api: str | None = None) -> Iterator[Service]:
    """A service that ends with the block; nothing runs in it yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        yield Service(folder, stack, api)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The PostgreSQL that `ecg serve` brings, in a folder with a short path; yields its URL for Prefect."""
    server = subprocess.Popen(
        [sys.executable, "-m", "deployments.service.postgres", str(folder)], stderr=subprocess.DEVNULL
    )
    accepts = postgres.accepts(folder)
    try:
        until(lambda: accepts(time.time()), "PostgreSQL takes connections")
        yield postgres.url(folder)
    finally:
        _end(server)


def short_recording(folder: Path, number: int = 0) -> Path:
    """One second of a buzz, 16 kHz mono; another one for each number."""
    path = folder / f"short-{number}.wav"
    times = np.arange(16_000) / 16_000
    sound = sum(np.sin(2 * np.pi * (120 + number / 10) * harmonic * times) / harmonic for harmonic in range(1, 6))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.asarray(sound) * 6000).astype("<i2").tobytes())
    return path


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S, *, step_s: float = 0.1) -> None:
    """Wait for something that must happen.

    Args:
        condition: whether it has.
        what: for the error.
        seconds: how long, at most.
        step_s: between two looks; looking costs the server something, too.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(step_s)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def manifests(store: Path) -> dict[str, Any]:
    """What is published, by job."""
    return {path.parent.name: json.loads(path.read_text()) for path in store.glob("results/*/manifest.json")}


def load_average() -> float:
    """How busy the machine was in the last minute: processes that run or wait for the CPU."""
    return os.getloadavg()[0]


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
