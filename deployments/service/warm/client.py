"""The process that a worker starts for a job: `python -m deployments.service.warm.client` as a work pool's `command`.

As `python -m prefect.engine` it runs the flow run that the environment names; a module and its arguments may follow.

It asks the fork server for a copy of itself that runs the job, hands over its environment, folder and open files, and
from then on stands for the job: signals go on to it, its end becomes this one's, and it does not outlive this process.
Where there is no fork server, or none that answers within a second, this process becomes `python -m prefect.engine`
itself, with a line in the log that says why. It is started for every job, so it imports next to nothing.
"""

import json
import os
import resource
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from ecg_audio.environment import WARM_SOCKET
from ecg_audio.peer import LONGEST_PATH, mistrust, same_user, usual

ENGINE = "prefect.engine"
PATIENCE_S = 1.0
"""So long may a fork server take for all of its answers."""
MESSAGE_BYTES = 1 << 20
GO = b"go"
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class NotWarm(Exception):
    """The fork server cannot take a job; the message says why."""


def address() -> str:
    """Where the fork server of this user listens: ECG_WARM_SOCKET, else a socket in the user's runtime folder.

    Raises:
        NotWarm: the path is too long for a socket.
    """
    path = os.environ.get(WARM_SOCKET) or usual("warm")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise NotWarm(f"its socket's path is longer than {LONGEST_PATH} bytes; set {WARM_SOCKET} to a shorter one")
    return path


def ping(at: str | None = None) -> dict[str, Any]:
    """How the fork server is: `pid`, `jobs` that run, `since` when it is ready (seconds since 1970).

    Args:
        at: its socket; None: `address()`.

    Raises:
        NotWarm: it does not answer.
    """
    deadline = time.monotonic() + PATIENCE_S
    with _connect(at or address(), deadline) as connection:
        try:
            connection.send(json.dumps({"want": "health"}).encode())
            message = connection.recv(MESSAGE_BYTES)
        except OSError as error:
            raise NotWarm(f"it does not answer: {error}") from error
    if not message:
        raise NotWarm("it has just ended")
    health: dict[str, Any] = json.loads(message)
    return health


def submit(module: str, arguments: list[str]) -> socket.socket:
    """Have the fork server run a module as this process's job.

    Returns:
        the connection, over which the job's end is told. Signals that this process gets go to the job from now on.

    Raises:
        NotWarm: it has not taken the job, and never will.
    """
    deadline = time.monotonic() + PATIENCE_S
    os.umask(umask := os.umask(0o077))
    job = {
        "want": "job",
        "python": sys.executable,
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes as long to import as all else here
        "module": module,
        "arguments": arguments,
        "umask": umask,
    }
    connection = _connect(address(), deadline)
    try:
        socket.send_fds(connection, [json.dumps(job).encode()], [0, 1, 2])
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        message, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
        answer = json.loads(message) if message else {"declined": "it has just ended"}
        if "declined" in answer or not files:
            raise NotWarm(str(answer.get("declined")))
        os.set_inheritable(files[0], False)
        for number in PASSED_ON:
            signal.signal(number, lambda received, _frame: _pass_on(files[0], received))
        # until it hears this the job waits, and begins never if this process gives up
        connection.send(GO)
    except OSError as error:
        connection.close()
        raise NotWarm(f"it does not answer: {error}") from error
    connection.settimeout(None)
    return connection


def _connect(path: str, deadline: float) -> socket.socket:
    if not hasattr(os, "pidfd_open"):
        raise NotWarm("there is none on this system")
    reason = mistrust(os.path.dirname(path))  # noqa: PTH120
    if reason:
        raise NotWarm(reason)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise NotWarm(f"it does not listen: {error.strerror or error}") from error
    if not same_user(connection):
        connection.close()
        raise NotWarm("its socket belongs to another user")
    return connection


def _pass_on(process: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        return  # it has ended, and its end is on its way to us


def wait(connection: socket.socket) -> int | None:
    """The job's exit code, or minus the signal that ended it; None: nobody is left who knows.

    The fork server tells the end as the kernel told it. If that server is gone, the job's own last word counts.
    """
    told = None
    try:
        while message := connection.recv(MESSAGE_BYTES):
            end = json.loads(message)
            if "ended" in end:
                return int(end["ended"])
            told = int(end["ending"])
    except ConnectionResetError:
        pass
    return told


def end_like(code: int | None) -> NoReturn:
    """End this process as the job ended."""
    if code is None:
        sys.stderr.write("ecg: the job was ended, and so was the fork server: its exit code is not known\n")
        sys.exit(1)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the job's core says more than ours
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def main() -> None:
    """Run the job, in a copy of the fork server or here."""
    module, *arguments = sys.argv[1:] or [ENGINE]
    try:
        connection = submit(module, arguments)
    except NotWarm as reason:
        sys.stderr.write(f"ecg: a cold start, without the fork server: {reason}\n")
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell is meant
    end_like(wait(connection))


if __name__ == "__main__":
    main()
