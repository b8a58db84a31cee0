"""A running `ecg serve`, as a process of its own, whose model server has no models."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from deployments.service import guard
from ecg_audio.serving.connection import call
from tests.support import REPOSITORY
from tests.support.ports import free_ports
from tests.support.waiting import until


class Served:
    """A running `ecg serve`.

    Attributes:
        headers: what its gateway asks callers for.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], printed: Path, gateway: str, data: Path, key: str | None
    ) -> None:
        self.process = process
        self.headers = {"X-API-Key": key} if key else {}
        self._printed = printed
        self.gateway = gateway
        self.data = data

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._printed.read_text()

    def pids(self, service: str) -> list[int]:
        """The processes that a service has had, as printed."""
        return [int(pid) for pid in re.findall(rf"{service}: starting \(pid (\d+)\)", self.printed)]

    def models(self) -> dict[str, Any]:
        """What the model server says of itself."""
        found: dict[str, Any] = call(str(self.data / "models" / "socket"), "health")
        return found

    def status(self, job_id: str) -> dict[str, Any]:
        """What the gateway says of a job; one that is busy is asked again."""
        while True:
            where = f"{self.gateway}/api/upload-video/status/{job_id}"
            answer = httpx.get(where, headers=self.headers, timeout=30.0)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(float(answer.headers["Retry-After"]))

    def mark(self) -> str:
        """What its processes can be told by."""
        environment = Path(f"/proc/{self.pids('gateway')[-1]}/environ").read_bytes().decode()
        return environment.partition(f"{guard.VARIABLE}=")[2].partition("\0")[0]


@contextmanager
def served(folder: Path, env: dict[str, str]) -> Iterator[Served]:
    """Run `ecg serve` with a model server without models until the block ends."""
    gateway, prefect = free_ports(2)
    ports = ["--port", str(gateway), "--prefect-port", str(prefect)]
    program = [sys.executable, "-m", "tests.support.processes.stubbed_serve"]
    command = [*program, *ports, "--models", "embedded", "--limit", "3"]
    printed = folder / "printed"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data")], cwd=REPOSITORY, env=clean | env, stdout=out, stderr=out
        )
    key = env.get("ECG_GATEWAY_API_KEY")
    running = Served(process, printed, f"http://127.0.0.1:{gateway}", folder / "data", key)
    try:
        until(lambda: "up in" in running.printed or process.poll() is not None, seconds=280.0)
        assert process.poll() is None, running.printed
        yield running
    finally:
        process.kill()
        process.wait()
