"""`python -m gateway`: serve on ECG_GATEWAY_HOST (default: loopback) and ECG_GATEWAY_PORT (default: 8080)."""

import logging
import os
import sys

import uvicorn

from ecg_audio import logs, modes
from ecg_audio.errors import EcgError
from gateway.app import create_app
from gateway.connections import TimedProtocol
from gateway.settings import LOCAL_PREFECT, open_door


def main() -> int:
    """Serve until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # the libraries' own lines hold addresses of every request they make
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault("PREFECT_API_URL", LOCAL_PREFECT)
    try:
        modes.begin()
        logs.configure()
        app = create_app()
    except EcgError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2
    host = os.environ.get("ECG_GATEWAY_HOST", "127.0.0.1")
    port = int(os.environ.get("ECG_GATEWAY_PORT", "8080"))
    if warning := open_door(host):
        logging.getLogger("gateway").warning(warning)
    # the application logs its requests itself, and everything goes through the one format
    uvicorn.run(app, host=host, port=port, http=TimedProtocol, server_header=False, access_log=False, log_config=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
