"""How many requests go to Prefect at once: a few, the others wait in order, and beyond a bound callers come later."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from ecg_audio.errors import OrchestratorUnavailable

AT_ONCE = 6
"""More at once make Prefect slower for each, and no faster in all."""
MOST_WAITING = 400
RETRY_AFTER_S = 3
LONGEST_RETRY_AFTER_S = 60
_LATEST = 0.1  # the weight of the latest request in the usual time

Found = TypeVar("Found")


class GatewayBusy(OrchestratorUnavailable):
    """More callers wait than can be answered in time; nothing was begun."""

    code = "BUSY"
    default_hint = "Send the same request again after the time that Retry-After says."


class ConcurrencyLimit:
    """Lets so many through at once, in the order in which they came.

    Args:
        at_once: how many.
        most_waiting: how many may wait.
    """

    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._places = asyncio.Semaphore(at_once)
        self._usual_s = 0.0
        self.waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            GatewayBusy: too many wait already.
        """
        if self.waiting >= self._most_waiting:
            raise GatewayBusy(f"the gateway is busy: {self.waiting} requests wait for Prefect")
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._usual_s += _LATEST * (time.monotonic() - began - self._usual_s)
            self._places.release()

    def retry_after_s(self) -> int:
        """When a caller who was sent away should come again: later, and more spread out, the more are waiting."""
        waits_s = self._usual_s * self.waiting / self._at_once
        spread_s = random.uniform(0, waits_s)  # noqa: S311 - so that they do not all come at once again
        return min(LONGEST_RETRY_AFTER_S, math.ceil(RETRY_AFTER_S + waits_s + spread_s))


class SingleFlight(Generic[Found]):
    """One answer for everybody who asks within some seconds. Who gives up waiting for it does not end the asking.

    Args:
        ask: gets the answer.
        lasting_s: how old it may become.
    """

    def __init__(self, ask: Callable[[], Awaitable[Found]], lasting_s: float) -> None:
        self._ask = ask
        self._lasting_s = lasting_s
        self._asking: asyncio.Task[Found] | None = None
        self._until = 0.0

    async def get(self) -> Found:
        """The answer, asked for anew if it is too old. Raises as asking does."""
        ended = self._asking is not None and self._asking.done()
        if self._asking is None or (ended and time.monotonic() >= self._until):
            self._asking = asyncio.create_task(self._answer())
            self._asking.add_done_callback(noticed)
        return await asyncio.shield(self._asking)

    async def _answer(self) -> Found:
        self._until = 0.0
        found = await self._ask()
        self._until = time.monotonic() + self._lasting_s
        return found

    def forget(self) -> None:
        """Ask the next time."""
        self._until = 0.0

    def close(self) -> None:
        """Stop asking."""
        if self._asking:
            self._asking.cancel()


def noticed(task: "asyncio.Task[Any]") -> None:
    """Whoever waited for it has been told; if all have gone, nobody needs to be."""
    if not task.cancelled():
        task.exception()
