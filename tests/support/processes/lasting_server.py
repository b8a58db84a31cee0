"""A Prefect server whose database outlives it.

python -m tests.support.processes.lasting_server PORT DATABASE TEMPLATE
"""

import os
import shutil
import socket
import sys
from pathlib import Path

from deployments.service.private_server import SETTINGS, end_with_parent, serve

if __name__ == "__main__":
    end_with_parent()
    database, template = Path(sys.argv[2]), Path(sys.argv[3])
    if template.exists() and not database.exists():
        shutil.copyfile(template, database)
    os.environ.update(SETTINGS, PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{database}")
    os.environ.pop("PREFECT_API_URL", None)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    serve(listener, database, template)
