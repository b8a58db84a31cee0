"""Giving models back after a while in which nobody needs them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class IdleTimer:
    """Calls something once when no work has been done for a while, again after each work.

    Args:
        after_s: how long; None: never.
        then: what to do, on a thread of its own.
    """

    def __init__(self, after_s: float | None, then: Callable[[], None]) -> None:
        self._after_s = after_s
        self._then = then
        self._lock = threading.Lock()
        self._working = 0
        self._timer: threading.Timer | None = None

    @contextmanager
    def work(self) -> Iterator[None]:
        """While this lasts nothing rests."""
        with self._lock:
            self._working += 1
            self._unset()
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                if not self._working and self._after_s is not None:
                    self._timer = threading.Timer(self._after_s, self._then)
                    self._timer.daemon = True
                    self._timer.start()

    def cancel(self) -> None:
        """Forget what was to be done."""
        with self._lock:
            self._unset()

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
