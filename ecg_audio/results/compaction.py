"""Many small Parquet files made one a day, while others read and write.

A day's file, `compacted~.parquet`, holds the rows of many jobs. The rule that makes it safe at every moment: **a row
in a day's file counts only while its job has no file of its own** beside it. So the day's file is put down whole
before any small file goes; killed at any point, nothing is lost and nothing counts twice; and a job that is published
anew takes its own rows back by the mere presence of its new file. `reading`, `ecg query` and the views in `queries`
keep the rule.

Whoever rewrites a table's day holds a claim on it: a second compaction leaves that day to the first, and who takes a
job's rows out waits. Should a claim be lost, say on a machine that slept, nothing is written of sources that are no
longer what they were, and no file goes but the very one whose rows were copied.

Frames are left alone: a recording has megabytes of them, and files of that size are as they should be.
"""

import functools
import hashlib
import heapq
import io
import itertools
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecg_audio import claim, layout
from ecg_audio.errors import InvalidRequest, ResultNotFound, StoreBusy
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.parquet import TableFile
from ecg_audio.results.schemas import TABLES
from ecg_audio.store import ArtifactStore, Stored

SMALL = tuple(name for name in TABLES if name != "frames")
DAYS = {
    name: pa.schema([field.with_nullable(field.name != "job_id") for field in TABLES[name]]).with_metadata(
        TABLES[name].metadata
    )
    for name in SMALL
}
"""The columns of a day's file: rows of older versions lack some that are never NULL today."""
FEWEST = 2
STANDS_S = 60.0
"""How long others step back, should whoever rewrites a day die; while it lives it says so again."""
WAITS_S = 180.0
"""How long a day is waited for that somebody else rewrites: longer than a dead one's claim stands."""
HELD = "somebody else is rewriting it, or died while doing so less than a minute ago"
CHANGED = "files of it changed meanwhile"
SETTLED = timedelta(minutes=10)
"""Whoever publishes has ended by then, or has taken its files back."""
LARGER = 10
"""A day's file is not written anew, unless somebody asks, while it is so many times as large as what is new."""
MOST_BYTES = 512 << 20
"""Nor where all of it is larger: it passes through the memory of whoever does it."""
DAY_ROW_GROUP = 10_000
"""About so many rows of a day's file lie together: who asks for one job reads these, not the day."""


Read = Callable[[str], bytes]
"""The bytes of a file, by its key."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of one table's day. `left` says why it was left as it was; None: its files are one."""

    table: str
    day: str
    files: int = 0
    before_bytes: int = 0
    after_bytes: int = 0
    left: str | None = None


def keep_few(store: ArtifactStore, most: int, *, now: datetime) -> Iterator[Compacted]:
    """Compact where more than so many recordings have files of their own: what is done as a store grows.

    Files of the last `SETTLED` are left alone. So are days of which a tenth or less is new, so that a busy day is not
    written a hundred times, and those of more than `MOST_BYTES`, which would take the memory of whoever does it.

    Args:
        store: the artifact store.
        most: so many; 0: however many.
        now: an aware time.

    Yields:
        As `compact` does.

    Raises:
        InvalidRequest: as in `compact`.
        PublishFailed: likewise.
    """
    before = now - SETTLED
    if not most:
        return
    small = [one for one in store.objects(f"{layout.TABLES}/recordings") if PurePosixPath(one.key).name != COMPACTED]
    if sum(one.modified < before for one in small) <= most:
        return
    yield from compact(store, before=before, worth=_worth)


def _worth(files: Sequence[Stored]) -> bool:
    """Whether a day's files, its own large one last, are rewritten without anybody asking for it."""
    sizes = [one.size_bytes for one in files]
    whole = sizes[-1] if PurePosixPath(files[-1].key).name == COMPACTED else 0
    return sum(sizes) <= MOST_BYTES and whole < LARGER * (sum(sizes) - whole)


def compact(
    store: ArtifactStore,
    *,
    before: datetime,
    tables: Sequence[str] = SMALL,
    worth: Callable[[Sequence[Stored]], bool] = lambda _: True,
) -> Iterator[Compacted]:
    """Make the small files of each day one.

    Only files last written before a moment are taken, and of jobs that are in `recordings` for the day: what is just
    being published is left for the next time.

    Args:
        store: the artifact store.
        before: an aware time.
        tables: which tables.
        worth: whether some files of a day, its own large one last, are made one.

    Yields:
        What was done, day by day and table by table, after it was done; also what was left to somebody else.

    Raises:
        InvalidRequest: a file has columns that this version does not know: a newer one should compact them.
        PublishFailed: the store does not answer; what was done stays, and compacting again goes on.
    """
    published = _days(store, "recordings")

    @functools.cache
    def known(day: str) -> Set[str]:
        own = {_job(one.key) for one in published.get(day, ())}
        return own | (_jobs(store, _day_key("recordings", day)) if day in published else set())

    for table in tables:
        for day, files in sorted(_days(store, table).items()):
            if len(files) < FEWEST or not (found := _sources(files, before, known(day))) or not worth(found):
                continue
            with _claimed(store, table, day) as ours:
                done = _merge(store, table, day, before, known(day)) if ours else Compacted(table, day, left=HELD)
            if done:
                yield done


def strip(store: ArtifactStore, job_id: str, days: Collection[str] | None = None, *, waits_s: float = WAITS_S) -> None:
    """Take a job's rows out of the days' files, also where somebody is copying them there at the moment.

    Call it when the job's own files of these days are gone: whoever copied them before is waited for.

    Args:
        store: the artifact store.
        job_id: the job.
        days: some days; None: all.
        waits_s: how long a day is waited for that somebody else rewrites.

    Raises:
        StoreBusy: somebody still does; what was done stays, and stripping again goes on.
        PublishFailed: the store does not answer; likewise.
    """
    held = _held(store)  # before files are looked at: the rows that a compaction has copied by then are in these
    for table in SMALL:
        at_work = {day for name, day in held if name == table}
        for day in sorted({*_days(store, table), *at_work} if days is None else days):
            key = _day_key(table, day)
            if day in at_work or job_id in _jobs(store, key):
                with _waited_for(store, table, day, waits_s):
                    _strip(store, table, key, job_id)


def put_back(store: ArtifactStore, files: Mapping[str, Path], *, waits_s: float = WAITS_S) -> None:
    """See to it that a job's files are there that were written anew under the keys of older ones.

    A compaction may have found the old file in its place, and then removed the new one.

    Args:
        store: the artifact store.
        files: the job's files, by their keys; they have been uploaded.
        waits_s: as in `strip`.

    Raises:
        StoreBusy: as in `strip`.
        PublishFailed: the store does not answer.
    """
    held = _held(store)
    for key, path in files.items():
        found = layout.PARTITION.fullmatch(key)
        if found is None:
            continue
        table, day = found["table"], found["day"]
        with _waited_for(store, table, day, waits_s) if (table, day) in held else nullcontext():
            if not store.exists(key):
                store.upload(key, path)


def read(store: ArtifactStore, key: str) -> bytes:
    """A job's table as a Parquet file, whether it lies in a file of its own or in its day's.

    Raises:
        ResultNotFound: it lies in neither.
    """
    try:
        return store.read(key)
    except ResultNotFound:
        found = layout.PARTITION.fullmatch(key)
        if found is None:
            raise
        table, day, job = found["table"], found["day"], found["job"]
        # who speaks alone has no exchanges: such a table has left no row, its recording has
        if not any(job in _jobs(store, _day_key(name, day)) for name in (table, "recordings")):
            raise
    whole = _table(store.read, table, _day_key(table, day))
    rows = whole.filter(pc.equal(whole["job_id"], pa.scalar(job)))
    rows = _as_published(table, rows)
    with tempfile.TemporaryDirectory(prefix="ecg-rows-") as folder:
        path = Path(folder) / "rows.parquet"
        with TableFile(path, rows.schema) as file:
            file.write(rows)
        return path.read_bytes()


def _days(store: ArtifactStore, table: str) -> dict[str, list[Stored]]:
    days: dict[str, list[Stored]] = defaultdict(list)
    for one in store.objects(f"{layout.TABLES}/{table}"):
        found = layout.PARTITION.fullmatch(one.key)
        if found is not None and found["table"] == table:
            days[found["day"]].append(one)
    return days


def _day_key(table: str, day: str) -> str:
    return layout.table(table, day, COMPACTED.removesuffix(".parquet"))


def _claimed(store: ArtifactStore, table: str, day: str) -> AbstractContextManager[bool]:
    return claim.claimed(store, layout.rewriting(table, day), STANDS_S, renewed=True, needed=True)


@contextmanager
def _waited_for(store: ArtifactStore, table: str, day: str, waits_s: float) -> Iterator[None]:
    """Hold a table's day as soon as nobody else does."""
    deadline = time.monotonic() + waits_s
    while True:
        with _claimed(store, table, day) as ours:
            if ours:
                yield
                return
        if time.monotonic() > deadline:
            raise StoreBusy(f"the table {table} of {day} cannot be changed: {HELD}")
        time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - so that two that wait do not meet again


def _held(store: ArtifactStore) -> set[tuple[str, str]]:
    """The tables' days that somebody rewrites now."""
    names = (name.split("+") for name in claim.standing(store, layout.REWRITING))
    return {(table, day) for *_, table, day in names}


def _job(key: str) -> str:
    return PurePosixPath(key).stem


def _jobs(store: ArtifactStore, key: str) -> set[str]:
    """The jobs whose rows are in a day's file; none where there is no such file."""
    try:
        content = store.read(key)
    except ResultNotFound:
        return set()
    names = pq.read_table(io.BytesIO(content), columns=["job_id"])["job_id"]
    return {str(name) for name in names.unique().to_pylist()}


def _sources(files: Iterable[Stored], before: datetime, known: Set[str]) -> list[Stored]:
    """The files of a day that are to be one, the day's own last; none where that would change nothing."""
    named = [(one, PurePosixPath(one.key).name) for one in files]
    whole = [one for one, name in named if name == COMPACTED]
    own = [one for one, name in named if name != COMPACTED and _job(name) in known and one.modified < before]
    return [*own, *whole] if own and len(own) + len(whole) >= FEWEST else []


class _Remembering:
    """Reads a store's files, and knows later whether one of them still is what was read.

    By its bytes: folders and services tell times as coarsely as by the second, and a file's successor may be as large.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._read: dict[str, bytes] = {}

    def read(self, key: str) -> bytes:
        """A file's bytes."""
        content = self._store.read(key)
        self._read[key] = hashlib.sha256(content).digest()
        return content

    def unchanged(self, key: str) -> bool:
        """Whether a file that was read has the same bytes now."""
        try:
            return hashlib.sha256(self._store.read(key)).digest() == self._read[key]
        except ResultNotFound:
            return False


def _merge(store: ArtifactStore, table: str, day: str, before: datetime, known: Set[str]) -> Compacted | None:
    """Make a day's files one; None: there is nothing to do any more. The day is ours."""
    key = _day_key(table, day)
    folder = str(PurePosixPath(key).parent)
    taken = _sources(store.objects(folder), before, known)
    if not taken:
        return None
    files = _Remembering(store)
    with tempfile.TemporaryDirectory(prefix="ecg-compact-") as scratch:
        path = Path(scratch) / COMPACTED
        try:
            _write(path, files.read, table, key, [one.key for one in taken])
        except ResultNotFound:
            return Compacted(table, day, left=CHANGED)
        then, now = {one.key: one for one in taken}, {one.key: one for one in store.objects(folder)}
        if any(then.get(one) != now.get(one) for one in {*then, key}):
            return Compacted(table, day, left=CHANGED)
        size = path.stat().st_size
        store.upload(key, path)
    for one in taken:
        # who published anew meanwhile keeps the new file, which counts
        if one.key != key and files.unchanged(one.key):
            store.delete(one.key)
    return Compacted(table, day, len(taken), sum(one.size_bytes for one in taken), size)


def _strip(store: ArtifactStore, table: str, key: str, job_id: str) -> None:
    """Take a job's rows out of a day's file. The day is ours."""
    if job_id not in _jobs(store, key):
        return
    with tempfile.TemporaryDirectory(prefix="ecg-compact-") as scratch:
        path = Path(scratch) / COMPACTED
        _write(path, store.read, table, key, [key], without=job_id)
        if pq.read_metadata(path).num_rows:
            store.upload(key, path)
        else:
            store.delete(key)


def _write(path: Path, read: Read, table: str, key: str, sources: Sequence[str], without: str | None = None) -> None:
    """Make a day's file of others, in order of jobs.

    One of the sources may be the day's file itself: it gives no rows of jobs that have their own file among the rest.

    Raises:
        ResultNotFound: one of the sources is gone.
    """
    own = sorted((source for source in sources if source != key), key=_job)
    parts: list[Iterator[tuple[str, pa.Table]]] = [((_job(source), _table(read, table, source)) for source in own)]
    if key in sources:
        parts.append(_day_rows(read, table, key, {*map(_job, own), without}))
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


def _day_rows(read: Read, table: str, key: str, without: Set[str | None]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a day's file by job, in order, without those of some jobs; a large job's come in pieces."""
    for rows in _in_order(read, table, key):
        start = 0
        for job, found in itertools.groupby(rows["job_id"].to_pylist()):
            end = start + sum(1 for _ in found)
            if job not in without:
                yield str(job), rows.slice(start, end - start)
            start = end


def _in_order(read: Read, table: str, key: str) -> Iterator[pa.Table]:
    """The rows of a day's file in order of jobs, a row group at a time."""
    file = pq.ParquetFile(pa.BufferReader(read(key)))
    if file.num_row_groups and file.metadata.row_group(0).sorting_columns:
        for number in range(file.num_row_groups):
            yield _in_columns(file.read_row_group(number, use_threads=False), table, key)
    else:  # an older version's are in no order
        rows = _in_columns(file.read(use_threads=False), table, key)
        yield rows.take(pc.sort_indices(rows["job_id"]))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks()


def _table(read: Read, table: str, key: str) -> pa.Table:
    """A file's rows in a day's columns."""
    return _in_columns(pq.ParquetFile(pa.BufferReader(read(key))).read(use_threads=False), table, key)


def _in_columns(rows: pa.Table, table: str, key: str) -> pa.Table:
    """Rows of the file `key` in a day's columns: those that an older version did not write are NULL."""
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
