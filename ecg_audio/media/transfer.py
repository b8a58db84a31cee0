"""A download on its way to disk: resumed where it broke, never larger than allowed, whole or not there.

Beside the unfinished bytes lies a small JSON with the far side's validators, so that a later process, even after a
crash, asks only for what is missing, or only whether the finished file is still the current one.
"""

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from ecg_audio.analysis import Media
from ecg_audio.deadline import Credit, Left, after
from ecg_audio.errors import DownloadFailed, EcgError, InsufficientResources, NotMedia, SourceEmpty, TooLarge
from ecg_audio.media.signature import HEAD_BYTES, is_text
from ecg_audio.progress import Report
from ecg_audio.request import Limits

CHUNK_BYTES = 1 << 18


class Interrupted(Exception):
    """The transfer broke in a way that another attempt may mend."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a slow or broken far side is borne with.

    A download of n bytes ends within `credit_s` + n / `least_bytes_per_s`, however the far side spreads them: half a
    megabit a second is less than any line on which somebody would send 5 GB, which then take 22 hours.
    """

    connect_s: float = 10.0
    silence_s: float = 30.0  # without a byte; and for a whole header, once connected
    resumes: int = 4  # in a row without progress
    pause_s: float = 0.5  # before the first resume, doubled for each further one
    credit_s: float = 180.0  # so far the whole download may fall behind `least_bytes_per_s`
    least_bytes_per_s: float = 64_000.0

    def longest_s(self, size_bytes: int) -> float:
        """How long a download of so many bytes may take in all."""
        return self.credit_s + size_bytes / self.least_bytes_per_s


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is known of a download; lies beside it as JSON.

    Attributes:
        identity: a hash of what the content is called, without signatures; the name itself may hold secrets.
        name: for people.
        sha256: set when the download is finished.
    """

    identity: str
    name: str
    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    sha256: str | None = None

    @property
    def validator(self) -> str | None:
        """What If-Range takes: a strong ETag, else the date; None: nobody can tell whether a rest would fit."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class DownloadFiles:
    """The files of one download in its folder, named by the identity of the content."""

    def __init__(self, folder: Path, identity: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.identity = hashlib.sha256(identity.encode()).hexdigest()
        stem = self.identity[:16]
        self.part = folder / f"{stem}.part"
        self.done = folder / f"{stem}.media"
        self._note = folder / f"{stem}.json"

    def recall(self) -> Transfer | None:
        """What an earlier attempt left; None: nothing usable."""
        try:
            transfer = Transfer(**json.loads(self._note.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return transfer if transfer.identity == self.identity else None

    def finished(self) -> Transfer | None:
        """The finished download, if there is one; whether it is still current is for the far side to say."""
        known = self.recall()
        return known if known and known.sha256 and self.done.exists() else None

    def unfinished(self) -> tuple[Transfer, int] | None:
        """An unfinished download that can be resumed, and how many bytes of it are here."""
        known = self.recall()
        held = self.part.stat().st_size if self.part.exists() else 0
        return (known, held) if known and known.validator and not known.sha256 and held else None

    def note(self, transfer: Transfer) -> None:
        """Write down what is known."""
        unfinished = self._note.with_suffix(".json.tmp")
        unfinished.write_text(json.dumps(asdict(transfer)))
        unfinished.replace(self._note)

    def clear(self) -> None:
        """Remove all of it."""
        for path in (self.part, self.done, self._note):
            path.unlink(missing_ok=True)

    def media(self, transfer: Transfer) -> Media:
        """The finished download."""
        assert transfer.sha256 is not None
        path = self.done
        return Media(path=str(path), sha256=transfer.sha256, size_bytes=path.stat().st_size, name=transfer.name)


class Pace:
    """The time a whole download may still take, by a `Credit`.

    Attempts, redirects, headers and pauses all count, so nothing is gained by breaking off or by trickling.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._credit = Credit(timeouts.credit_s, timeouts.least_bytes_per_s)
        self._answer: Left | None = None

    def left_s(self) -> float:
        """How long the far side may take for what is awaited now; a `Left`."""
        left_s = self._credit.left_s()
        return left_s if self._answer is None else min(left_s, self._answer())

    @contextmanager
    def answer(self) -> Iterator[None]:
        """While this lasts a header is awaited, and has a limit of its own."""
        self._answer = after(self._timeouts.connect_s + self._timeouts.silence_s)
        try:
            yield
        finally:
            self._answer = None

    def take(self, size_bytes: int) -> None:
        """Count bytes that have come.

        Raises:
            DownloadFailed: they came too late.
        """
        self.check()
        self._credit.take(size_bytes)

    def check(self) -> None:
        """Raise `DownloadFailed` if the far side has fallen behind too far."""
        if self._credit.left_s() <= 0:
            least = self._timeouts.least_bytes_per_s
            raise DownloadFailed(f"the far side sends less than {least:.0f} bytes a second: too slow to end")


def persist(attempt: Callable[[], Media], files: DownloadFiles, timeouts: Timeouts, pace: Pace) -> Media:
    """Attempt a download until it is whole, as long as attempts bring it forward.

    Raises:
        DownloadFailed: it broke too often, or is too slow. What can be resumed stays on disk, nothing else.
        InsufficientResources: the disk is full.
        EcgError: as the attempt raised it.
    """
    failures, reached = 0, 0
    while True:
        try:
            return attempt()
        except Interrupted as interruption:
            resumable = files.unfinished()
            if not resumable:
                files.clear()
            held = resumable[1] if resumable else 0
            failures = 0 if held > reached else failures + 1
            reached = max(held, reached)
            if failures > timeouts.resumes:
                raise DownloadFailed(f"the download broke off again and again: {interruption}") from interruption
            pace.check()
            time.sleep(timeouts.pause_s * 2**failures)
        except DownloadFailed:
            if not files.unfinished():
                files.clear()
            pace.check()  # a connection that had no time left says only that it was not made
            raise
        except EcgError:
            files.clear()
            raise
        except OSError as error:
            files.clear()
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise InsufficientResources("the disk is full: the download does not fit") from error
            raise


def receive(
    pieces: Iterable[bytes],
    transfer: Transfer,
    files: DownloadFiles,
    *,
    begin: int,
    limits: Limits,
    report: Report,
    pace: Pace,
) -> Media:
    """Write a body to disk, from byte `begin` on, and finish the download.

    Raises:
        Interrupted: fewer or more bytes came than were announced.
        TooLarge: more came than the limit allows.
        NotMedia: it is text.
        SourceEmpty: nothing came.
        DownloadFailed: it comes too slowly.
    """
    check_size(transfer.length, limits)
    if not begin:
        files.clear()
        files.note(transfer)
    digest, size = _Digest(), begin
    with files.part.open("r+b" if begin else "wb") as file:
        digest.take(file, begin)
        for piece in pieces:
            pace.take(len(piece))
            file.write(piece)
            digest.update(piece)
            size += len(piece)
            check_size(size, limits)
            digest.refuse_text(transfer.name)
            if transfer.length:
                report(min(1.0, size / transfer.length))
        file.flush()
        os.fsync(file.fileno())
    if transfer.length not in {None, size}:
        raise Interrupted(f"{size} of {transfer.length} bytes came")
    return _finish(files.part, transfer, files, digest)


def adopt(file: Path, name: str, files: DownloadFiles, limits: Limits) -> Media:
    """Take over a file that somebody else downloaded, on the same disk.

    Raises:
        TooLarge: it is larger than the limit.
        NotMedia: it is text.
        SourceEmpty: it has no bytes.
    """
    check_size(file.stat().st_size, limits)
    digest = _Digest()
    with file.open("rb") as content:
        while piece := content.read(CHUNK_BYTES):
            digest.update(piece)
    return _finish(file, Transfer(files.identity, name), files, digest)


def _finish(file: Path, transfer: Transfer, files: DownloadFiles, digest: "_Digest") -> Media:
    if digest.empty:
        raise SourceEmpty(f"{transfer.name} is empty")
    digest.refuse_text(transfer.name, final=True)
    transfer = replace(transfer, sha256=digest.hexdigest())
    file.replace(files.done)
    files.note(transfer)
    return files.media(transfer)


def check_size(size: int | None, limits: Limits) -> None:
    """Raise `TooLarge` if there are more bytes than the limit allows."""
    if size is not None and size > limits.max_bytes:
        raise TooLarge(f"it has {size / 1e9:.2f} GB or more, the limit is {limits.max_bytes / 1e9:.2f} GB")


class _Digest:
    """The hash of a growing file, and its first bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._head = b""
        self._judged = False

    def take(self, file: IO[bytes], size: int) -> None:
        """Take the first `size` bytes of a file, cut off what follows, and stay at its end."""
        while size and (piece := file.read(min(size, CHUNK_BYTES))):
            self.update(piece)
            size -= len(piece)
        file.truncate(file.tell())

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]

    @property
    def empty(self) -> bool:
        return not self._head

    def refuse_text(self, name: str, *, final: bool = False) -> None:
        """Raise `NotMedia` if it begins as text; judged once, when enough bytes are there, or all (`final`)."""
        if not self._judged and (final or len(self._head) >= HEAD_BYTES):
            self._judged = True
            if is_text(self._head):
                raise NotMedia(f"{name} is text, such as a web page, not audio or video")

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
