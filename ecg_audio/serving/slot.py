"""One job at a time, the others in the order in which they came, no more of them than is bearable."""

import threading
from collections import deque

from ecg_audio.errors import InsufficientResources

LATER = "Try again later."


class Slot:
    """The one place at the models.

    Args:
        most_waiting: how many may wait beside the one that works.
    """

    def __init__(self, most_waiting: int) -> None:
        self._most = most_waiting + 1
        self._line: deque[object] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def join(self) -> object:
        """Take a ticket at the end of the line.

        Raises:
            InsufficientResources: the line is full, or closed.
        """
        with self._changed:
            if self._closed:
                raise InsufficientResources("the model server is going down", hint=LATER)
            if len(self._line) >= self._most:
                ahead = f"the model server is busy: {len(self._line)} jobs are ahead"
                raise InsufficientResources(ahead, hint=LATER)
            ticket = object()
            self._line.append(ticket)
            return ticket

    def wait(self, ticket: object, timeout_s: float) -> bool:
        """Whether it is this ticket's turn, now or within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._line[0] is ticket, timeout_s)

    def leave(self, ticket: object) -> None:
        """Give the ticket back, whether its turn had come or not."""
        with self._changed:
            self._line.remove(ticket)
            self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """Take no more tickets; whether all were given back within the time."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._line, timeout_s)

    @property
    def length(self) -> int:
        """How many work or wait."""
        return len(self._line)

    @property
    def closed(self) -> bool:
        """Whether no more tickets are given."""
        return self._closed
