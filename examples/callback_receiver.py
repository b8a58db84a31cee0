"""A receiver of callbacks that believes only what is signed: the standard library alone.

    ECG_CALLBACK_SECRET=whsec_... python examples/callback_receiver.py 9000

It answers 401 to whatever is not genuine, and 200 without doing anything to a callback that came before.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from verify_callback import NotGenuine, Verifier

PATH = "/api/upload-video/result"
MOST_BYTES = 50_000_000


def server(port: int, secret: str, heard: Callable[[Mapping[str, Any]], None]) -> ThreadingHTTPServer:
    """A server on loopback that calls `heard` once for each genuine callback."""
    verifier = Verifier(secret)

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if self.path != PATH or length > MOST_BYTES:
                return self._answer(404, "unknown")
            body = self.rfile.read(length)  # raw: what a JSON library made of it has another signature
            try:
                is_new = verifier.is_new(dict(self.headers.items()), body)
            except NotGenuine:
                return self._answer(401, "not genuine")
            if is_new:
                heard(json.loads(body))
            return self._answer(200, "received")

        def _answer(self, code: int, status: str) -> None:
            content = json.dumps({"status": status}).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet: `heard` says what there is to say."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> int:
    """Print a line for each callback until the program is interrupted."""

    def heard(told: Mapping[str, Any]) -> None:
        print(f"{told['job_id']}: {told['status']}, {told['progress']} %", flush=True)  # noqa: T201

    with server(int(sys.argv[1]), os.environ["ECG_CALLBACK_SECRET"], heard) as listening:
        listening.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
