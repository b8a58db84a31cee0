"""Rows of many small files, kept on this machine as one file a day: a question reads only what was never read before.

To open ten thousand Parquet files takes longer than any answer. So what was read once lies in the cache folder, merged
by day. A copy's footer lists the files that it was made from, with their sizes and times of change, and it counts only
while each of them is in the store as it was: rows of what was replaced or removed there are taken out before anybody
reads. A file that changed within the last moments is not copied yet, because a second change might look the same.

Copies appear whole, under names of their own, and who reads one has it open: readers and writers beside each other
never see half of one. All of them can be thrown away at any time; what nobody asked for in 30 days goes by itself.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ecg_audio import modes, workspace
from ecg_audio.errors import PublishFailed
from ecg_audio.results.parquet import TableFile

log = logging.getLogger(__name__)

FEWEST = 100
"""Fewer files of a table are opened as quickly as their copies."""
BESIDE = 24
"""So many files of a day may be new beside its copy before that is made anew."""
SETTLED_S = 2.0
"""S3 tells times of change to the second, some file systems to two."""
KEPT_S = 30 * 24 * 3600.0
AT_ONCE = 64
ROW_GROUP = 10_000
REMOTE_READERS = 16
SOURCES = "sources"


class JobFile(NamedTuple):
    """A job's Parquet file, as a listing of the store tells of it."""

    path: str
    day: str
    job: str
    size_bytes: int
    modified_ns: int

    @property
    def state(self) -> tuple[int, int]:
        """What changes when the file does."""
        return self.size_bytes, self.modified_ns


class Copy(NamedTuple):
    """A day's merged rows, opened, and the states of the files that they are of, by job."""

    path: Path
    day: str
    content: pa.Buffer
    sources: Mapping[str, tuple[int, int]]


def folder(filesystem: "fs.FileSystem", root: str, table: str, schema: pa.Schema) -> Path:
    """Where the copies of a store's table lie; other columns, other copies.

    Raises:
        InsufficientResources: there is no cache folder.
    """
    columns = ";".join(f"{field.name} {field.type}" for field in schema)
    return _of_store(filesystem, root) / f"{table}-{hashlib.sha256(columns.encode()).hexdigest()[:8]}"


def forget(filesystem: "fs.FileSystem", root: str) -> None:
    """Throw away all copies of a store on this machine.

    Raises:
        InsufficientResources: there is no cache folder.
    """
    shutil.rmtree(_of_store(filesystem, root), ignore_errors=True)


def existing(place: Path, files: Sequence[JobFile]) -> list[Copy]:
    """The copies of which every row counts.

    Args:
        place: from `folder`.
        files: all files of the table whose rows count.
    """
    states = {(file.day, file.job): file.state for file in files}
    return [copy for copy in _opened(place).values() if not _stale(copy, states)]


def make(
    place: Path,
    schema: pa.Schema,
    files: Sequence[JobFile],
    filesystem: "fs.FileSystem",
    told: Callable[[int], None] | None = None,
) -> list[Copy]:
    """The copies of which every row counts, after what is new has been copied too, unless that is little.

    Where the cache folder cannot be written, a warning is logged, and there are no new ones.

    Args:
        place: from `folder`.
        schema: the columns to copy; what a file lacks is NULL, what it has more is left out.
        files: all files of the table whose rows count.
        filesystem: where they lie.
        told: is told how many files will be read, before they are, if they are many.

    Raises:
        OSError: the store does not answer.
    """
    states = {(file.day, file.job): file.state for file in files}
    found = _opened(place)
    settled_ns = time.time_ns() - int(SETTLED_S * 1e9)
    fresh: dict[str, list[JobFile]] = defaultdict(list)
    for file in files:
        known = found[file.day].sources if file.day in found else {}
        if known.get(file.job) != file.state and file.modified_ns < settled_ns:
            fresh[file.day].append(file)
    stale = {day: gone for day, copy in found.items() if (gone := _stale(copy, states))}
    many = len(files) >= FEWEST
    anew = sorted({*stale, *(day for day, new in fresh.items() if many and len(new) > BESIDE)})
    reading = sum(len(fresh[day]) for day in anew)
    if told is not None and reading >= FEWEST:
        told(reading)
    local = isinstance(filesystem, fs.LocalFileSystem)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if local else REMOTE_READERS, "copy") as pool:
        for day in anew:
            old = found.pop(day, None)
            try:
                made = _made(
                    place, schema, day, old, stale.get(day, set()), _rows(fresh[day], schema, filesystem, pool)
                )
            except PublishFailed as error:
                log.warning("small files are read one by one, because they cannot be copied: %s", error)
                break
            if made is not None:
                found[day] = made
            if old is not None:
                _remove(old.path)
    if anew:
        _tidy(place.parent.parent)
    return [copy for copy in found.values() if not _stale(copy, states)]


def _of_store(filesystem: "fs.FileSystem", root: str) -> Path:
    local = isinstance(filesystem, fs.LocalFileSystem)
    name = f"{filesystem.type_name}:{Path(root).absolute() if local else root}"
    return workspace.cache() / workspace.COPIES / hashlib.sha256(name.encode()).hexdigest()[:16]


def _stale(copy: Copy, states: Mapping[tuple[str, str], tuple[int, int]]) -> set[str]:
    """The jobs whose rows no longer count."""
    return {job for job, state in copy.sources.items() if states.get((copy.day, job)) != state}


def _opened(place: Path) -> dict[str, Copy]:
    """The latest copy of each day."""
    found: dict[str, Copy] = {}
    for path in place.glob("*.parquet"):
        day = path.name[: len("YYYY-MM-DD")]
        try:
            with contextlib.suppress(PermissionError):  # of another user's copy
                os.utime(path)  # it was asked for
            content = pa.memory_map(str(path)).read_buffer()
            said = pq.read_metadata(pa.BufferReader(content)).metadata or {}
            listed = json.loads(said[SOURCES.encode()])
        except FileNotFoundError:
            continue  # somebody made a later one
        except (pa.ArrowInvalid, KeyError, ValueError):
            log.warning("%s is no copy of ours and is thrown away", path)
            _remove(path)
            continue
        copy = Copy(path, day, content, {job: (size, modified) for job, size, modified in listed})
        if (other := found.get(day)) is not None:  # two made one beside each other
            copy, less = (copy, other) if len(copy.sources) > len(other.sources) else (other, copy)
            _remove(less.path)
        found[day] = copy
    return found


def _remove(path: Path) -> None:
    """Who has it open reads on."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be removed: %s", path, error)


def _rows(
    files: Sequence[JobFile], schema: pa.Schema, filesystem: "fs.FileSystem", pool: Executor
) -> Iterator[tuple[JobFile, pa.Table]]:
    """The rows of files; of those that are gone or broken, nothing: whoever opens them for an answer says so."""
    columns = _columns(schema)

    def read(file: JobFile) -> pa.Table | None:
        try:
            with filesystem.open_input_file(file.path) as source:
                rows = pq.ParquetFile(pa.BufferReader(source.read_buffer())).read(use_threads=False)
            return _in_columns(rows, schema, columns)
        except (FileNotFoundError, pa.ArrowInvalid):
            return None

    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        yield from ((file, rows) for file, rows in zip(some, pool.map(read, some), strict=True) if rows is not None)


def _in_columns(rows: pa.Table, schema: pa.Schema, columns: pa.Schema) -> pa.Table:
    """Rows in a copy's columns; those that are written as `schema` says are so already."""
    if rows.schema.equals(schema, check_metadata=False):
        return pa.Table.from_arrays(rows.columns, schema=columns)
    found = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in columns
    ]
    return pa.Table.from_arrays(found, schema=columns)


def _columns(schema: pa.Schema) -> pa.Schema:
    """A table's columns in copies: rows of older versions lack some that are never NULL today."""
    return pa.schema([pa.field(field.name, field.type) for field in schema])


def _made(
    place: Path,
    schema: pa.Schema,
    day: str,
    old: Copy | None,
    stale: set[str],
    new: Iterator[tuple[JobFile, pa.Table]],
) -> Copy | None:
    """A copy of what still counts of an old one and of new rows; None where that is nothing.

    Raises:
        PublishFailed: it cannot be written.
    """
    sources = {job: state for job, state in (old.sources.items() if old else ()) if job not in stale}
    columns = _columns(schema)
    try:
        modes.make_folder(place)
    except OSError as error:
        raise PublishFailed(f"{place} cannot be made: {error}") from error
    path = place / f"{day}~{uuid4().hex}.parquet"
    waiting: list[pa.Table] = []
    with TableFile(path, columns) as file:
        if old is not None:
            kept = pq.ParquetFile(pa.BufferReader(old.content))
            for number in range(kept.num_row_groups):
                rows = kept.read_row_group(number)
                if stale:
                    gone = pa.array(sorted(stale), pa.string())
                    rows = rows.filter(pc.invert(pc.is_in(rows["job_id"].cast(pa.string()), value_set=gone)))
                if len(rows):
                    file.write(_in_columns(rows, columns, columns))
        for source, rows in new:
            sources[source.job] = source.state
            waiting.append(rows)
            if sum(map(len, waiting)) >= ROW_GROUP:
                file.write(pa.concat_tables(waiting).combine_chunks())
                waiting = []
        if waiting:
            file.write(pa.concat_tables(waiting).combine_chunks())
        file.note({SOURCES: json.dumps([[job, *state] for job, state in sources.items()])})
    if not sources:
        _remove(path)
        return None
    return Copy(path, day, pa.memory_map(str(path)).read_buffer(), sources)


def _tidy(places: Path) -> None:
    """Remove copies that nobody asked for in a long time, of all stores."""
    oldest = time.time() - KEPT_S
    for path in places.glob("*/*/*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else tidies too
            if path.stat().st_mtime < oldest:
                _remove(path)
