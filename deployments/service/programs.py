"""The programs that `ecg serve` and GPU hosts have in common, each described once, and the variables each is given."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployments.service import readiness
from deployments.service.supervisor import Service
from ecg_audio import environment
from ecg_audio.peer import LONGEST_PATH
from ecg_audio.settings import GROUPS

PYTHON = (sys.executable, "-m")
MODEL_SERVER = (*PYTHON, "deployments.cli", "serve-models", "--socket")
SILENT_S = 120.0
"""What does not answer for so long hangs. Workers are not asked: they are as silent as the server they talk to."""

_SETTINGS = (name for group in GROUPS for field in group.model_fields for name in group.variables(field))
_OURS = (*environment.PREFECT_PROGRAM, *(name for name in _SETTINGS if name not in environment.SECRETS))
_JOBS = (*_OURS, *environment.STORE, *environment.PREFECT, "ARROW_*")
VARIABLES: Mapping[str, Sequence[str]] = {
    "database": environment.MACHINE,
    "server": (*_OURS, *environment.PREFECT, *environment.PREFECT_SERVER, "PG*"),
    "models": (*_OURS, *environment.MODELS, *environment.PREFECT),  # it fetches models, and reads its settings' block
    "warm": (*_OURS, "ARROW_*"),  # what is read during imports, as jobs have it; jobs bring all else
    "deploy": (*_OURS, *environment.HUB, *environment.STORE, *environment.SIGNING, *environment.PREFECT),  # for blocks
    "worker gpu": (*_JOBS, *environment.MODELS, *environment.FFMPEG, *environment.DOWNLOADER),
    "worker control": _JOBS,
    "gateway": (*_OURS, *environment.STORE, *environment.PREFECT, *environment.CALLERS, "UVICORN_*", "FORWARDED_*"),
    "protection": (*_OURS, *environment.STORE),
}
"""Which of the operator's variables each program gets."""


def own_path(path: str | None) -> str:
    """Where programs look for others: beside our Python first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{path or os.defpath}"


def model_server(address: str, models: str, env: Mapping[str, str], startup_s: float) -> Service:
    """The models of a machine, which jobs find at an address."""
    command = [*MODEL_SERVER, address, "--models", models]
    ready = readiness.serves_models(address)
    variables = VARIABLES["models"]
    return Service("models", command, ready, address, env, startup_s=startup_s, silent_s=SILENT_S, variables=variables)


def fork_server(folder: Path, env: Mapping[str, str], after: Sequence[str] = ()) -> Service | None:
    """What begins jobs at once, with its socket in a folder; None where the path is too long: jobs start cold."""
    socket = folder.absolute() / "warm" / "socket"
    if len(os.fsencode(socket)) > LONGEST_PATH:
        return None
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Service(
        "warm",
        [*PYTHON, "deployments.service.warm.server"],
        readiness.listens(socket),
        str(socket),
        {**env, environment.WARM_SOCKET: str(socket)},
        after,
        vital=False,
        variables=VARIABLES["warm"],
    )


def worker(pool: str, limit: int, *options: str) -> list[str]:
    """The command of a worker that begins so many runs of a pool at once."""
    return [*PYTHON, "deployments.service.worker", "--pool", pool, "--limit", str(limit), *options]
