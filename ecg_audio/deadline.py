"""An end for the whole of an exchange: limits per read alone let a far side send a byte at a time for ever."""

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpcore

Left = Callable[[], float]
"""How many seconds an exchange may still take; zero or less: it is over."""
WRITTEN_AT_ONCE_BYTES = 1 << 14


def after(seconds: float) -> Left:
    """What is left of so many seconds, counted from now."""
    until = time.monotonic() + seconds
    return lambda: until - time.monotonic()


class Credit:
    """The time that bytes of unknown number may still take: waiting uses it up, each byte that comes earns some.

    n bytes are here within `seconds` + n / `least_bytes_per_s`, or the credit is spent.

    Args:
        seconds: so far they may fall behind; no more is ever saved up.
        least_bytes_per_s: the floor rate.
    """

    def __init__(self, seconds: float, least_bytes_per_s: float) -> None:
        self._seconds = seconds
        self._least_bytes_per_s = least_bytes_per_s
        self._until = time.monotonic() + seconds

    def left_s(self) -> float:
        """How long the next byte may take; a `Left`."""
        return self._until - time.monotonic()

    def take(self, size_bytes: int) -> None:
        """Count bytes that have come."""
        earned_s = size_bytes / self._least_bytes_per_s
        self._until = min(self._until + earned_s, time.monotonic() + self._seconds)


class TimedStream(httpcore.NetworkStream):
    """A connection whose reads, writes and handshake end when the time of the whole exchange does.

    Args:
        stream: the connection.
        left: how long the exchange that uses it now may still take.
    """

    def __init__(self, stream: httpcore.NetworkStream, left: Left) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes as they come.

        Raises:
            httpcore.ReadTimeout: none came in time, or the time of the whole exchange is over.
        """
        return self._stream.read(max_bytes, within(timeout, self._left, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes, in pieces: the limit of the stream below begins anew with every piece that is taken.

        Raises:
            httpcore.WriteTimeout: they were not taken in time.
        """
        for begin in range(0, len(buffer), WRITTEN_AT_ONCE_BYTES):
            piece = buffer[begin : begin + WRITTEN_AT_ONCE_BYTES]
            self._stream.write(piece, within(timeout, self._left, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted.

        Raises:
            httpcore.ConnectTimeout: the handshake did not end in time.
        """
        timeout = within(timeout, self._left, httpcore.ConnectTimeout)
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        """What the stream below says of itself."""
        return self._stream.get_extra_info(info)


def within(timeout: float | None, left: Left | None, over: type[Exception]) -> float | None:
    """The limit of one step: its own, or what is left for all steps, whichever is less.

    Raises:
        Exception: `over`, if nothing is left.
    """
    if left is None:
        return timeout
    seconds = left()
    if seconds <= 0:
        raise over("the time for all of it is over")
    return seconds if timeout is None else min(timeout, seconds)
