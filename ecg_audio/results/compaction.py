"""Many small Parquet files made one a day, while others read and write.

A day's file, `compacted~.parquet`, holds the rows of many jobs. The rule that makes it safe at every moment: **a row
in a day's file counts only while its job has no file of its own** beside it. So the day's file is put down whole
before any small file goes; killed at any point, nothing is lost and nothing counts twice; and a job that is published
anew takes its own rows back by the mere presence of its new file. `reading`, `ecg query` and the views in `queries`
keep the rule.

Frames are left alone: a recording has megabytes of them, and files of that size are as they should be.
"""

import heapq
import io
import itertools
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.parquet import TableFile
from ecg_audio.results.schemas import TABLES

SMALL = tuple(name for name in TABLES if name != "frames")
DAYS = {
    name: pa.schema([field.with_nullable(field.name != "job_id") for field in TABLES[name]]).with_metadata(
        TABLES[name].metadata
    )
    for name in SMALL
}
"""The columns of a day's file: rows of older versions lack some that are never NULL today."""
FEWEST = 2
DAY_ROW_GROUP = 10_000
"""About so many rows of a day's file lie together: who asks for one job reads these, not the day."""
_PARTITION = re.compile(r"features/(?P<table>[a-z]+)/date=(?P<day>\d{4}-\d{2}-\d{2})/(?P<job>[^/]+)\.parquet")


class Listed(Protocol):
    """An object of a store, as a listing tells of it."""

    @property
    def key(self) -> str:
        """Its name in the store."""

    @property
    def size_bytes(self) -> int:
        """How large it is."""

    @property
    def modified(self) -> datetime:
        """When it was written last; an aware time."""


class Store(Protocol):
    """What compaction asks of an artifact store."""

    def objects(self, prefix: str) -> Iterator[Listed]:
        """All objects below a prefix."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def read(self, key: str) -> bytes:
        """Its bytes; `ResultNotFound` where there is none."""

    def upload(self, key: str, path: Path) -> None:
        """Put a file under a key, whole or not at all."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of one table's day."""

    table: str
    day: str
    files: int
    before_bytes: int
    after_bytes: int


def compact(store: Store, *, before: datetime, tables: Sequence[str] = SMALL) -> Iterator[Compacted]:
    """Make the small files of each day one.

    Only files last written before a moment are taken, and of jobs that are in `recordings` for the day: what is just
    being published is left for the next time.

    Args:
        store: the artifact store.
        before: an aware time.
        tables: which tables.

    Yields:
        What was done, day by day and table by table, after it was done.

    Raises:
        InvalidRequest: a file has columns that this version does not know: a newer one should compact them.
        PublishFailed: the store does not answer; what was done stays, and compacting again goes on.
    """
    published = _days(store, "recordings")
    in_day = {day: _jobs(store, _day_key("recordings", day)) for day in published}
    for table in tables:
        for day, files in sorted(_days(store, table).items()):
            known = {_job(one.key) for one in published.get(day, ())} | in_day.get(day, set())
            own = [one for one in files if one.modified < before and _job(one.key) in known]
            key = _day_key(table, day)
            whole = next((one for one in files if one.key == key), None)
            own = [one for one in own if one.key != key]
            if len(own) + (whole is not None) >= FEWEST and own:
                yield _merge(store, table, day, own, whole)


def strip(store: Store, job_id: str, days: Iterable[str] | None = None) -> None:
    """Take a job's rows out of the days' files: all days', or those of some."""
    for table in SMALL:
        found = _days(store, table) if days is None else dict.fromkeys(days, ())
        for day in found:
            key = _day_key(table, day)
            if job_id in _jobs(store, key):
                _rewrite(store, table, key, [key], without={job_id})


def read(store: Store, key: str) -> bytes:
    """A job's table as a Parquet file, whether it lies in a file of its own or in its day's.

    Raises:
        ResultNotFound: it lies in neither.
    """
    try:
        return store.read(key)
    except ResultNotFound:
        found = _PARTITION.fullmatch(key)
        if found is None:
            raise
        table, day, job = found["table"], found["day"], found["job"]
        # who speaks alone has no exchanges: such a table has left no row, its recording has
        if not any(job in _jobs(store, _day_key(name, day)) for name in (table, "recordings")):
            raise
    whole = _table(store, table, _day_key(table, day))
    rows = whole.filter(pc.equal(whole["job_id"], pa.scalar(job)))
    rows = _as_published(table, rows)
    with tempfile.TemporaryDirectory(prefix="ecg-rows-") as folder:
        path = Path(folder) / "rows.parquet"
        with TableFile(path, rows.schema) as file:
            file.write(rows)
        return path.read_bytes()


def _days(store: Store, table: str) -> dict[str, list[Listed]]:
    days: dict[str, list[Listed]] = defaultdict(list)
    for one in store.objects(f"features/{table}"):
        found = _PARTITION.fullmatch(one.key)
        if found is not None and found["table"] == table:
            days[found["day"]].append(one)
    return days


def _day_key(table: str, day: str) -> str:
    return f"features/{table}/date={day}/{COMPACTED}"


def _job(key: str) -> str:
    return PurePosixPath(key).stem


def _jobs(store: Store, key: str) -> set[str]:
    """The jobs whose rows are in a day's file; none where there is no such file."""
    try:
        content = store.read(key)
    except ResultNotFound:
        return set()
    names = pq.read_table(io.BytesIO(content), columns=["job_id"])["job_id"]
    return {str(name) for name in names.unique().to_pylist()}


def _merge(store: Store, table: str, day: str, own: list[Listed], whole: Listed | None) -> Compacted:
    key = _day_key(table, day)
    size = _rewrite(store, table, key, [*([key] if whole else []), *(one.key for one in own)], without=set())
    now = {one.key: one for one in store.objects(str(PurePosixPath(key).parent))}
    gone = {_job(one.key) for one in own if one.key not in now}
    if gone:  # forgotten while it was being copied
        size = _rewrite(store, table, key, [key], without=gone)
    for one in own:
        # who published anew meanwhile keeps the new file, which counts
        if one.key in now and (now[one.key].modified, now[one.key].size_bytes) == (one.modified, one.size_bytes):
            store.delete(one.key)
    taken = [*own, *([whole] if whole else [])]
    return Compacted(table, day, len(taken), sum(one.size_bytes for one in taken), size)


def _rewrite(store: Store, table: str, key: str, sources: Sequence[str], without: set[str]) -> int:
    """Make a day's file of others, in order of jobs, and put it down; returns its size.

    One of the sources may be the day's file itself: it gives no rows of jobs that have their own file among the rest.
    """
    own = sorted((source for source in sources if source != key), key=_job)
    parts: list[Iterator[tuple[str, pa.Table]]] = [
        ((_job(source), one) for source in own for one in _own_rows(store, table, source))
    ]
    if key in sources:
        parts.append(_day_rows(store, table, key, without | {_job(source) for source in own}))
    with tempfile.TemporaryDirectory(prefix="ecg-compact-") as folder:
        path = Path(folder) / COMPACTED
        waiting: list[pa.Table] = []
        count = 0
        with TableFile(path, DAYS[table], sorted_by="job_id") as file:
            for _, rows in heapq.merge(*parts, key=lambda part: part[0]):
                waiting.append(rows)
                count += len(rows)
                if count >= DAY_ROW_GROUP:
                    file.write(_joined(waiting))
                    waiting, count = [], 0
            if waiting:
                file.write(_joined(waiting))
        size = path.stat().st_size
        if without and not pq.read_metadata(path).num_rows:
            store.delete(key)
        else:
            store.upload(key, path)
    return size


def _own_rows(store: Store, table: str, key: str) -> Iterator[pa.Table]:
    """A job's rows, if it still has any."""
    try:
        yield _table(store, table, key)
    except ResultNotFound:
        return  # forgotten meanwhile


def _day_rows(store: Store, table: str, key: str, without: set[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a day's file by job, in order, without those of some jobs."""
    try:
        rows = _table(store, table, key)
    except ResultNotFound:
        return
    rows = rows.take(pc.sort_indices(rows["job_id"]))  # an older version's are in no order
    start = 0
    for job, found in itertools.groupby(rows["job_id"].to_pylist()):
        end = start + sum(1 for _ in found)
        if job not in without:
            yield str(job), rows.slice(start, end - start)
        start = end


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks()


def _table(store: Store, table: str, key: str) -> pa.Table:
    """A file's rows in a day's columns: those that an older version did not write are NULL."""
    rows = pq.ParquetFile(pa.BufferReader(store.read(key))).read(use_threads=False)
    schema = DAYS[table]
    unknown = sorted(set(rows.column_names) - set(schema.names))
    if unknown:
        raise InvalidRequest(
            f"{key} has columns that this version does not know: {', '.join(unknown)}",
            hint="Compact this store with the version of ecg that wrote them.",
        )
    if rows.schema.types == schema.types and rows.column_names == schema.names:
        return pa.Table.from_arrays(rows.columns, schema=schema)
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _as_published(table: str, rows: pa.Table) -> pa.Table:
    """A day's rows in the columns of a job's own file; what an older version did not write stays NULL."""
    fields = [field.with_nullable(field.nullable or bool(rows[field.name].null_count)) for field in TABLES[table]]
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields).with_metadata(TABLES[table].metadata))
