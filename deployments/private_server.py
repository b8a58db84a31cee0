"""A Prefect server for one command: private, quiet, and gone when the command is.

`python -m deployments.private_server PORT TEMPLATE` serves Prefect's API on loopback with a database of its own in a
temporary folder. It ends when its standard input closes, so it cannot outlive the process that started it, however
that one ended. TEMPLATE is a file that keeps an empty, migrated database, because migrating takes longer than all else.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path

from ecg_audio.telemetry import TELEMETRY_OFF

SETTINGS = {
    **TELEMETRY_OFF,
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_UI_ENABLED": "false",
    # one flow run at a time needs nobody to schedule, look for late runs or react to events
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED": "false",
}


def main() -> None:
    """Serve until standard input closes."""
    port, template = int(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="ecg-prefect-") as folder:
        database = Path(folder, "prefect.db")
        if template.exists():
            shutil.copyfile(template, database)
        os.environ.update(
            SETTINGS, PREFECT_HOME=folder, PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{database}"
        )
        os.environ.pop("PREFECT_API_URL", None)
        _serve(port, database, template)


def _serve(port: int, database: Path, template: Path) -> None:
    import uvicorn
    from prefect.server.api.server import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=port, log_level="critical"))

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        server.force_exit = True

    def keep_template() -> None:
        while not server.started:
            if server.should_exit:
                return
            threading.Event().wait(0.05)
        template.parent.mkdir(parents=True, exist_ok=True)
        incoming = template.with_suffix(f".{os.getpid()}")
        with sqlite3.connect(database) as source, sqlite3.connect(incoming) as target:
            source.backup(target)
        incoming.replace(template)

    threading.Thread(target=end_with_parent, daemon=True).start()
    if not template.exists():
        threading.Thread(target=keep_template, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
