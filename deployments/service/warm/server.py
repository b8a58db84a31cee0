"""The fork server: everything that a job imports is imported here once, and each job's process is a copy.

`python -m deployments.service.warm.server` listens on a Unix socket in a folder that only this user can enter. It has
one thread and opens no connection, so that a copy of it is as good as a fresh process. It keeps no secret: a job's
environment goes to the copy. Jobs do not depend on it: when it is ended, they go on, and the next ones start cold. When
the code on disk has changed it starts itself anew, so that no job runs old code.
"""

import argparse
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from deployments.service.warm import imports
from deployments.service.warm.client import MESSAGE_BYTES, NotWarm, address
from deployments.service.warm.job import ForkRequest
from ecg_audio.environment import WARM_SOCKET
from ecg_audio.errors import AddressInUse, EcgError, InvalidRequest
from ecg_audio.peer import mistrust, same_user

WAITING = 64
"""Clients that may wait to be accepted."""


@dataclass
class Running:
    """A job's process.

    Attributes:
        process: its descriptor, readable when it has ended.
        client: the connection to who stands for it; None: nobody does any more.
    """

    process: int
    client: socket.socket | None

    def to_inherit(self) -> tuple[int, int | None]:
        """Its descriptors, which now stay open when this process starts itself anew."""
        os.set_inheritable(self.process, True)
        if self.client is None:
            return self.process, None
        self.client.set_inheritable(True)
        return self.process, self.client.fileno()

    @classmethod
    def inherited(cls, process: int, client: int | None) -> "Running":
        """What `to_inherit` left open."""
        os.set_inheritable(process, False)
        if client is None:
            return cls(process, None)
        os.set_inheritable(client, False)
        return cls(process, socket.socket(fileno=client))


class Server:
    """Takes jobs and watches them.

    Args:
        path: of the socket.
        modules: to import ahead.
        running: by process id, the jobs that this process took before it started itself anew.
        until_eof: end when standard input does.
    """

    def __init__(self, path: Path, modules: list[str], running: dict[int, Running], *, until_eof: bool) -> None:
        self._path = path
        self._modules = modules
        self._running = running
        self._until_eof = until_eof
        self._lock = _claim(path)
        self._asking: dict[int, socket.socket] = {}
        self._imported = imports.ahead(modules or imports.usual())
        self._since = time.time()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path.unlink(missing_ok=True)  # the lock is ours, so whoever left it is gone
        self._listener.bind(str(path))
        self._listener.listen(WAITING)

    def serve(self) -> ForkRequest:
        """Serve for ever. Returns only in a copy of this process, with the job that is to be run there."""
        say(f"ready on {self._path}")
        while True:
            poll = select.poll()
            for descriptor in (
                self._listener.fileno(),
                *self._asking,
                *(job.process for job in self._running.values()),
            ):
                poll.register(descriptor, select.POLLIN)
            for job in self._running.values():
                if job.client:
                    poll.register(job.client, 0)  # what comes is for the job; hanging up is told all the same
            if self._until_eof:
                poll.register(0, select.POLLIN)
            # one at a time: what comes next may concern a descriptor that this one closes
            taken = self._attend(poll.poll()[0][0])
            if taken:
                return taken

    def _attend(self, descriptor: int) -> ForkRequest | None:
        if descriptor == self._listener.fileno():
            connection, _ = self._listener.accept()
            if same_user(connection):
                self._asking[connection.fileno()] = connection
            else:
                connection.close()
        elif descriptor in self._asking:
            return self._hear(self._asking.pop(descriptor))
        elif descriptor == 0:
            if not os.read(0, 1024):
                sys.exit(0)
        else:
            for pid, job in list(self._running.items()):
                if descriptor == job.process:
                    self._reap(pid)
                elif job.client and descriptor == job.client.fileno():
                    _end(pid)
                    job.client.close()
                    job.client = None
        return None

    def _hear(self, connection: socket.socket) -> ForkRequest | None:
        files: list[int] = []
        declined = None
        try:
            message, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 3)
            asked = json.loads(message) if message else {}
            if asked.get("want") == "health":
                health = {"pid": os.getpid(), "jobs": len(self._running), "since": self._since}
                connection.send(json.dumps(health).encode())
            elif asked.get("want") == "job":
                declined = self._imported.unfit(asked["python"], asked["environment"])
                if declined:
                    say(f"a job starts cold: {declined}")
                    connection.send(json.dumps({"declined": declined}).encode())
                elif (pid := os.fork()) == 0:
                    self._leave()
                    wanted = (asked[name] for name in ("environment", "folder", "module", "arguments", "umask"))
                    return ForkRequest(connection, files, *wanted)
                else:
                    self._running[pid] = job = Running(os.pidfd_open(pid), connection.dup())
                    socket.send_fds(connection, [json.dumps({"pid": pid}).encode()], [job.process])
        except (OSError, ValueError) as error:
            say(f"a client could not be answered: {error}")
        for file in files:
            os.close(file)
        connection.close()
        if declined and self._imported.changed():
            self._start_anew()
        return None

    def _leave(self) -> None:
        """In a copy: forget what is the server's, and be a process of its own."""
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._listener.close()
        os.close(self._lock)
        for connection in self._asking.values():
            connection.close()
        for job in self._running.values():
            os.close(job.process)
            if job.client:
                job.client.close()

    def _reap(self, pid: int) -> None:
        _, status = os.waitpid(pid, 0)
        job = self._running.pop(pid)
        os.close(job.process)
        if job.client:
            with suppress(OSError):  # it may be gone
                job.client.send(json.dumps({"ended": os.waitstatus_to_exitcode(status)}).encode())
            job.client.close()

    def _start_anew(self) -> NoReturn:
        say("the code has changed: starting anew")
        self._path.unlink(missing_ok=True)  # clients need not wait until this one answers again
        kept = json.dumps([(pid, *job.to_inherit()) for pid, job in self._running.items()])
        options = ["--running", kept, *(["--until-eof"] if self._until_eof else []), "--import", *self._modules]
        os.execv(sys.executable, [sys.executable, "-m", "deployments.service.warm.server", *options])  # noqa: S606 - no shell


def _end(pid: int) -> None:
    # the group holds all that the job started, as soon as it has made one; it is not waited for yet, so the id is its
    os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _claim(path: Path) -> int:
    """A lock on the socket's place, held as long as this process lives: one server for one socket."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    reason = mistrust(str(path.parent))
    if reason:
        raise InvalidRequest(reason, hint=f"Set {WARM_SOCKET} to a path in a folder of this user's, with mode 0700.")
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        said = f"a fork server serves {path} already"
        raise AddressInUse(said, hint=f"Set {WARM_SOCKET} to another path.") from error
    return lock


def say(text: str) -> None:
    """One line for the operator."""
    sys.stderr.write(f"ecg fork server: {text}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m deployments.service.warm.server", description="Copies of it run jobs at once."
    )
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    parser.add_argument("--import", dest="modules", nargs="*", default=[], help="what, in place of all flows")
    parser.add_argument("--running", type=json.loads, default=[], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Serve; in a copy, run the job it was made for."""
    arguments = _arguments()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        running = {pid: Running.inherited(*descriptors) for pid, *descriptors in arguments.running}
        job = Server(Path(address()), arguments.modules, running, until_eof=arguments.until_eof).serve()
    except NotWarm as error:
        say(str(error))
        sys.exit(2)
    except EcgError as error:
        say(f"{error.message}. {error.hint}")
        sys.exit(2)
    job.run()


if __name__ == "__main__":
    main()
