"""Prefect's server for `ecg serve`: `python -m deployments.service.prefect_server PORT [FOLDER]`.

It is what `prefect server start` runs, without the imports of that command, and it imports Prefect while PostgreSQL
still starts, which listens in FOLDER.
"""

import gc
import sys
import time
from pathlib import Path

from deployments.service import postgres
from ecg_audio.compute.lazy_imports import without_collecting
from ecg_audio.results import retention
from ecg_audio.settings import Retention

DATABASE_S = 240.0
STEP_S = 0.1
COLLECTED_AFTER = 50_000
"""New objects: each request makes thousands that leave no circle. At Python's 700, a twentieth of the server's time
goes into looking for circles."""

SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "600",  # on one machine a queue is nothing late
}
"""Of the server's, wherever it keeps its data."""
VACUUM = "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"
RETENTION_S = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"


def settings() -> dict[str, str]:
    """The server's variables, with how long this process's environment wants ended runs to be kept.

    Raises:
        InvalidRequest: it is no number of days.
    """
    kept_days = retention.days(Retention.read(), "jobs_days")
    if kept_days is None:
        return SETTINGS | {VACUUM: "events,orphans"}
    return SETTINGS | {VACUUM: "events,flow_runs", RETENTION_S: str(kept_days * 86_400)}


def main() -> None:
    """Serve until SIGTERM."""
    with without_collecting():
        import uvicorn
        from prefect.server.api.server import create_app
        from prefect.settings import get_current_settings
    port, folder = int(sys.argv[1]), sys.argv[2:]
    if folder:
        _wait(Path(folder[0]))
    server = get_current_settings().server
    gc.set_threshold(COLLECTED_AFTER)
    uvicorn.run(
        create_app(final=True),
        host="127.0.0.1",
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        log_level=server.logging_level.lower(),
    )


def _wait(folder: Path) -> None:
    """Until PostgreSQL takes connections; if it never does, the server says so better than anybody here."""
    accepts, deadline = postgres.accepts(folder), time.monotonic() + DATABASE_S
    # asking starts a program
    while time.monotonic() < deadline and not (any(folder.glob(".s.PGSQL.*")) and accepts(time.time())):
        time.sleep(STEP_S)


if __name__ == "__main__":
    main()
