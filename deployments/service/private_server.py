"""A Prefect server for one command: private, quiet, and gone when the command is.

`python -m deployments.service.private_server FD TEMPLATE` serves Prefect's API with a database of its own in a
temporary folder. FD is a socket that is bound to loopback: of many commands at once, none is given another's port. It
ends when its standard input closes, so it cannot outlive the process that started it, however that one ended. TEMPLATE
is a file that keeps an empty, migrated database, because migrating takes longer than all else.
"""

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from ecg_audio import modes
from ecg_audio.compute.lazy_imports import without_collecting
from ecg_audio.telemetry import TELEMETRY_OFF

READY = b"ready\n"
LOCKED_S = 5.0
"""So long a statement waits for SQLite's lock; then the caller is told to come again, and does.

Prefect says 60 s. While one thread waits for the lock, the event loop can stand still until that is over: it wants the
connection that waits, and whoever holds the lock wants the event loop.
"""
REMOVALS = 3
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

FROM_TEMPLATE = {
    # the template was kept when this was done
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",  # to see whether it is done, it imports all collections
}


def main() -> None:
    """Serve until standard input closes; say so on standard output when requests are answered."""
    modes.begin()
    listener, template = socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])
    folder = tempfile.mkdtemp(prefix="ecg-prefect-")
    database = Path(folder, "prefect.db")
    if template.exists():
        shutil.copyfile(template, database)
        os.environ.update(FROM_TEMPLATE)
    end_with_parent(folder)
    os.environ.update(
        SETTINGS, PREFECT_HOME=folder, PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{database}"
    )
    os.environ.pop("PREFECT_API_URL", None)
    serve(listener, database, template)


def end_with_parent(*folders: str) -> None:
    """End at once when standard input closes, and remove folders: nothing here is wanted after the parent's end."""

    def watch() -> None:
        sys.stdin.buffer.read()
        for folder in folders:
            for _again in range(REMOVALS):  # while it still starts, it makes files
                shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def serve(listener: socket.socket, database: Path, template: Path) -> None:
    """Serve Prefect's API on a bound socket; a line on standard output, the only one, says when it answers."""
    told = os.dup(sys.stdout.fileno())
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - nobody reads what libraries print
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    with without_collecting():
        import uvicorn
        from prefect.server.api.server import create_app

        app = create_app()
    _wait_less()
    _write_at_once()

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            os.write(told, READY)
            if not template.exists():
                threading.Thread(target=_keep_template, args=[database, template], daemon=True).start()

    Announced(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


def _wait_less() -> None:
    from prefect.server.database.configurations import AioSqliteConfiguration

    usual = AioSqliteConfiguration.setup_sqlite

    def set_up(self: AioSqliteConfiguration, connection: Any, record: Any) -> None:
        usual(self, connection, record)
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {LOCKED_S * 1000:.0f}")
        cursor.close()

    AioSqliteConfiguration.setup_sqlite = set_up  # type: ignore[assignment,method-assign]


def _write_at_once() -> None:
    """Let each transaction take SQLite's lock when it begins.

    One that begins by reading, and wants to write when another has written meanwhile, is refused however long it would
    wait; the client comes again after 2 s.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    usual = AioSqliteConfiguration.begin_transaction

    def begin(self: AioSqliteConfiguration, session: Any, with_for_update: bool = False) -> Any:
        del with_for_update
        return usual(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin  # type: ignore[method-assign]


def _keep_template(database: Path, template: Path) -> None:
    template.parent.mkdir(parents=True, exist_ok=True)
    incoming = template.with_suffix(f".{os.getpid()}")
    with sqlite3.connect(database) as source, sqlite3.connect(incoming) as target:
        source.backup(target)
    incoming.replace(template)


if __name__ == "__main__":
    main()
