"""What the fork server imports ahead of all jobs, and which jobs may do with that."""

import gc
import importlib
import os
import pkgutil
import site
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ecg_audio.errors import InsufficientResources
from ecg_audio.telemetry import TELEMETRY_OFF

ROOT = Path(__file__).parents[3]
CODE = ("blocks", "deployments", "ecg_audio", "flows", "tasks")
MEASURING = "ecg_audio.voice.frames"
BESIDE_FLOWS = (
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.utilities.visualization",  # with graphviz, which every flow run looks for
    "prefect._internal.observers",
    "anyio._backends._asyncio",
    MEASURING,
    "encodings.idna",  # of every address
    "pandas",  # pyarrow looks for it when it makes its first table
    "pyarrow.pandas_compat",
    "soundfile",
    "ecg_audio.results.backend",
    "ecg_audio.results.rttm",
    "ecg_audio.results.tables",
    "ecg_audio.captions.ass",
    "ecg_audio.captions.html",
    "ecg_audio.captions.srt",
    "ecg_audio.captions.vtt",
    "ecg_audio.sounds.events",
    "ecg_audio.speech.edges",
    "ecg_audio.speech.listen",
    "ecg_audio.voice.expression",
)
"""What jobs import when they come to it. No library that keeps a thread: torch does, and jobs' children import it."""
THREADLESS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""For pyarrow, which brings an allocator with a thread, and does not use it."""
READ_ONCE = ("PYTHON", "LD_", "NUMBA_", "OMP_", "OPENBLAS_", "ARROW_", "PREFECT_TASKS_", "PREFECT_FLOWS_DEFAULT_")
"""Beginnings of the variables that are read during imports."""

Stamps = Mapping[str, tuple[int, int]]


class Imported:
    """What is in memory.

    Args:
        stamps: of the code, from before it was imported.
        variables: those that imports read.
    """

    def __init__(self, stamps: Stamps, variables: dict[str, str]) -> None:
        self._stamps = stamps
        self._variables = variables

    def changed(self) -> bool:
        """Whether the code on disk, or what is installed, is not what was imported."""
        return _stamps() != self._stamps

    def unfit(self, python: str, environment: Mapping[str, str]) -> str | None:
        """Why a copy would not be what the job's own start gives; None: it is.

        Args:
            python: the interpreter that the job would be started with.
            environment: the job's variables. The reason names them and never tells what is in them.
        """
        if self.changed():
            return "the code has changed since it started; it starts anew"
        if Path(python).parent != Path(sys.executable).parent:
            return f"it runs {sys.executable}, the job {python}"
        theirs = _read_once(environment)
        differing = {name for name in self._variables | theirs if self._variables.get(name) != theirs.get(name)}
        if differing:
            return f"{', '.join(sorted(differing))} must be as in its own environment"
        return None if _threads() == 1 else "it has come to have more than one thread"


def usual() -> list[str]:
    """All flows, and what else jobs import."""
    flows = importlib.import_module("flows")
    return [*BESIDE_FLOWS, *(f"flows.{module.name}" for module in pkgutil.iter_modules(flows.__path__))]


def ahead(modules: list[str]) -> Imported:
    """Import modules, and leave the process fit to be copied.

    Raises:
        InsufficientResources: something imported runs a thread, which a copy would not have.
    """
    imported = Imported(_stamps(), _read_once(os.environ))
    os.environ.update({**TELEMETRY_OFF, **THREADLESS})
    os.environ.pop("PREFECT_LOGGING_EXTRA_LOGGERS", None)  # handlers given to those would be there twice in a job
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    if MEASURING in modules:
        from ecg_audio import address
        from ecg_audio.voice import cold

        cold.load()  # else each job that measures takes half a second to
        address.authorities()
    gc.collect()
    gc.freeze()  # the collector leaves these objects alone from now on, so copies share their memory
    gc.enable()
    # OpenBLAS ends its threads before a fork and starts them again when it has work: after a first one there are none
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if _threads() != 1:
        raise InsufficientResources("something that jobs import starts a thread", hint=f"See {__name__}.")
    return imported


def _read_once(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_ONCE)}


def _stamps() -> Stamps:
    """Time and size of every source file of ours, and the time of the folders where packages are installed."""
    found = {}
    for package in CODE:
        for folder, folders, files in os.walk(ROOT / package):
            if "__pycache__" in folders:
                folders.remove("__pycache__")
            for name in files:
                if name.endswith(".py"):
                    path = os.path.join(folder, name)  # noqa: PTH118 - for each job: as quick as can be
                    status = os.stat(path)  # noqa: PTH116
                    found[path] = (status.st_mtime_ns, status.st_size)
    for folder in site.getsitepackages():
        with suppress(FileNotFoundError):  # Debian's Python names folders that need not be there
            found[folder] = (Path(folder).stat().st_mtime_ns, 0)
    return found


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208
