"""A receiver of callbacks as backends are on a bad day: it takes most messages, and fails at some in four ways."""

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.service import free_port

FATES = (("taken", 70), ("500", 15), ("late", 8), ("hangs up", 7))
"""What befalls a callback, of a hundred."""
LATE_S = 4.0


@dataclass
class Told:
    """What the receiver has taken of a job: statuses by message id, in order, and how often a message came again."""

    ends: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    figures: list[int] = field(default_factory=list)


class Backend:
    """A receiver that can be down. Nothing is said about a message before it is taken whole."""

    def __init__(self, seed: int) -> None:
        self.port = free_port()
        self.told: dict[str, Told] = {}
        self.fates: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def ended(self, job_id: str) -> bool:
        """Whether the job's end was taken."""
        return job_id in self.told and bool(self.told[job_id].ends)

    def take(self, body: dict[str, Any], message_id: str) -> str:
        """Decide what befalls a message, and remember it if it is taken."""
        with self._lock:
            fate = self._random.choices([name for name, _ in FATES], [share for _, share in FATES])[0]
            self.fates[fate] += 1
            if fate in {"taken", "late"}:
                told = self.told.setdefault(body["job_id"], Told())
                told.figures.append(body["progress"])
                if body["status"] != "processing":
                    told.repeated += message_id in told.ends
                    told.ends[message_id] = body["status"]
            return fate

    def up(self) -> None:
        """Listen."""
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fate = backend.take(body, self.headers["webhook-id"])
                if fate == "hangs up":
                    return
                if fate == "late":
                    time.sleep(LATE_S)
                with suppress(OSError):  # the sender may have been killed
                    self.send_response(500 if fate == "500" else 200)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")

            def log_message(self, *_arguments: object) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_arguments: object) -> None: ...

        self._server = Quiet(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
