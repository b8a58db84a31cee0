"""How long from the HTTP request to the first task: `python -m benchmarks.latency [--triggers 20]`.

Three ways to start a run, in turn on one server with the PostgreSQL of `ecg serve`, each with a worker of its own and
nothing else to do: Prefect's default; an explicit command and polling every second; and the fork server. The flow is
`analyze` on a recording of one second, with an engine without models; what counts ends when its first task, the
download, begins. Prints one JSON object. The three ways take turns, so whatever else the machine does meets all of
them.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from benchmarks.service import (
    COLD,
    STUBBED_TASKS,
    WARM,
    Service,
    load_average,
    postgresql,
    service,
    short_recording,
    until,
)


class Way(NamedTuple):
    """One way to start runs."""

    name: str
    command: str | None
    query_s: float | None


WAYS = (Way("default", None, None), Way("explicit", COLD, 1.0), Way("warm", WARM, 0.5))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triggers", type=int, default=20, help="for each way")
    parser.add_argument("--ways", nargs="+", default=[way.name for way in WAYS], help="which of them")
    arguments = parser.parse_args()
    ways = [way for way in WAYS if way.name in arguments.ways]
    with tempfile.TemporaryDirectory(prefix="ecg-latency-") as name:
        folder = Path(name)
        with postgresql(folder / "postgresql") as database, service(folder / "service") as started:
            started.start_server(database)
            started.start_warm()
            print(json.dumps(measure(started, ways, arguments.triggers), indent=1))


def measure(started: Service, ways: list[Way], triggers: int) -> dict[str, object]:
    """Seconds from request to first task, for each way, and how they compare."""
    deployments = {}
    for way in ways:
        started.staff(way.name, query_s=way.query_s)
        deployments[way] = started.deploy(way.name, pool=way.name, command=way.command)
    recording = short_recording(started.folder)
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    loads = []
    for number in range(-1, triggers):  # the first of each fills caches and does not count
        for way in ways:
            time.sleep(random.uniform(0, way.query_s or 1))  # nobody waits for the worker to ask
            loads.append(load_average())
            waited = once(started, deployments[way], recording)
            if number >= 0:
                seconds[way].append(waited)
    warm = statistics.median(seconds[ways[-1]])
    return {
        "triggers": triggers,
        "cores": os.cpu_count(),
        "load_average_median": round(statistics.median(loads), 2),
        "seconds": {
            way.name: {
                "median": round(statistics.median(found), 2),
                "p95": round(sorted(found)[max(0, round(0.95 * len(found)) - 1)], 2),
                "least": round(min(found), 2),
                "median_over_last": round(statistics.median(found) / warm, 2),
            }
            for way, found in seconds.items()
        },
    }


def once(started: Service, deployment: str, recording: Path) -> float:
    """One run, from the request to its first task; returns when the run has ended."""
    job = str(uuid.uuid4())
    request = {"source": str(recording), "job_id": job, "store": str(started.store)}
    began = time.time()
    run = started.trigger(deployment, {"request": request}, job)
    until(lambda: started.ended(run), f"run {run} has ended")
    assert started.ended(run) == "COMPLETED", started.ended(run)
    until(lambda: len(started.tasks(run)) == STUBBED_TASKS, f"the tasks of {run} are known")
    return started.tasks(run)[0][0] - began


if __name__ == "__main__":
    main()
