"""The backend's receiver of callbacks, written anew from its published rules, on a real socket.

It checks in the order of the original: signature (401), shape (422), job (404); it keeps progress as received, drops
what comes after a terminal callback, and answers with what it did.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.callbacks.readers import MAX_BODY_BYTES, check_shape

KEYS = {"job_id", "status", "progress", "message", "result", "error_message", "error_code"}
PATH = "/api/upload-video/result"


@dataclass
class Job:
    """What the backend knows of a job."""

    status: str = "processing"
    progress: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None
    ended_by: str | None = None  # the id of the message


@dataclass
class Reply:
    """What a fault answers instead of the receiver. `status` None: the connection breaks without an answer."""

    status: int | None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False  # the receiver takes the message first; only its answer is lost


@dataclass
class Receiver:
    """A running backend.

    Attributes:
        secret: what callbacks are signed with; None takes unsigned ones.
        fault: asked before each message, by its number from 0 and its body; None: all is well.
        seen: headers (lower case) and body of every message, in order.
        answers: the status codes given.
    """

    secret: str | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    fault: Callable[[int, dict[str, Any]], Reply | None] = lambda _number, _body: None
    seen: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    port: int = 0

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def terminal(self) -> list[dict[str, Any]]:
        """The bodies of all terminal callbacks that arrived."""
        return [body for _, body in self.seen if body["status"] != "processing"]

    def told(self) -> int:
        """How many jobs have been told of to their end."""
        return sum(job.status != "processing" for job in self.jobs.values())

    def take(self, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str]]:
        """The receiver's rules."""
        if self.secret is not None:
            wanted = "sha256=" + hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(headers.get("x-signature-256", ""), wanted):
                return 401, {"detail": "invalid signature"}
        body = json.loads(raw)
        try:
            _check(body, len(raw))
        except (AssertionError, KeyError, TypeError) as error:
            return 422, {"detail": f"wrong shape: {error!r}"}
        job = self.jobs.get(body["job_id"])
        if job is None:
            return 404, {"detail": "unknown job"}
        if job.status != "processing":
            return 200, {"status": f"already_{job.status}"}
        job.progress.append(body["progress"])
        job.messages.append(body["message"])
        if body["status"] != "processing":
            job.ended_by = headers["webhook-id"]
            job.result, job.error_code, job.error_message = body["result"], body["error_code"], body["error_message"]
        job.status = body["status"]  # last: who waits for it reads the others
        return 200, {"status": "received"}


def _check(body: dict[str, Any], size: int) -> None:
    assert set(body) == KEYS
    assert size <= MAX_BODY_BYTES
    assert body["status"] in {"processing", "completed", "failed"}
    assert type(body["progress"]) is int and 0 <= body["progress"] <= 100
    assert isinstance(body["message"], str)
    assert (body["result"] is not None) == (body["status"] == "completed")
    if body["status"] == "completed":
        assert body["progress"] == 100
        check_shape(body["result"])
    assert isinstance(body["error_code"], str) == (body["status"] == "failed")
    assert isinstance(body["error_message"], str) == (body["status"] == "failed")


@contextmanager
def receiving(*jobs: str, secret: str | None = None, port: int = 0) -> Iterator[Receiver]:
    """Run a receiver that knows these jobs until the block ends; on any free port, where none is given."""
    receiver = Receiver(secret=secret, jobs={job: Job() for job in jobs})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            number, body = len(receiver.seen), json.loads(raw)
            receiver.seen.append((headers, body))
            reply = receiver.fault(number, body)
            if reply is None or reply.after:
                status, said = receiver.take(headers, raw) if self.path == PATH else (404, {"detail": "no such path"})
            if reply is not None:
                receiver.answers.append(reply.status)
                if reply.status is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, said = reply.status, {"detail": "a fault"}
            else:
                receiver.answers.append(status)
            text = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **(reply.headers if reply else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
