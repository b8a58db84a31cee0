"""Ports for servers of tests."""

import socket

_HELD: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that nobody is given by chance while these tests run.

    A socket stays bound to each without listening: connecting is refused, and a server that is told the port may listen
    there, go away, and come back.
    """
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
    _HELD.extend(probes)
    return [probe.getsockname()[1] for probe in probes]
