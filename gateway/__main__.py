"""`python -m gateway`: serve where `settings.Gateway` says, on loopback unless it says otherwise."""

import argparse
import logging
import os
import sys

import uvicorn

from ecg_audio import logs, modes
from ecg_audio.errors import EcgError
from ecg_audio.settings import Prefect
from gateway.app import create_app
from gateway.connections import TimedProtocol
from gateway.settings import LOCAL_PREFECT, open_door


def main() -> int:
    """Serve until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # the libraries' own lines hold addresses of every request they make
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault(Prefect.variable("url"), LOCAL_PREFECT)
    try:
        modes.begin()
        logs.configure()
        app = create_app()
        given = app.state.settings.gateway
    except EcgError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2
    if warning := open_door(given.host):
        logging.getLogger("gateway").warning(warning)
    # the application logs its requests itself, and everything goes through the one format
    host, port = given.host, given.port
    uvicorn.run(app, host=host, port=port, http=TimedProtocol, server_header=False, access_log=False, log_config=None)
    return 0


if __name__ == "__main__":
    # no arguments but --help, so that a mistyped one starts nothing
    parser = argparse.ArgumentParser(
        "python -m gateway", description=__doc__, epilog="`ecg settings` prints its settings."
    )
    parser.parse_args()
    sys.exit(main())
