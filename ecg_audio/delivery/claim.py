"""A claim on a job's terminal callback: of all who would send it now, one does.

It asks of a store only that what was written is listed at once, as folders and S3 do: everyone puts down a mark of
their own and then looks for others', and whoever sees one steps back. Two that come at the same moment may both step
back, and come again later; never do both go ahead. A mark carries the time until which it stands, so that a sender
that died holds nobody up for longer.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ecg_audio import layout
from ecg_audio.errors import EcgError

MARKS = layout.CLAIMS
STANDS_S = 120.0
"""Longer than one attempt can last."""

logger = logging.getLogger(__name__)


class Marks(Protocol):
    """What a claim needs of a store."""

    def write(self, key: str, content: bytes) -> None:
        """Put bytes under a key."""

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""


@contextmanager
def claimed(marks: Marks, job_id: str, stands_s: float = STANDS_S) -> Iterator[bool]:
    """Yield whether the job's terminal callback is ours to send, for as long as the context lasts.

    Args:
        marks: the store that all senders share.
        job_id: the job.
        stands_s: for how long others step back, should we die.

    A store that takes no mark silences nobody: then the claim is ours, and the log says so.
    """
    now = time.time()
    ours = f"{MARKS}/{job_id}~{int(now + stands_s)}~{uuid.uuid4().hex}"
    try:
        marks.write(ours, b"")
        others = (key for key in marks.keys(MARKS) if key.startswith(f"{MARKS}/{job_id}~") and key != ours)
        free = not any(_until(key) > now for key in others)
    except EcgError as error:
        logger.warning("the callback of %s is not claimed: %s", job_id, error)
        free = True
    if not free:
        _withdraw(marks, ours)  # at once, so that it is in nobody's way
    try:
        yield free
    finally:
        if free:
            _withdraw(marks, ours)


def _withdraw(marks: Marks, key: str) -> None:
    try:
        marks.delete(key)
    except EcgError as error:
        logger.warning("%s stands until it ends by itself: %s", key, error)


def sweep(marks: Marks, older_s: float = 3600.0) -> int:
    """Remove marks that ceased to stand so long ago. Returns how many."""
    gone = [key for key in marks.keys(MARKS) if _until(key) < time.time() - older_s]
    for key in gone:
        marks.delete(key)
    return len(gone)


def _until(key: str) -> int:
    return int(key.split("~")[1])
