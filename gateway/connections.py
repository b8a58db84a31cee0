"""Connections with an end: uvicorn waits for a request's header, and for a slow reader, as long as they like."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0
"""So long may a connection take from its beginning, or its last answer, to a whole header."""
UNREAD_S = 60.0
"""So long may an answer wait for its reader to take another piece of it."""
MOST_CONNECTIONS = 500
"""Beyond this, whoever has waited longest without having asked for anything goes."""


class TimedProtocol(H11Protocol):
    """One connection. Bodies have limits of their own, which the application keeps."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._no_request: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, in the place of an idle one if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [other for other in self.connections if isinstance(other, TimedProtocol) and other._no_request]
            longest = min(idle, key=lambda other: other._no_request.when(), default=self)  # type: ignore[union-attr]
            longest.transport.abort()
        self._judge()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        for timer in (self._no_request, self._unread):
            if timer:
                timer.cancel()
        self._no_request = self._unread = None

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        self._judge()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._judge()

    def pause_writing(self) -> None:
        """The reader takes less than is sent."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken most of it."""
        super().resume_writing()
        if self._unread:
            self._unread.cancel()
            self._unread = None

    def _judge(self) -> None:
        """Count the time in which no request is being answered."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self._no_request:
            self._no_request.cancel()
            self._no_request = None
        elif not answering and not self._no_request and not self.transport.is_closing():
            self._no_request = self.loop.call_later(HEADER_S, self.transport.abort)
