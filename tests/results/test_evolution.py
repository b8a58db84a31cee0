"""Results of every released schema beside today's: `released/` has each version's document and columns."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from blocks.folder import FolderStore
from deployments.cli.query import open_tables
from ecg_audio.results import compaction, document, queries, reading
from ecg_audio.results.schemas import TABLES
from tests.support.results import corpus, factory

RELEASED = Path(__file__).with_name("released")
ADDED: dict[str, dict[str, dict[str, str]]] = json.loads((RELEASED / "columns.json").read_text())
"""What each version added to the one before it: types of columns by table."""
OLD, NEW = (factory.analysis(12, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in (1, 2))


def columns(version: str) -> dict[str, dict[str, str]]:
    """The types of a version's columns by table."""
    found: dict[str, dict[str, str]] = {}
    for added, tables in ADDED.items():
        for table, types in tables.items():
            found.setdefault(table, {}).update(types)
        if added == version:
            break
    return found


def schema(table: str, version: str) -> pa.Schema:
    """The columns that a version knew, which are still called and typed as they were."""
    wanted = columns(version)[table]
    fields = [TABLES[table].field(name) for name in wanted]
    said = {field.name: str(field.type).replace("element", "item") for field in fields}
    assert said == {name: kind.removesuffix(" not null").replace("element", "item") for name, kind in wanted.items()}
    return pa.schema(fields)


@pytest.fixture(params=ADDED)
def version(request: pytest.FixtureRequest) -> str:
    """Each released version."""
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, version: str) -> Path:
    """A store with a recording that a released version published and one of today, on one day."""
    store = corpus.publish(tmp_path / "store", [OLD, NEW])
    for table in TABLES:
        [path] = (store / "features" / table).glob(f"*/{OLD.job_id}.parquet")
        if table in columns(version):
            pq.write_table(pq.ParquetFile(path).read().select(list(columns(version)[table])), path)
        else:
            path.unlink()
    return store


def check(store: Path, version: str) -> None:
    """Every reader has the old recording's rows as they were, what it did not know is NULL, and today's whole."""
    import duckdb

    counted = "; ".join(f"SELECT job_id, count(*) FROM {name} GROUP BY job_id ORDER BY job_id" for name in TABLES)
    with duckdb.connect() as one, duckdb.connect() as other:
        one.execute(queries.views(str(store)))
        open_tables(other, str(store), counted)
        for table in TABLES:
            rows = reading.table(str(store), table)
            mine = rows[rows["job_id"].astype(str) == OLD.job_id]
            known = columns(version).get(table)
            assert bool(len(mine)) == (known is not None), table
            for name in set(TABLES[table].names) - set(known or {}):
                assert mine[name].isna().all(), (table, name)
            expected = rows["job_id"].astype(str).value_counts().sort_index()
            asked = f"SELECT job_id, count(*) FROM {table} GROUP BY job_id ORDER BY job_id"
            assert one.execute(asked).fetchall() == other.execute(asked).fetchall() == list(expected.items()), table
    words = reading.words(str(store), job_id=OLD.job_id).sort_values(["segment_id", "word_index"])
    assert words["text"].tolist() == [word.text for word in OLD.words]


def test_old_files_are_read_beside_todays(folder: Path, version: str) -> None:
    """By pandas, by `ecg query` and by DuckDB's views, before compaction and after; as a file of its own too."""
    check(folder, version)
    list(compaction.compact(FolderStore(folder), before=datetime.now(UTC) + timedelta(days=1)))
    check(folder, version)
    for table in columns(version):
        if table in compaction.SMALL:
            key = f"features/{table}/date=2026-03-05/{OLD.job_id}.parquet"
            assert not (folder / key).exists()
            found = pq.read_table(pa.BufferReader(compaction.read(FolderStore(folder), key)))
            assert set(found["job_id"].to_pylist()) == {OLD.job_id}


def test_todays_files_are_read_by_old_versions(folder: Path, version: str) -> None:
    """Every column that a released version reads is there, of its type, and never NULL where it never was."""
    for table, known in columns(version).items():
        [path] = (folder / "features" / table).glob(f"*/{NEW.job_id}.parquet")
        rows = ds.dataset(path, schema=schema(table, version), format="parquet").to_table()
        assert len(rows)
        for name, kind in known.items():
            assert not (kind.endswith(" not null") and rows[name].null_count), (table, name)


def test_a_released_document_is_read(version: str) -> None:
    """Its words with their voices, and what it did not know absent."""
    content = (RELEASED / f"{version}.json").read_bytes()
    written: dict[str, Any] = json.loads(content)
    assert written["schema_version"] == version
    read = document.loads(content)
    said = [word for segment in written["segments"] for word in segment["words"]]
    assert [(word.text, word.start_s) for word in read.words] == [(word["text"], word["start_s"]) for word in said]
    assert [word.voice.f0_mean_hz if word.voice else None for word in read.words] == [
        (word["voice"] or {}).get("f0_mean_hz") for word in said
    ]
    assert read.exchanges is None
