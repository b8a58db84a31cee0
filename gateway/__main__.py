"""`python -m gateway`: serve on ECG_GATEWAY_HOST (default: loopback) and ECG_GATEWAY_PORT (default: 8080)."""

import os
import sys

import uvicorn

from ecg_audio.errors import EcgError
from gateway.app import create_app


def main() -> int:
    """Serve until the process is told to stop."""
    try:
        app = create_app()
    except EcgError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2
    host = os.environ.get("ECG_GATEWAY_HOST", "127.0.0.1")
    uvicorn.run(app, host=host, port=int(os.environ.get("ECG_GATEWAY_PORT", "8080")), server_header=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
