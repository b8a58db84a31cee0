"""How a model server is reached: over a Unix socket in a folder that only its own user can enter."""

from pathlib import Path

import httpx

from ecg_audio import peer
from ecg_audio.address import trusted_at
from ecg_audio.errors import EngineUnavailable
from ecg_audio.settings import Models

PREFIX = "unix:"
HOST = "http://models"
"""What requests say; nobody looks it up."""


def connect(address: str, timeout: httpx.Timeout | float) -> httpx.Client:
    """A client of the model server at an address; it connects with its first request.

    Args:
        address: `/path/of/socket` or `unix:/path/of/socket`.
        timeout: of each step of a request, in seconds.

    Raises:
        EngineUnavailable: the address names no socket, or one in a folder that others can enter.
    """
    socket = Path(address.removeprefix(PREFIX))
    if not socket.is_absolute():
        raise EngineUnavailable(
            f"{Models.variable('model_server')}: {address!r} is no path of a socket",
            hint="Name the path that `ecg serve-models` prints; model servers listen on no port.",
        )
    if socket.parent.exists() and (reason := peer.mistrust(str(socket.parent))):
        raise EngineUnavailable(
            f"the model server at {socket} is not trusted: {reason}", hint=f"chmod 700 {socket.parent}"
        )
    transport = httpx.HTTPTransport(uds=str(socket), verify=trusted_at(HOST))
    return httpx.Client(base_url=HOST, transport=transport, timeout=timeout, trust_env=False)
