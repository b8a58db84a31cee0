"""The tables of an artifact store as pandas frames: what analysts begin with.

```python
from ecg_audio.results import reading

loud = reading.words("ecg-results", job_id="talk", columns=["text", "start_s", "rms_dbfs"])
loud.attrs["units"]["rms_dbfs"]  # 'dBFS'
for piece in reading.batches("ecg-results", "frames", columns=["f0_hz"]):  # what does not fit into memory
    ...
```

Only published rows are read: those whose job is in `recordings` for the same date, which is written last. Who reads all
of thousands of small files waits once: later they lie merged in the cache folder, see `copies`.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from ecg_audio import layout
from ecg_audio.errors import InsufficientResources, InvalidRequest, ResultNotFound
from ecg_audio.results import copies
from ecg_audio.results.copies import JobFile
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.schemas import RECORDINGS, TABLES

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

TRIES = 3
COPIED = tuple(name for name in TABLES if name != "frames")
"""Frames' files are large, and opened quickly beside what they hold."""
DATE = pa.field("date", pa.date32())


def recordings(store: str, **asked: Any) -> "pd.DataFrame":
    """One row a job. Arguments and errors are those of `table`."""
    return table(store, "recordings", **asked)


def segments(store: str, **asked: Any) -> "pd.DataFrame":
    """One row for what one speaker says without a long pause. Arguments and errors are those of `table`."""
    return table(store, "segments", **asked)


def words(store: str, **asked: Any) -> "pd.DataFrame":
    """One row a word. Arguments and errors are those of `table`."""
    return table(store, "words", **asked)


def turns(store: str, **asked: Any) -> "pd.DataFrame":
    """One row a speaker turn. Arguments and errors are those of `table`."""
    return table(store, "turns", **asked)


def speakers(store: str, **asked: Any) -> "pd.DataFrame":
    """One row a speaker of a recording. Arguments and errors are those of `table`."""
    return table(store, "speakers", **asked)


def exchanges(store: str, **asked: Any) -> "pd.DataFrame":
    """One row each time that somebody takes the floor. Arguments and errors are those of `table`."""
    return table(store, "exchanges", **asked)


def events(store: str, **asked: Any) -> "pd.DataFrame":
    """One row a long pause or a sound. Arguments and errors are those of `table`."""
    return table(store, "events", **asked)


def frames(store: str, **asked: Any) -> "pd.DataFrame":
    """One row every 10 ms. Arguments and errors are those of `table`; name jobs, an hour has 360,000 rows."""
    return table(store, "frames", **asked)


def table(
    store: str,
    name: str,
    *,
    job_id: str | Iterable[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    columns: Sequence[str] | None = None,
    filesystem: "fs.FileSystem | None" = None,
) -> "pd.DataFrame":
    """Read one table.

    Args:
        store: the artifact store: a folder, or `s3://bucket/prefix`.
        name: one of `outcome.TABLES`; docs/tables.md says what is in each.
        job_id: of one job, or of several; None: of all.
        since: the first date, as YYYY-MM-DD; None: from the beginning. Other days' files are not opened.
        until: the last date; None: to the end.
        columns: what to read; None: everything. Columns that are not asked for are not read from disk.
        filesystem: where the store lies, for an S3 service that needs an address or keys of its own; `store` is then
            `bucket/prefix`. None: found from `store`.

    Returns:
        The rows with the partition's `date`, in no particular order of jobs. `attrs["units"]` has each column's unit
        by its name, `attrs["descriptions"]` what it means. Text that repeats is categorical; None and NaN are "not
        measured". A column that an older version did not write is all None in its rows.

    Raises:
        InvalidRequest: there is no such table or column, or a date is none.
        ResultNotFound: the store has no such table yet.

    >>> words = table("ecg-results", "words", job_id="talk", columns=["text", "start_s", "rms_dbfs"])
    >>> len(words), words.attrs["units"]["rms_dbfs"]
    (12, 'dBFS')
    """
    asked = _asked(name, job_id, since, until, columns)
    return asked.frame(_rows_of(store, name, asked.read, asked.rows, filesystem, copying=asked.rows is None))


def batches(
    store: str,
    name: str,
    *,
    rows: int = 50_000,
    job_id: str | Iterable[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    columns: Sequence[str] | None = None,
    filesystem: "fs.FileSystem | None" = None,
) -> "Iterator[pd.DataFrame]":
    """Read one table piece by piece: what does not fit into memory at once.

    A row group of one file is held at a time, which is 120,000 rows at most, in the columns that were asked for.

    Args:
        store: as in `table`.
        name: likewise.
        rows: the most rows of a piece.
        job_id: as in `table`.
        since: likewise.
        until: likewise.
        columns: likewise.
        filesystem: likewise.

    Yields:
        Frames as `table` gives them, none of them empty; a job's rows may be in several.

    Raises:
        InvalidRequest: as in `table`.
        ResultNotFound: likewise.
        FileNotFoundError: a file vanished while it was being read; begin again.

    >>> [len(piece) for piece in batches("ecg-results", "words", rows=5)]
    [5, 5, 2]
    """
    asked = _asked(name, job_id, since, until, columns)
    told: set[tuple[str, str]] = set()
    for left in range(TRIES - 1, -1, -1):
        found, before, begun = parts(store, name, filesystem=filesystem), _keys(told), set[tuple[str, str]]()
        try:
            for table in _pieces(found, asked, rows):
                begun |= _days_and_jobs(table.rows)
                new = _kept(table.rows, before, invert=True)
                if len(new):
                    yield asked.frame(new)
                if table.last:  # of its file
                    told, begun = told | begun, set()
        except FileNotFoundError:  # compacted, or forgotten
            if begun or not left:
                raise
        else:
            return


class _Asked(NamedTuple):
    """What is asked of a table: its columns, those that are read for them, and which rows."""

    schema: pa.Schema
    names: list[str]
    read: list[str]
    rows: pc.Expression | None

    def frame(self, rows: pa.Table) -> "pd.DataFrame":
        frame = rows.select(self.names).to_pandas()
        fields = [field for field in self.schema if field.name in self.names]
        frame.attrs["units"] = {field.name: _about(field, b"unit") for field in fields}
        frame.attrs["descriptions"] = {field.name: _about(field, b"description") for field in fields}
        return frame


def _asked(
    name: str,
    job_id: str | Iterable[str] | None,
    since: str | None,
    until: str | None,
    columns: Sequence[str] | None,
) -> _Asked:
    schema = _schema(name)
    unknown = sorted(set(columns or ()) - set(schema.names) - {"date"})
    if unknown:
        raise InvalidRequest(
            f"the table {name} has no column {', '.join(unknown)}", hint="docs/tables.md has them all."
        )
    jobs = [job_id] if isinstance(job_id, str) else None if job_id is None else list(job_id)
    names = list(columns) if columns is not None else [*schema.names, "date"]
    return _Asked(schema, names, list(dict.fromkeys([*names, "job_id", "date"])), _rows(jobs, since, until))


class _Piece(NamedTuple):
    """Rows of a file that count, and whether no more of the file follow."""

    rows: pa.Table
    last: bool


def _pieces(found: "Parts", asked: _Asked, most: int) -> Iterator[_Piece]:
    for dataset in (found.own,) if found.compacted is None else (found.own, found.compacted):
        for fragment in dataset.get_fragments(asked.rows):
            waiting: pa.Table | None = None
            scanned = fragment.to_batches(
                schema=dataset.schema,
                columns=asked.read,
                filter=asked.rows,
                batch_size=most,
                batch_readahead=0,
                use_threads=False,
            )
            for batch in scanned:
                if waiting is not None:
                    yield _Piece(waiting, last=False)
                waiting = pa.Table.from_batches([batch])
                if dataset is found.compacted:
                    waiting = _kept(_kept(waiting, found.jobs, invert=True), found.published)
            if waiting is not None:
                yield _Piece(waiting, last=True)


def _days_and_jobs(rows: pa.Table) -> set[tuple[str, str]]:
    found = rows.select(["date", "job_id"]).group_by(["date", "job_id"]).aggregate([])
    return {(str(row["date"]), str(row["job_id"])) for row in found.to_pylist()}


def _schema(name: str) -> pa.Schema:
    if name not in TABLES:
        raise InvalidRequest(f"there is no table {name}", hint=f"The tables are {', '.join(TABLES)}.")
    return TABLES[name]


def _rows_of(
    store: str,
    name: str,
    columns: list[str],
    wanted: pc.Expression | None,
    filesystem: "fs.FileSystem | None",
    *,
    copying: bool,
) -> pa.Table:
    """Rows that count; read anew where files were compacted, or forgotten, while they were being read."""
    for left in range(TRIES - 1, -1, -1):
        try:
            found = parts(store, name, filesystem=filesystem, copying=copying)
            own = found.own.to_table(columns=columns, filter=wanted)
            if found.compacted is None:
                return own
            rest = found.compacted.to_table(columns=columns, filter=wanted)
            rest = _kept(_kept(rest, found.jobs, invert=True), found.published)
            return pa.concat_tables([own, rest])
        except FileNotFoundError:
            if not left:
                raise
    raise AssertionError("unreachable")


class Parts(NamedTuple):
    """A table's files: those of single published jobs, or copies of them, and the days' compacted ones.

    Rows of `compacted` count where their job and date are in `published` and not in `jobs`, the jobs (and dates) that
    have a file of their own: see `compaction`. Both are empty where `compacted` is None.
    """

    own: ds.Dataset
    compacted: ds.Dataset | None
    jobs: pa.Table
    published: pa.Table


def parts(
    store: str,
    name: str,
    *,
    filesystem: "fs.FileSystem | None" = None,
    copying: bool = False,
    told: Callable[[int], None] | None = None,
) -> Parts:
    """The files of one table that count.

    No file is opened but the days' of `recordings`: what is published, and whose a file is, its name says. So a
    question about one job opens that job's file alone, among however many. Where `copies` of files are on this
    machine, they stand for them.

    Args:
        store: as in `table`.
        name: likewise.
        filesystem: likewise.
        copying: many files are read, and copied, now; False: copies that are there are used.
        told: is told how many files that will be, if they are many.

    Raises:
        InvalidRequest: there is no such table.
        ResultNotFound: the store has no such table yet.
    """
    schema = _schema(name).append(DATE)
    filesystem, root = _opened(store, filesystem)
    # recordings first: a job is whole once it is in there
    try:
        recordings = _files(f"{root}/{layout.TABLES}/recordings", filesystem)
        files = recordings if name == "recordings" else _files(f"{root}/{layout.TABLES}/{name}", filesystem)
    except FileNotFoundError:
        raise ResultNotFound(
            f"there is no table {name} in {store}", hint="`ecg analyze --out DIR` writes tables to DIR/features."
        ) from None
    published = {(one.day, one.job) for one in recordings if not _of_day(one)}
    if whole := [one for one in recordings if _of_day(one)]:
        jobs = _dataset(whole, RECORDINGS.append(DATE), filesystem).to_table(columns=["date", "job_id"])
        published.update((str(row["date"]), row["job_id"]) for row in jobs.to_pylist())
    own = [one for one in files if not _of_day(one)]
    whole = [one for one in files if _of_day(one)]
    counted = [one for one in own if (one.day, one.job) in published]
    copied = _copies(root, name, counted, filesystem, copying=copying, told=told)
    within = {(copy.day, job) for copy in copied for job in copy.sources}
    rest = [one for one in counted if (one.day, one.job) not in within]
    return Parts(
        _dataset(rest, schema, filesystem, copied),
        _dataset(whole, schema, filesystem) if whole else None,
        _keys([(one.day, one.job) for one in own]) if whole else _keys(()),
        _keys(published) if whole else _keys(()),
    )


def _copies(
    root: str,
    name: str,
    files: Sequence[JobFile],
    filesystem: "fs.FileSystem",
    *,
    copying: bool,
    told: Callable[[int], None] | None,
) -> list[copies.Copy]:
    if name not in COPIED:
        return []
    try:
        place = copies.folder(filesystem, root, name, TABLES[name])
    except InsufficientResources as error:
        log.warning("small files are read one by one: %s", error)
        return []
    return copies.make(place, TABLES[name], files, filesystem, told) if copying else copies.existing(place, files)


_FILE = re.compile(r".*/date=(\d{4}-\d{2}-\d{2})/([^/]+)\.parquet")


def _of_day(file: JobFile) -> bool:
    """Whether it is a compacted file."""
    return f"{file.job}.parquet" == COMPACTED


def _dataset(
    files: Sequence[JobFile], schema: pa.Schema, filesystem: "fs.FileSystem", copied: Sequence[copies.Copy] = ()
) -> ds.Dataset:
    form = ds.ParquetFileFormat()
    names = {*(one.day for one in files), *(copy.day for copy in copied)}
    days = {name: pc.field("date") == pa.scalar(_day(name)) for name in names}
    make_fragment: Any = form.make_fragment  # it takes buffers too, which its types do not say
    made = [make_fragment(copy.content, None, days[copy.day]) for copy in copied]
    for one in files:
        # what a file's name says of its rows: readers leave it closed where the question contradicts
        known = days[one.day] if _of_day(one) else days[one.day] & (pc.field("job_id") == one.job)
        made.append(make_fragment(one.path, filesystem, known))
    return ds.FileSystemDataset(made, schema, form, filesystem)


def _files(folder: str, filesystem: "fs.FileSystem") -> list[JobFile]:
    found = filesystem.get_file_info(fs.FileSelector(folder, recursive=True))
    named = ((_FILE.fullmatch(one.path), one) for one in found)
    return [JobFile(name[0], name[1], name[2], one.size, one.mtime_ns or 0) for name, one in named if name]


def _keys(found: Collection[tuple[str, str]]) -> pa.Table:
    days, jobs = pa.array([day for day, _ in found], pa.string()), pa.array([job for _, job in found], pa.string())
    return pa.table({"job_id": jobs, "date": days.cast(pa.date32())})


def _opened(store: str, filesystem: "fs.FileSystem | None") -> "tuple[fs.FileSystem, str]":
    root = store
    if filesystem is None:
        filesystem, root = fs.FileSystem.from_uri(store) if "://" in store else (fs.LocalFileSystem(), store)
    return filesystem, root.rstrip("/")


def _rows(jobs: list[str] | None, since: str | None, until: str | None) -> pc.Expression | None:
    """What to read, as a filter that leaves whole files and row groups out."""
    wanted: list[pc.Expression] = []
    if jobs is not None:
        wanted.append(pc.field("job_id").isin(jobs))
    if since is not None:
        wanted.append(pc.field("date") >= pa.scalar(_day(since)))
    if until is not None:
        wanted.append(pc.field("date") <= pa.scalar(_day(until)))
    found: pc.Expression | None = None
    for one in wanted:
        found = one if found is None else found & one
    return found


def _kept(rows: pa.Table, keys: pa.Table, *, invert: bool = False) -> pa.Table:
    """The rows whose job and date are among the keys, or all others."""
    found = pc.is_in(_jobs_by_day(rows), value_set=_jobs_by_day(keys))
    return rows.filter(pc.invert(found) if invert else found)


def _jobs_by_day(rows: pa.Table) -> Any:
    columns = (rows["date"].cast(pa.string()), rows["job_id"].cast(pa.string()))
    return pc.call_function("binary_join_element_wise", [*columns, pa.scalar("/")])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no date such as 2026-03-01") from None


def _about(field: "pa.Field[Any]", what: bytes) -> str:
    return (field.metadata or {}).get(what, b"").decode()
