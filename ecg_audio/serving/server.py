"""The model server: one process per GPU whose models stay warm, for many jobs one after the other.

Plain HTTP on a Unix socket that only this user can reach, because a request names files that this user can read. It is
on the standard library: what matters here (order, a bound, progress, work that ends when its client is gone) is what
general serving frameworks do not have, and they would put their own processes around ours.
"""

import http.server
import io
import json
import logging
import queue
import signal
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from ecg_audio import local_socket, peer
from ecg_audio.child import ChildError
from ecg_audio.compute import gpu
from ecg_audio.compute.memory import GIB, Metered
from ecg_audio.deadline import Left, after
from ecg_audio.errors import EcgError
from ecg_audio.request import AUTO
from ecg_audio.serving import wire
from ecg_audio.serving.slot import Busy, Slot
from ecg_audio.speech.engine import LocalEngine, Stage

MOST_WAITING = 8
MOST_CONNECTIONS = 64
"""Each has a thread. Jobs that work or wait are far fewer, and whoever asks something else is gone at once."""
REQUEST_S = 10.0
"""So long a whole request may take to arrive; who sends it is on this machine."""
TAKEN_S = 30.0
"""So long a client may take for a piece of the answer."""
MOST_BODY_BYTES = 256 << 20
"""The transcript of four days of speech."""
DRAIN_S = 600.0

log = logging.getLogger(__name__)


class ModelServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves one engine, to processes of the same user.

    Args:
        engine: does the work, in its own model process.
        path: of the socket, in a folder that is this user's and closed to others; the folder is made if need be.
        most_waiting: how many jobs may wait.
        most_resident_bytes: a model process that holds more after a job is replaced by a fresh one; None: never.
        most_connections: further ones are closed at once.
        request_s: how long a whole request may take to arrive.

    Raises:
        InvalidRequest: the path is no place for a socket.
        AddressInUse: another server has it.
    """

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(
        self,
        engine: LocalEngine,
        path: Path,
        *,
        most_waiting: int = MOST_WAITING,
        most_resident_bytes: int | None = 16 * GIB,
        most_connections: int = MOST_CONNECTIONS,
        request_s: float = REQUEST_S,
    ) -> None:
        self._lock = local_socket.claim(path)
        super().__init__(str(path), _Handler)
        self.path = path
        self.request_s = request_s
        self._room = threading.BoundedSemaphore(most_connections)
        self.engine = engine
        self.slot = Slot(most_waiting)
        self.jobs: Counter[tuple[str, str]] = Counter()  # (stage, how it ended)
        self.recycled = 0
        self._most_resident_bytes = most_resident_bytes
        self._started = time.monotonic()

    @property
    def address(self) -> str:
        """Where clients find it."""
        return str(self.path)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - as the library calls it
        """Whether this user is at the other end; whoever else got so far is let go without a word."""
        return peer.same_user(request)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if one is left."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            log.warning("too many connections: one is closed")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def server_close(self) -> None:
        """Leave the socket's place to others."""
        super().server_close()
        if not self._lock.closed:  # else it is others' already
            self.path.unlink(missing_ok=True)
            self._lock.close()

    def serve(self) -> None:
        """Warm the models and serve until SIGTERM or SIGINT; then finish what was taken on, and end."""
        self.engine.warm()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=self.drain, daemon=True).start())
        try:
            self.serve_forever(poll_interval=0.1)
        finally:
            self.engine.close()
            self.server_close()

    def drain(self) -> None:
        """Take no more jobs, wait for those that were taken, then stop serving."""
        self.slot.close(DRAIN_S)
        self.shutdown()

    def health(self) -> dict[str, Any]:
        """What operators and load balancers ask."""
        process = self.engine.process
        measured: Metered | None = next(reversed(process.memory.values()), None)
        return {
            "status": "draining" if self.slot.closed else "working" if self.slot.length else "ready",
            "queue": self.slot.length,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "model": self.engine.settings.model,
            "device": self.engine.settings.device,
            "loads": dict(process.loads),
            "loaded": list(process.loaded),
            "resident_bytes": measured and measured.after.resident_bytes,
            "gpu": (load := gpu.load()) and asdict(load),
            "recycled": self.recycled,
        }

    def metrics(self) -> str:
        """The same for Prometheus."""
        health = self.health()
        figures = [f"ecg_models_queue {health['queue']}", f"ecg_models_recycled_total {self.recycled}"]
        figures += [f"ecg_models_resident_bytes {health['resident_bytes']}"] if health["resident_bytes"] else []
        figures += [f"ecg_gpu_{name} {figure}" for name, figure in (health["gpu"] or {}).items() if figure is not None]
        figures += [f'ecg_models_loads_total{{kind="{kind}"}} {count}' for kind, count in health["loads"].items()]
        figures += [
            f'ecg_models_jobs_total{{stage="{stage}",ended="{ended}"}} {count}'
            for (stage, ended), count in sorted(self.jobs.items())
        ]
        return "\n".join(figures) + "\n"

    def work(self, stage: Stage, job: wire.Job, say: Callable[[bytes], None]) -> None:
        """Do one job, or stop doing it when nobody listens any more.

        Args:
            stage: what to do.
            job: to what.
            say: sends a line to the client.

        Raises:
            Busy: too many wait already.
            ConnectionError: from `say`; the work was stopped, the slot is free.
        """
        ticket = self.slot.join()
        ended = "vanished"
        try:
            while not self.slot.wait(ticket, wire.HEARTBEAT_S):
                say(wire.line(waiting=self.slot.length))
            ended = self._run(stage, job, say)
        finally:
            self.jobs[stage, ended] += 1
            self.slot.leave(ticket)

    def _run(self, stage: Stage, job: wire.Job, say: Callable[[bytes], None]) -> str:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        ended: list[str] = []

        def run() -> None:
            try:
                asked = {name: getattr(job, name) for name in wire.ASKED[stage]}
                work = getattr(self.engine.of(job.models), stage)
                found = work(
                    Path(job.recording), **asked, report=lambda fraction: lines.put(wire.line(progress=fraction))
                )
                ended.append("completed")
                if (measured := self.engine.process.memory.get(stage)) is not None:
                    lines.put(wire.line(took=asdict(measured.taken)))
                lines.put(wire.line(result=found.model_dump(mode="json")))
            except (EcgError, ChildError) as error:
                named = error if isinstance(error, EcgError) else EcgError(str(error))
                ended.append(named.code)
                lines.put(wire.line(error=wire.failure(named)))

        worker = threading.Thread(target=run, name=stage)
        worker.start()
        try:
            while worker.is_alive() or not lines.empty():
                try:
                    say(lines.get(timeout=wire.HEARTBEAT_S))
                except queue.Empty:
                    say(wire.line(working=True))
        except ConnectionError:
            log.info("the client of %s is gone: its work is stopped", stage)
            self.engine.close()
            worker.join()
            self.engine.warm()
            raise
        worker.join()
        self._recycle()
        return ended[0]

    def _recycle(self) -> None:
        measured = next(reversed(self.engine.process.memory.values()), None)
        if self._most_resident_bytes is None or measured is None:
            return
        if measured.after.resident_bytes > self._most_resident_bytes:
            log.warning("the model process holds %.1f GB: replaced", measured.after.resident_bytes / 1e9)
            self.recycled += 1
            self.engine.close()
            self.engine.process.memory.clear()
            self.engine.warm()


class _InTime(io.RawIOBase):
    """What a connection brings, until the time for all of it is over."""

    def __init__(self, connection: socket.socket, left: Left) -> None:
        self._connection = connection
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if (left_s := self._left()) <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ModelServer

    def setup(self) -> None:
        super().setup()
        # a `TimeoutError` ends the request, wherever it is read
        self.rfile = io.BufferedReader(_InTime(self.connection, after(self.server.request_s)))

    def address_string(self) -> str:
        return "a process of this user"  # a Unix socket's client has no address

    def do_GET(self) -> None:
        self.connection.settimeout(TAKEN_S)
        if self.path == "/health":
            self._answer(200, json.dumps(self.server.health()).encode())
        elif self.path == "/metrics":
            self._answer(200, self.server.metrics().encode(), "text/plain; version=0.0.4")
        else:
            asked = urlsplit(self.path)
            models = dict(parse_qsl(asked.query)).get("models", AUTO)
            try:
                found = self._about(asked.path, models)
            except EcgError as error:
                self._answer(409, json.dumps(wire.failure(error)).encode())
                return
            self._answer(200 if found else 404, json.dumps(found).encode())

    def _about(self, path: str, models: str) -> dict[str, Any]:
        """What a client asks of the models that its request names; nothing where there is no such question."""
        if path == "/models":
            engine = self.server.engine.of(models)
            return {"model": engine.settings.model, "notices": [notice.model_dump() for notice in engine.notices]}
        stage: Any = path.removeprefix("/fingerprint/")
        return self.server.engine.of(models).fingerprint(stage) if stage in wire.RESULTS else {}

    def do_POST(self) -> None:
        stage: Any = self.path.removeprefix("/")
        if stage not in wire.RESULTS:
            self._answer(404, b"{}")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            self._answer(413 if length.isdecimal() else 411, wire.line(message="the body's length cannot be taken"))
            return
        content = self.rfile.read(int(length))
        self.connection.settimeout(TAKEN_S)
        try:
            job = wire.Job.model_validate_json(content)
        except ValidationError as error:
            self._answer(422, wire.line(message=str(error)))
            return
        if stage == "align" and job.transcript is None:
            self._answer(422, wire.line(message="align needs a transcript"))
            return
        self._begun = False
        try:
            self.server.work(stage, job, self._say)
        except Busy as error:
            self._answer(503, wire.line(message=str(error)))
        except ConnectionError:
            self.close_connection = True

    def _say(self, line: bytes) -> None:
        if not self._begun:
            self._begun = True
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()  # HTTP/1.0: the body ends with the connection
        try:
            self.wfile.write(line)
        except TimeoutError as error:
            raise ConnectionAbortedError("the client takes nothing") from error

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Requests are counted in /metrics, not logged."""
