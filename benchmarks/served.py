"""`ecg serve` as a process of its own, in a folder of its own, whose processes can be found and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.service import ROOT, free_port, until
from deployments.service import guard
from tests.support.s3 import Rclone

SERVE = {
    "embedded": (sys.executable, "-m", "deployments.cli", "serve", "--models", "embedded"),
    "stub": (sys.executable, "-m", "tests.support.processes.stubbed_serve", "--models", "embedded"),
}


@dataclass(frozen=True)
class Seen:
    """A process of the service as /proc shows it."""

    pid: int
    name: str
    command: str
    parent: str


class Service:
    """`ecg serve` in a folder of its own, which can be killed whole and begun again.

    Args:
        folder: empty; everything is in it.
        models: "embedded", or "stub" for an engine without models.
        jobs_at_once: the service's `--limit`.
        backend: the port of the receiver.
        store: an S3 service; None: a folder.
    """

    def __init__(self, folder: Path, models: str, jobs_at_once: int, backend: int, store: Rclone | None) -> None:
        self.folder = folder
        self._models = models
        self._jobs_at_once = jobs_at_once
        port, self._prefect = free_port(), free_port()
        self.gateway = f"http://127.0.0.1:{port}"
        self._port = port
        for name in ("tmp", "work"):
            (folder / name).mkdir(mode=0o700, parents=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ECG_"))}
        self._environment = clean | {
            "ECG_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ECG_STORE": str(folder / "store"),
            "ECG_WORK_DIR": str(folder / "work"),
            "FASTAPI_BASE_URL": f"http://127.0.0.1:{backend}",
            "TMPDIR": str(folder / "tmp"),
        }
        if cache := os.environ.get("ECG_CACHE_DIR"):
            self._environment["ECG_CACHE_DIR"] = cache
        if store:
            store.start()
            bucket = {"S3_BUCKET_NAME": store.bucket(), "ECG_STORE": "s3-bucket/ecg"}
            self._environment |= store.environment | bucket
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = ""

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "printed"

    def start(self) -> float:
        """Start it; returns after how many seconds everything was up."""
        began = time.monotonic()
        before = self.log.read_text().count("up in") if self.log.exists() else 0
        ports = [f"--port={self._port}", f"--prefect-port={self._prefect}"]
        words = [*SERVE[self._models], *ports, f"--limit={self._jobs_at_once}", f"--data={self.folder / 'data'}"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(words, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        self._process = process

        def up() -> bool:
            if process.poll() is not None:
                raise RuntimeError(self.log.read_text()[-2000:])
            return self.log.read_text().count("up in") > before

        until(up, "the service is up")
        self._mark = self._family_mark()
        return time.monotonic() - began

    def _family_mark(self) -> str:
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            environment = Path(f"/proc/{child}/environ").read_bytes().decode(errors="replace")
            if found := environment.partition(f"{guard.VARIABLE}=")[2].partition("\0")[0]:
                return found
        raise RuntimeError("no process of the service carries its mark")

    def kill(self) -> None:
        """SIGKILL for the supervisor; its guard ends the rest."""
        assert self._process
        self._process.kill()
        self._process.wait()
        until(lambda: not guard.family(self._mark), "the guard has ended all processes", 30.0)

    def processes(self) -> Iterator[Seen]:
        """All processes of the service that run now, the supervisor's guard among them."""
        assert self._process
        guards = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in {*guard.family(self._mark), *map(int, guards)}:
            with suppress(OSError, IndexError, ValueError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
                yield Seen(pid, name, _words(pid), _words(int(parent)))

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """One question to Prefect's server."""
        user, _, password = (self.folder / "data" / "prefect" / "key").read_text().strip().partition(":")
        address = f"http://127.0.0.1:{self._prefect}/api{path}"
        return httpx.post(address, json=body, auth=(user, password), timeout=60.0).raise_for_status().json()

    def stop(self) -> list[int]:
        """Stop it as an operator does, if it runs; returns the processes that it has left."""
        if self._process is None or self._process.poll() is not None:
            return guard.family(self._mark) if self._mark else []
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        time.sleep(1.0)
        return guard.family(self._mark) if self._mark else []


def _words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
