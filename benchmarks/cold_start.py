"""Where the seconds of one cold `ecg analyze` go: `python -m benchmarks.cold_start RECORDING [--tries 5] [--code DIR]`.

Each try runs the command with an empty store and looks at its processes twenty times a second; Prefect's migrated
database and the compiled kernels are there, as on every run but a machine's first. Printed are the tries, and of the
quickest the processes (when each ran, its CPU seconds) and the stages; then what single imports cost, each alone in a
fresh interpreter. Seconds of the wall mean something on an idle machine only; the load average stands beside them.

`--code` runs the command of another checkout, for before and after: take turns, and compare the least of several tries.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOK_S = 0.05
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent.parent
IMPORTS = {
    "the command line": "import deployments.cli.main",
    "the flow, with Prefect": "import flows.analyze",
    "Prefect's server": "import prefect.server.api.server",
    "torch": "import torch",
    "the models' libraries, plainly": (
        "from ecg_audio.compute import lazy_imports\n"
        "lazy_imports.defer = lambda *_, **__: None\n"
        "from ecg_audio.speech import model_imports\n"
        "model_imports.import_all()"
    ),
    "the models' libraries, deferred": "from ecg_audio.speech import model_imports\nmodel_imports.import_all()",
}


@dataclass
class Seen:
    """One process of the command; seconds after the command began."""

    name: str
    begun_s: float
    ended_s: float
    cpu_s: float


@dataclass
class Try:
    """One run of the command."""

    load: float
    wall_s: float = 0.0
    cpu_s: float = 0.0
    outcome: dict[str, Any] = field(default_factory=dict)
    processes: dict[int, Seen] = field(default_factory=dict)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout whose command runs")
    parser.add_argument("--engine", help="passed on, where the command has it")
    parser.add_argument("--no-imports", action="store_true", help="only the command")
    given = parser.parse_args()
    options = ["--engine", given.engine] if given.engine else []
    environment = {**os.environ, "PYTHONPATH": str(given.code)}

    tried = [attempt(given.recording.resolve(), given.code, options, environment) for _ in range(given.tries)]
    print(f"{os.cpu_count()} cores, {given.tries} tries of ecg analyze {given.recording.name}\n")
    _table(
        ("try", "load", "wall s", "CPU s"),
        [(str(number), one.load, one.wall_s, one.cpu_s) for number, one in enumerate(tried, 1)],
    )
    quickest = min(tried, key=lambda one: one.wall_s)
    print()
    _table(
        ("process", "begins s", "ends s", "CPU s"),
        # one without a name was seen between its fork and its program
        [(one.name, one.begun_s, one.ended_s, one.cpu_s) for one in quickest.processes.values() if one.name],
    )
    print()
    _table(("stage", "wall s"), [(stage["name"], stage["duration_s"]) for stage in quickest.outcome["stages"]])
    if not given.no_imports:
        print()
        _table(
            ("import", "wall s", "CPU s"),
            [(name, *alone(code, given.code, environment, given.tries)) for name, code in IMPORTS.items()],
        )


def attempt(recording: Path, code: Path, options: list[str], environment: Mapping[str, str]) -> Try:
    """Run the command once, with a store of its own.

    Raises:
        RuntimeError: the job did not complete.
    """
    with tempfile.TemporaryDirectory(prefix="ecg-cold-") as store:
        command = [sys.executable, "-m", "deployments.cli", "analyze", str(recording), "--out", store, "--json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = Try(os.getloadavg()[0])
        began = time.monotonic()
        with subprocess.Popen([*command, *options], cwd=code, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout
            while process.poll() is None:
                _look(process.pid, began, found.processes)
                time.sleep(LOOK_S)
            found.wall_s = time.monotonic() - began
            text = process.stdout.read()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found.outcome = json.loads(text)
    if found.outcome["status"] != "completed":
        raise RuntimeError(f"the job ended so: {found.outcome}")
    return found


def alone(code: str, folder: Path, environment: Mapping[str, str], tries: int) -> tuple[float, float]:
    """The least seconds of wall and CPU that some code takes in a fresh interpreter."""
    walls, cpus = [], []
    for _ in range(tries):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.monotonic() - began)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(walls), min(cpus)


# Processes, from /proc


def _look(root: int, began: float, seen: dict[int, Seen]) -> None:
    """Note what the command and its descendants have used until now."""
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (used := _used(entry)):
            parents[int(entry.name)] = used
    now_s = time.monotonic() - began
    for process, (_parent, cpu_s) in parents.items():
        if _descends(process, root, parents):
            known = seen.get(process) or Seen("", now_s, now_s, 0.0)
            known.name, known.ended_s, known.cpu_s = _name(process) or known.name, now_s, cpu_s
            seen[process] = known


def _used(entry: Path) -> tuple[int, float] | None:
    try:
        words = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it has ended meanwhile
    return int(words[1]), (int(words[11]) + int(words[12])) * TICK_S


def _descends(process: int, root: int, parents: Mapping[int, tuple[int, float]]) -> bool:
    while process != root and process in parents:
        process = parents[process][0]
    return process == root


def _name(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return ""
    if "deployments.service.private_server" in words:
        return "private server"
    if "ecg_audio.child" in words:
        limit = words[words.index("ecg_audio.child") + 2]
        return "decoder" if limit not in ("", "0") else "speech models"
    return "ecg analyze" if "deployments.cli" in words else ""


def _table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    lines = [header, *([f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        first, *others = line
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


if __name__ == "__main__":
    main()
