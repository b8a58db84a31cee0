"""How a model server is asked: over a Unix socket in a folder that only its own user can enter.

A call is one message `(what, arguments)` on a connection of its own. It is answered as a child answers its parent (see
`child.hear`): progress, a result or an error, each as the object that it is. The server also says every second that the
call is `waiting` or `working`, and what its work `took`.
"""

import socket
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ecg_audio import peer
from ecg_audio.child import hear
from ecg_audio.errors import EngineUnavailable
from ecg_audio.progress import Report, current, silent, took
from ecg_audio.settings import Models

PREFIX = "unix:"
HEARTBEAT_S = 1.0
SILENCE_S = 15 * HEARTBEAT_S
"""Whoever hears nothing for so long knows that the server is gone."""
ANSWER_S = 2.0


def call(address: str, what: str, *arguments: Any, report: Report = silent, silence_s: float = SILENCE_S) -> Any:
    """What the model server answers.

    Args:
        address: `/path/of/socket` or `unix:/path/of/socket`.
        what: is asked for: `stage`, `classify` or a question: see `server.ModelServer.answer`.
        arguments: of it.
        report: hears its progress.
        silence_s: how long the server may say nothing.

    Raises:
        EngineUnavailable: the address names no socket, or one in a folder that others can enter.
        OSError, EOFError: no server is there, or it is lost.
        ProcessingTimeout: the job's time is over. The connection is closed, so the server stops working for it.
        Exception: as the server raised it.
    """
    deadline = current().deadline

    def wait_s() -> float:
        deadline.check()
        return silence_s

    with connect(address) as pipe:
        pipe.send((what, arguments))
        return hear(
            pipe,
            wait_s,
            progress=report,
            took=took,
            working=silent,
            waiting=lambda _jobs: deadline.waited(HEARTBEAT_S),
        )


def connect(address: str) -> Connection:
    """A connection to the model server at an address. Raises as `call`."""
    path = Path(address.removeprefix(PREFIX))
    if not path.is_absolute():
        raise EngineUnavailable(
            f"{Models.variable('model_server')}: {address!r} is no path of a socket",
            hint="Name the path that `ecg serve-models` prints; model servers listen on no port.",
        )
    if path.parent.exists() and (reason := peer.mistrust(str(path.parent))):
        raise EngineUnavailable(f"the model server at {path} is not trusted: {reason}", hint=f"chmod 700 {path.parent}")
    with socket.socket(socket.AF_UNIX) as found:
        found.settimeout(ANSWER_S)
        found.connect(str(path))
        found.settimeout(None)
        return Connection(found.detach())
