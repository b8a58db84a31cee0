"""Many short jobs through one service: `python -m benchmarks.throughput [--jobs 200] [--database postgresql|sqlite]`.

One Prefect server, on the PostgreSQL that `ecg serve` brings or on SQLite, two workers with the fork server, jobs of
one second of sound each, with an engine without models. Every job is asked for twice, with the same key. Prints one
JSON object: what was done, and what a job costs beside its tasks. With --same-recording most stages come from the
cache, and what remains is mostly Prefect.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.service import (
    STUBBED_TASKS,
    Service,
    load_average,
    manifests,
    postgresql,
    service,
    short_recording,
    until,
)

QUERY_S = 0.5
ASKED_EVERY_S = 1.0
"""Whether jobs have ended. Ten times a second, these questions were a third of all that the server was asked."""
DATABASES = ("postgresql", "sqlite")
PER_JOB_S = 60.0
"""No job may take longer, in turn."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, default=1, help="jobs at once, for each worker")
    parser.add_argument("--same-recording", action="store_true", help="for all jobs")
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecg-throughput-") as name:
        folder = Path(name)
        chosen = postgresql(folder / "postgresql") if given.database == "postgresql" else nullcontext(None)
        with chosen as database, service(folder / "service") as started:
            started.start_server(database)
            started.start_warm()
            started.staff("many", workers=given.workers, query_s=QUERY_S, limit=given.limit)
            found = measure(started, "many", given.jobs, same=given.same_recording)
            print(json.dumps(vars(given) | found, indent=1))


def measure(started: Service, pool: str, jobs: int, *, same: bool = False) -> dict[str, Any]:
    """Run that many jobs in a pool and say how it went; a job that is not done, or done twice, is an error.

    Args:
        started: with a fork server.
        pool: with workers.
        jobs: how many.
        same: whether all have the same recording.
    """
    deployment = started.deploy("many", pool=pool)
    recordings = [short_recording(started.folder, 0 if same else number) for number in range(jobs)]
    requests = {
        f"job-{number}": {"source": str(recording), "store": str(started.store)}
        for number, recording in enumerate(recordings)
    }
    load, began = load_average(), time.time()
    runs = {}
    for job, request in requests.items():
        run, again = (started.trigger(deployment, {"request": {"job_id": job, **request}}, job) for _ in range(2))
        assert run == again, f"{job} has two runs"
        runs[job] = run
    handed_in = time.time()
    for job, run in runs.items():
        until(partial(started.ended, run), f"{job} has ended", PER_JOB_S * jobs, step_s=ASKED_EVERY_S)
    ended = {job: started.ended(run) for job, run in runs.items()}
    wall_s = time.time() - began
    lost = {job: state for job, state in ended.items() if state != "COMPLETED"}
    assert not lost, lost
    published = manifests(started.store)
    assert {job: manifest["run_id"] for job, manifest in published.items()} == runs, "not each run is published once"
    attempts = started.ask("/flow_runs/filter", {"deployments": {"id": {"any_": [deployment]}}, "limit": 200})
    assert all(run["run_count"] == 1 for run in attempts), "a run was begun twice"
    costs = [cost(started, run) for run in runs.values()]
    return {
        "jobs": jobs,
        "cores": os.cpu_count(),
        "load_average_before": round(load, 2),
        "hand_in_s_per_request": round((handed_in - began) / (2 * jobs), 3),
        "wall_s": round(wall_s, 1),
        "wall_s_per_job": round(wall_s / jobs, 2),
        "cold_starts": sum(log.read_text().count("a cold start") for log in started.folder.glob(f"{pool}-*.log")),
        "median_s": {name: round(statistics.median(entry[name] for entry in costs), 2) for name in costs[0]},
    }


def cost(started: Service, run: str) -> dict[str, float]:
    """Where the time of one run went, from the moment a worker took it to its end, in seconds."""
    states = started.states(run)
    until(lambda: len(started.tasks(run)) == STUBBED_TASKS, f"the tasks of {run} are known")
    tasks = started.tasks(run)
    busy, reached = 0.0, 0.0
    for start, end in tasks:
        busy += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    whole = states["COMPLETED"] - states["PENDING"]
    return {"taken_to_first_task": tasks[0][0] - states["PENDING"], "in_tasks": busy, "beside_tasks": whole - busy}


if __name__ == "__main__":
    main()
