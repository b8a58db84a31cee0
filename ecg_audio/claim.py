"""A claim: of all who would do something now, such as sending a job's terminal callback, one does.

It asks of a store only that what was written is listed at once, as folders and S3 do: everyone puts down a mark of
their own and then looks for others', and whoever sees one steps back. Two that come at the same moment may both step
back, and come again later; never do both go ahead. A mark carries the time until which it stands, so that a sender
that died holds nobody up for longer.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

from ecg_audio import layout
from ecg_audio.errors import EcgError
from ecg_audio.store import ArtifactStore

MARKS = layout.CLAIMS
STANDS_S = 120.0
"""Longer than one attempt can last."""

logger = logging.getLogger(__name__)


@contextmanager
def claimed(
    marks: ArtifactStore,
    job_id: str,
    stands_s: float = STANDS_S,
    *,
    owner: str | None = None,
    renewed: bool = False,
    needed: bool = False,
) -> Iterator[bool]:
    """Yield whether the job's terminal callback, or what else goes by this name, is ours, while the context lasts.

    Args:
        marks: the store that all who would do it share.
        job_id: the job, or another name of what is claimed.
        stands_s: for how long others step back, should we die.
        owner: whose claim it is, as letters, digits and hyphens: what the same owner left is in nobody's way. None:
            somebody who was never here.
        renewed: whether the claim stands on while we live, however long the work lasts.
        needed: whether nothing may be done without a mark.

    A store that takes no mark silences nobody: then the claim is ours, and the log says so; unless it is needed.

    Raises:
        EcgError: the claim is needed, and the store takes no mark.
    """
    now = time.time()
    owner = owner or uuid.uuid4().hex
    ours = _mark(job_id, now + stands_s, owner)
    try:
        marks.write(ours, b"")
        others = (key for key in marks.keys(MARKS) if key.startswith(f"{MARKS}/{job_id}~") and _owner(key) != owner)
        free = not any(_until(key) > now for key in others)
    except EcgError as error:
        if needed:
            _withdraw(marks, ours)
            raise
        logger.warning("%s is not claimed: %s", job_id, error)
        free = True
    if not free:
        _withdraw(marks, ours)  # at once, so that it is in nobody's way
    renewing = _Renewing(marks, job_id, owner, stands_s, ours) if free and renewed else None
    try:
        yield free
    finally:
        last = renewing.end() if renewing else ours
        if free:
            _withdraw(marks, last)


class _Renewing:
    """Puts a later mark in the place of ours, three times as often as it ends."""

    def __init__(self, marks: ArtifactStore, job_id: str, owner: str, stands_s: float, mark: str) -> None:
        self._marks = marks
        self._job_id = job_id
        self._owner = owner
        self._stands_s = stands_s
        self._mark = mark
        self._ended = threading.Event()
        # with the starter's context: Prefect's address may be set there
        self._thread = threading.Thread(target=copy_context().run, args=(self._renew,), name="claim", daemon=True)
        self._thread.start()

    def end(self) -> str:
        """Stop renewing; the mark that stands."""
        self._ended.set()
        self._thread.join()
        return self._mark

    def _renew(self) -> None:
        while not self._ended.wait(self._stands_s / 3):
            later = _mark(self._job_id, time.time() + self._stands_s, self._owner)
            if later == self._mark:
                continue
            try:
                self._marks.write(later, b"")
            except EcgError as error:
                logger.warning("the claim on %s is not renewed: %s", self._job_id, error)
                continue
            _withdraw(self._marks, self._mark)
            self._mark = later


def _mark(job_id: str, until: float, owner: str) -> str:
    return f"{MARKS}/{job_id}~{int(until)}~{owner}"


def _withdraw(marks: ArtifactStore, key: str) -> None:
    try:
        marks.delete(key)
    except EcgError as error:
        logger.warning("%s stands until it ends by itself: %s", key, error)


def standing(marks: ArtifactStore, beginning: str = "") -> set[str]:
    """The names that are claimed now, by whomever: all of them, or those that begin so."""
    now = time.time()
    found = marks.keys(MARKS)
    return {_name(key) for key in found if _name(key).startswith(beginning) and _until(key) > now}


def sweep(marks: ArtifactStore, older_s: float = 3600.0) -> int:
    """Remove marks that ceased to stand so long ago. Returns how many."""
    gone = [key for key in marks.keys(MARKS) if _until(key) < time.time() - older_s]
    for key in gone:
        marks.delete(key)
    return len(gone)


def _name(key: str) -> str:
    return key.removeprefix(f"{MARKS}/").split("~")[0]


def _until(key: str) -> int:
    return int(key.split("~")[1])


def _owner(key: str) -> str:
    return key.split("~")[2]
