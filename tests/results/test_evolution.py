"""Results of every released schema beside today's: `released/` has a document and the tables' files of each version."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path, PurePosixPath
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
VERSIONS = sorted(path.stem for path in RELEASED.glob("*.zip"))
OLD = "550e8400-e29b-41d4-a716-000000000001"
NEW = factory.analysis(12, seed=2, created_at="2026-03-05T08:00:00Z")


@cache
def released(version: str) -> dict[str, pa.Table]:
    """The tables of a recording as that version wrote them, by name."""
    with zipfile.ZipFile(RELEASED / f"{version}.zip") as files:
        return {
            PurePosixPath(name).parts[1]: pq.ParquetFile(pa.BufferReader(files.read(name))).read()
            for name in files.namelist()
        }


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each released version."""
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, version: str) -> Path:
    """A store with a recording that a released version published and one of today, on one day."""
    store = corpus.publish(tmp_path / "store", [NEW])
    with zipfile.ZipFile(RELEASED / f"{version}.zip") as files:
        files.extractall(store)
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
            mine = rows[rows["job_id"].astype(str) == OLD]
            known = released(version).get(table)
            assert len(mine) == (known.num_rows if known else 0), table
            for name in set(TABLES[table].names) - set(known.column_names if known else ()):
                assert mine[name].isna().all(), (table, name)
            expected = rows["job_id"].astype(str).value_counts().sort_index()
            asked = f"SELECT job_id, count(*) FROM {table} GROUP BY job_id ORDER BY job_id"
            assert one.execute(asked).fetchall() == other.execute(asked).fetchall() == list(expected.items()), table
    by = ["segment_id", "word_index"]
    words = reading.words(str(store), job_id=OLD).sort_values(by)
    written = released(version)["words"].to_pandas().sort_values(by)
    for name in ("text", "start_s", "rms_dbfs", "f0_mean_hz"):
        assert words[name].tolist() == pytest.approx(written[name].tolist(), nan_ok=True), name


def test_old_files_are_read_beside_todays(folder: Path, version: str) -> None:
    """By pandas, by `ecg query` and by DuckDB's views, before compaction and after; as a file of its own too."""
    check(folder, version)
    list(compaction.compact(FolderStore(folder), before=datetime.now(UTC) + timedelta(days=1)))
    check(folder, version)
    for table, written in released(version).items():
        if table in compaction.SMALL:
            key = f"features/{table}/date=2026-03-05/{OLD}.parquet"
            assert not (folder / key).exists()
            found = pq.read_table(pa.BufferReader(compaction.read(FolderStore(folder), key)))
            assert found["job_id"].to_pylist() == [OLD] * len(written)


def test_todays_files_are_read_by_old_versions(folder: Path, version: str) -> None:
    """Every column that a released version reads is there, of its type, and never NULL where it never was."""
    for table, written in released(version).items():
        [path] = (folder / "features" / table).glob(f"*/{NEW.job_id}.parquet")
        assert pq.ParquetFile(path).schema_arrow.empty_table().select(written.column_names).schema.types == (
            written.schema.types
        ), table
        rows = ds.dataset(path, schema=written.schema.remove_metadata(), format="parquet").to_table()
        assert len(rows)
        for field in written.schema:
            assert field.nullable or not rows[field.name].null_count, (table, field.name)


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
    assert (read.exchanges is None) == ("exchanges" not in released(version))
