"""The tables as DuckDB and Athena find them in an artifact store: views and DDL, from the schemas.

`python -m ecg_audio.results.queries > docs/athena.sql` renews the DDL. docs/queries.md has the questions to ask.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ecg_audio import layout
from ecg_audio.results.columns import PURPOSES, type_name
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.schemas import TABLES

_HEAD = """-- The tables for Amazon Athena: put your bucket (and prefix) for BUCKET, and run the statements one by one.
-- Generated: python -m ecg_audio.results.queries > docs/athena.sql
--
-- Dates are found by projection: no crawler, no MSCK REPAIR. Change the first date if you have older recordings.
-- Only published rows show in the views: those whose job is in recordings for the same date, which is written last.

CREATE DATABASE IF NOT EXISTS ecg;
"""


def views(store: str) -> str:
    """SQL that makes the tables views in DuckDB.

    Only published rows show: those whose job is in `recordings` for the same date, which is written last. All tables
    have the partition's `date`. A table that no job in a folder has, as `events` where an older version made them all,
    has no view: DuckDB refuses one over no file.

    Args:
        store: the artifact store's folder or `s3://bucket/prefix`.

    >>> import duckdb
    >>> duckdb.connect().execute(views("ecg-results")).execute("SELECT count(*) FROM words").fetchall()
    [(12,)]
    """
    store = store.rstrip("/")
    return "\n".join(_view(name, store) for name in TABLES if name == "recordings" or _may_have(name, store))


def athena() -> str:
    """DDL that makes external tables and, over them, the same views in Athena, in the database `ecg`."""
    return "\n".join([_HEAD, *(_external_table(name, schema) for name, schema in TABLES.items())])


def _may_have(name: str, store: str) -> bool:
    folder = Path(store)
    return not folder.is_dir() or any(folder.glob(f"{layout.TABLES}/{name}/*/*.parquet"))


def _view(name: str, store: str) -> str:
    files = f"{store}/{layout.TABLES}/{name}/*/*.parquet".replace("'", "''")
    published = "" if name == "recordings" else "\n    SEMI JOIN recordings USING (job_id, date)"
    return f"""CREATE OR REPLACE VIEW {name} AS
    SELECT * EXCLUDE (filename)
    FROM read_parquet('{files}', hive_partitioning = true, union_by_name = true, filename = true){published}
    WHERE parse_filename(filename) <> '{COMPACTED}'
       OR (job_id, date) NOT IN (
            SELECT (parse_filename(file, true), CAST(regexp_extract(file, 'date=([0-9-]+)', 1) AS DATE))
            FROM glob('{files}'));"""  # noqa: S608 - of our own names, and a store's that is quoted


def _external_table(name: str, schema: pa.Schema) -> str:
    columns = ",\n".join(f"    `{field.name}` {type_name(field.type)} COMMENT '{_comment(field)}'" for field in schema)
    table = f"{name}_files"
    ddl = f"""CREATE EXTERNAL TABLE IF NOT EXISTS ecg.{table} (
{columns}
)
COMMENT '{PURPOSES[name]}'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/{name}/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);
"""
    # what no row of recordings vouches for was never published; a day's file counts where a job has none of its own
    published = (
        "" if name == "recordings" else "(job_id, date) IN (SELECT job_id, date FROM ecg.recordings)\n      AND "
    )
    return f"""{ddl}
CREATE OR REPLACE VIEW ecg.{name} AS
    SELECT * FROM ecg.{table}
    WHERE {published}("$path" NOT LIKE '%/{COMPACTED}'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.{table} WHERE "$path" NOT LIKE '%/{COMPACTED}'));
"""  # noqa: S608 - printed for a person, and made of our own names


def _comment(field: "pa.Field[Any]") -> str:
    metadata = field.metadata or {}
    unit, description = metadata[b"unit"].decode(), metadata[b"description"].decode()
    return f"{description} [{unit}]" if unit not in ("", "1") else description


if __name__ == "__main__":
    print(athena(), end="")  # noqa: T201 - printing is what this command is for
