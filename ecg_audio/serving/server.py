"""The model server: one process per GPU whose models stay warm, for many jobs one after the other.

It listens on a Unix socket that only this user can reach, because a call names files that this user can read. It is on
the standard library: what matters here (order, a bound, progress, work that ends when its client is gone) is what
general serving frameworks do not have, and they would put their own processes around ours.
"""

import http.server
import json
import logging
import pickle
import queue
import signal
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ecg_audio import local_socket, peer
from ecg_audio.analysis import Notice
from ecg_audio.child import answer
from ecg_audio.compute import gpu
from ecg_audio.compute.classifier import ClassifierProcess
from ecg_audio.compute.memory import GIB, Metered
from ecg_audio.errors import EcgError, InvalidRequest
from ecg_audio.progress import Report, taking
from ecg_audio.serving.connection import HEARTBEAT_S
from ecg_audio.serving.slot import Slot
from ecg_audio.speech.engine import LocalEngine, Stage

MOST_WAITING = 8
MOST_CONNECTIONS = 64
"""Each has a thread. Jobs that work or wait are far fewer, and whoever asks something else is gone at once."""
REQUEST_S = 10.0
"""So long a whole call may take to arrive; who sends it is on this machine."""
TAKEN_S = 30.0
"""So long a client may take for a piece of the answer."""
MOST_BYTES = 256 << 20
"""Of a call: the transcript of four days of speech."""
DRAIN_S = 600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """Work that waits for its turn; `process` does it, and is ended with it when nobody wants it any more."""

    name: str
    work: Callable[[Report], Any]
    process: LocalEngine | ClassifierProcess


class ModelServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves one engine, and classifiers of transformers beside it, to processes of the same user.

    Args:
        engine: does the work, in its own model process.
        path: of the socket, in a folder that is this user's and closed to others; the folder is made if need be.
        most_waiting: how many jobs may wait.
        most_resident_bytes: a model process that holds more after a job is replaced by a fresh one; None: never.
        most_connections: further ones are closed at once.
        request_s: how long a whole call may take to arrive.

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
        self.classifiers = ClassifierProcess("the classifiers")
        self.slot = Slot(most_waiting)
        self.jobs: Counter[tuple[str, str]] = Counter()  # (stage, how it ended)
        self.recycled = 0
        self._most_resident_bytes = most_resident_bytes
        self._started = time.monotonic()
        self.registry = CollectorRegistry()
        self.registry.register(self)

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
            self.classifiers.close()
            self.server_close()

    def drain(self) -> None:
        """Take no more jobs, wait for those that were taken, then stop serving."""
        self.slot.close(DRAIN_S)
        self.shutdown()

    def health(self) -> dict[str, Any]:
        """What operators and load balancers ask."""
        process = self.engine.process
        return {
            "status": "draining" if self.slot.closed else "working" if self.slot.length else "ready",
            "queue": self.slot.length,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "model": self.engine.settings.model,
            "device": self.engine.settings.device,
            "loads": dict(process.loads),
            "loaded": list(process.loaded),
            "resident_bytes": self._resident_bytes(),
            "classifiers_resident_bytes": self.classifiers.resident_bytes,
            "gpu": (load := gpu.load()) and asdict(load),
            "recycled": self.recycled,
        }

    def collect(self) -> Iterator[Metric]:
        """The same for Prometheus."""
        health = self.health()
        yield GaugeMetricFamily("ecg_models_queue", "Jobs that work or wait.", health["queue"])
        yield CounterMetricFamily("ecg_models_recycled", "Processes that had grown too large.", self.recycled)
        for process in ("", "classifiers_"):
            if (resident_bytes := health[f"{process}resident_bytes"]) is not None:
                yield GaugeMetricFamily(f"ecg_models_{process}resident_bytes", "Of the process.", resident_bytes)
        for name, figure in (health["gpu"] or {}).items():
            if figure is not None:
                yield GaugeMetricFamily(f"ecg_gpu_{name}", "Of the first GPU, by all who use it.", figure)
        loads = CounterMetricFamily("ecg_models_loads", "Models loaded.", labels=["kind"])
        for kind, count in health["loads"].items():
            loads.add_metric([kind], count)
        jobs = CounterMetricFamily("ecg_models_jobs", "Jobs by how they ended.", labels=["stage", "ended"])
        for labels, count in sorted(self.jobs.items()):
            jobs.add_metric(labels, count)
        yield from (loads, jobs)

    def answer(self, pipe: Connection, call: bytes) -> None:
        """Answer a call, whatever it says.

        Raises:
            OSError: the client is gone, or takes nothing; its work was stopped, and the slot is free.
        """
        jobs: Mapping[str, Callable[..., _Job]] = {"stage": self._stage, "classify": self._classify}
        questions: Mapping[str, Callable[..., Any]] = {
            "health": self.health,
            "about": self._about,
            "fingerprint": self._fingerprint,
        }
        try:
            what, arguments = pickle.loads(call)  # noqa: S301 - of this user's own process
            if what in jobs:
                self._work(pipe, jobs[what](*arguments))
            else:
                pipe.send(("result", questions[what](*arguments)))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the client's
            not_ours = InvalidRequest(f"the model server does not understand a call: {error!r}")
            pipe.send(("error", error if isinstance(error, EcgError) else not_ours))

    def _about(self, models: str) -> tuple[str, tuple[Notice, ...]]:
        engine = self.engine.of(models)
        return engine.settings.model, engine.notices

    def _fingerprint(self, models: str, stage: Stage) -> dict[str, str]:
        return self.engine.of(models).fingerprint(stage)

    def _stage(self, models: str, stage: Stage, recording: Path, *asked: Any) -> _Job:
        def work(report: Report) -> Any:
            return self.engine.of(models).ask(stage, recording, *asked, report=report)

        return _Job(stage, work, self.engine)

    def _classify(self, function: Callable[..., Any], timeout_s: float, *asked: Any) -> _Job:
        def work(report: Report) -> Any:
            found, measured = self.classifiers.call(function, *asked, report=report, timeout_s=timeout_s)
            self.classifiers.resident_bytes = measured.after.resident_bytes
            return found, measured

        return _Job(function.__module__.rpartition(".")[2], work, self.classifiers)

    def _work(self, pipe: Connection, job: _Job) -> None:
        ticket = self.slot.join()
        ended = "vanished"
        try:
            while not self.slot.wait(ticket, HEARTBEAT_S):
                pipe.send(("waiting", self.slot.length))
            ended = self._run(pipe, job)
        finally:
            self.jobs[job.name, ended] += 1
            self.slot.leave(ticket)

    def _run(self, pipe: Connection, job: _Job) -> str:
        told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

        def run() -> None:
            with taking(lambda taken: told.put(("took", taken))):
                told.put(answer(job.work, told.put))

        worker = threading.Thread(target=run, name=job.name)
        worker.start()
        kind, value = "working", None
        try:
            while kind not in {"result", "error"}:
                try:
                    kind, value = told.get(timeout=HEARTBEAT_S)
                except queue.Empty:
                    kind, value = "working", None
                pipe.send((kind, value))
        except OSError:
            log.info("the client of %s is gone: its work is stopped", job.name)
            job.process.close()
            worker.join()
            job.process.warm()
            raise
        worker.join()
        self._recycle()
        return "completed" if kind == "result" else getattr(value, "code", EcgError.code)

    def _recycle(self) -> None:
        sizes = ((self.engine, self._resident_bytes()), (self.classifiers, self.classifiers.resident_bytes))
        for process, resident_bytes in sizes:
            if self._most_resident_bytes and resident_bytes and resident_bytes > self._most_resident_bytes:
                log.warning("a model process holds %.1f GB: replaced", resident_bytes / 1e9)
                self.recycled += 1
                process.close()
                process.warm()

    def _resident_bytes(self) -> int | None:
        measured: Metered | None = next(reversed(self.engine.process.memory.values()), None)
        return measured.after.resident_bytes if measured else None


class _Handler(socketserver.BaseRequestHandler):
    server: ModelServer

    def handle(self) -> None:
        connection: socket.socket = self.request
        patience = struct.pack("ll", int(TAKEN_S), round(TAKEN_S % 1 * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        overdue = threading.Timer(self.server.request_s, connection.shutdown, [socket.SHUT_RD])
        overdue.start()
        with suppress(OSError, EOFError):  # who has gone, trickles or takes nothing is let go
            try:
                if connection.recv(1, socket.MSG_PEEK) == b"G":  # of GET; a call begins with its length
                    _Probe(connection, self.client_address, self.server)
                    return
                pipe = Connection(connection.dup().detach())
                call = pipe.recv_bytes(MOST_BYTES)
            finally:
                overdue.cancel()
            with pipe:
                self.server.answer(pipe, call)


class _Probe(http.server.BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(json.dumps(self.server.health()).encode(), "application/json")
        elif self.path == "/metrics":
            self._answer(generate_latest(self.server.registry), CONTENT_TYPE_LATEST)
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Requests are counted in /metrics, not logged."""
