"""`ecg query`: SQL over the tables of a store."""

import re
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from blocks.storage import open_store
from deployments.terminal import err, out
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results import reading
from ecg_audio.results.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

MOST_ROWS = 1000
"""So many rows are printed for people; --csv prints all of them."""
MANY_FILES = 1000
"""To open so many takes longer than people expect of a question."""
_ONE_JOB = re.compile(r"\bjob_id\s*(=|IN\b)\s*\(?\s*'", re.IGNORECASE)


def query(sql: str, store: str | None, *, as_csv: bool) -> None:
    """Answer a question and print the answer.

    Raises:
        InvalidRequest: DuckDB does not understand it; its own words say where.
        ResultNotFound: the store has no tables.
    """
    import duckdb

    if sql == "-":
        sql = sys.stdin.read()
    with duckdb.connect(config={"autoinstall_known_extensions": "false", "TimeZone": "UTC"}) as db:
        open_tables(db, store, sql, _tell)
        try:
            answer = db.execute(sql)
            if as_csv:
                sys.stdout.write(answer.df().to_csv(index=False))
                return
            names, rows = [column[0] for column in answer.description or ()], answer.fetchmany(MOST_ROWS + 1)
        except duckdb.Error as error:
            raise InvalidRequest(
                str(error), hint="docs/tables.md has all columns, docs/queries.md ready SQL."
            ) from None
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for row in rows[:MOST_ROWS]:
        table.add_row(*("" if value is None else _shown(value) for value in row))
    out.print(table, markup=False, highlight=False)
    if len(rows) > MOST_ROWS:
        err.print(f"only the first {MOST_ROWS} rows; --csv prints all of them", markup=False, highlight=False)


def _tell(files: int) -> None:
    if files >= MANY_FILES:
        err.print(
            f"{files} small files are read one by one, and copied so that the next question need not; "
            "`ecg compact` makes them one a day",
            markup=False,
            highlight=False,
        )


def open_tables(
    db: "DuckDBPyConnection", store: str | None, sql: str, told: "Callable[[int], None] | None" = None
) -> None:
    """Make the tables that some SQL names views, or all if it names none, published rows only.

    A table that nobody wrote yet is left out. Tables that are not asked for are not even listed: a store of ten
    thousand recordings has ten thousand files of each. Many small files are copied, see `copies`, unless the SQL names
    a job, whose file is opened alone.

    Args:
        db: where the views are made.
        store: reference of the store; None: the default.
        sql: what will be asked.
        told: is told how many files will be read now, if they are many.

    Raises:
        ResultNotFound: the store has none of the tables.
    """
    artifacts = open_store(store)
    filesystem, root = artifacts.arrow()
    named = [name for name in TABLES if re.search(rf"\b{name}\b", sql, re.IGNORECASE)]
    found = []
    for name in named or TABLES:
        try:
            rows = reading.parts(
                root, name, filesystem=filesystem, copying=bool(named) and not _ONE_JOB.search(sql), told=told
            )
        except ResultNotFound:
            continue
        found.append(name)
        db.register(f"{name}_files", rows.own)
        source = f"FROM {name}_files"
        if rows.compacted is not None:
            db.register(f"{name}_days", rows.compacted)
            db.register(f"{name}_jobs", rows.jobs)
            db.register(f"{name}_published", rows.published)
            source += (
                f" UNION ALL FROM {name}_days ANTI JOIN {name}_jobs USING (job_id, date)"
                f" SEMI JOIN {name}_published USING (job_id, date)"
            )
        db.execute(f"CREATE VIEW {name} AS {source}")  # our own names
    if not found:
        missing = f"table {', '.join(named)}" if named else "table"
        raise ResultNotFound(f"there is no {missing} in {artifacts.reference}", hint="`ecg analyze` writes them.")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
