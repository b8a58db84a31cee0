"""Whether the services of this machine can be used: questions that a supervisor asks of each, again and again."""

import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from ecg_audio.address import trusted_at
from ecg_audio.errors import EngineUnavailable
from ecg_audio.serving.connection import call

ANSWER_S = 2.0


def answers(address: str) -> Callable[[float], bool]:
    """Whether anybody answers there by HTTP."""

    def ask(_since: float) -> bool:
        try:
            httpx.get(address, timeout=ANSWER_S, verify=trusted_at(address))
        except httpx.HTTPError:
            return False
        return True  # whatever it says of the others: it is there

    return ask


def serves_models(address: str) -> Callable[[float], bool]:
    """Whether a model server answers there."""

    def ask(_since: float) -> bool:
        try:
            return bool(call(address, "health", silence_s=ANSWER_S))
        except (OSError, EOFError, EngineUnavailable):
            return False

    return ask


def listens(path: Path) -> Callable[[float], bool]:
    """Whether the fork server takes connections there."""

    def ask(_since: float) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            return probe.connect_ex(str(path)) == 0

    return ask


def polls(api: str, credentials: Mapping[str, str], pool: str, name: str) -> Callable[[float], bool]:
    """Whether a worker has told the server of itself since it was started."""

    def ask(since: float) -> bool:
        wanted = {"workers": {"status": {"any_": ["ONLINE"]}}}
        try:
            found = httpx.post(
                f"{api}/work_pools/{pool}/workers/filter",
                json=wanted,
                headers=credentials,
                timeout=ANSWER_S,
                verify=trusted_at(api),
            )
        except httpx.HTTPError:
            return False
        workers: list[dict[str, Any]] = found.json() if found.is_success else []
        return any(
            worker["name"] == name and datetime.fromisoformat(worker["last_heartbeat_time"]).timestamp() > since
            for worker in workers
        )

    return ask
