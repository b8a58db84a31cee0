"""Copies of small files: the same rows as the files', whatever became of them, and nothing read twice."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from blocks.folder import FolderStore
from blocks.forgetting import forget
from ecg_audio.results import compaction, copies, reading
from ecg_audio.results.schemas import TABLES
from tests.support.results import corpus, factory

DAY = "2026-03-05"
JOBS = 4


def made(numbers: Any, **changes: Any) -> list[Any]:
    """Recordings of one day, by their numbers."""
    return [factory.analysis(12, seed=number + 1, created_at=f"{DAY}T08:00:00Z", **changes) for number in numbers]


@pytest.fixture(autouse=True)
def _few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this test's own, in which the smallest store is copied."""
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(copies, "FEWEST", 1)
    monkeypatch.setattr(copies, "BESIDE", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with several recordings on one day, all written some time ago."""
    return settled(corpus.publish(tmp_path / "store", made(range(JOBS))))


def settled(store: Path) -> Path:
    """Files that changed within the last moments are not copied: these did not."""
    for path in store.rglob("*.parquet"):
        if (changed := path.stat().st_mtime) > time.time() - copies.SETTLED_S:
            os.utime(path, (changed - 60, changed - 60))
    return store


def words(store: Path) -> pd.DataFrame:
    """All words as analysts read them, copied on the way, in order."""
    frame = reading.words(str(store))
    return frame.astype({"job_id": str}).sort_values(["job_id", "segment_id", "word_index"]).reset_index(drop=True)


def check(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with copies, made anew or used again, and file by file: every value is the same."""
    once, again = words(store), words(store)
    with monkeypatch.context() as patched:
        patched.setattr(reading, "COPIED", ())
        directly = words(store)
    pd.testing.assert_frame_equal(once, directly, check_categorical=False)
    pd.testing.assert_frame_equal(again, directly, check_categorical=False)


def job_file(store: Path, number: int) -> Path:
    """Where a recording's words lie."""
    return store / "features" / "words" / f"date={DAY}" / f"{made([number])[0].job_id}.parquet"


def kept(cache: Path) -> list[Path]:
    """The copies of words."""
    return list(cache.glob("tables/*/words-*/*.parquet"))


def test_files_are_opened_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second question opens no file of the store, a new file is opened alone."""
    assert len(words(folder)) == 12 * JOBS
    [copy] = kept(tmp_path / "cache")
    assert not copy.parent.stat().st_mode & 0o077  # what was said is nobody else's to read
    corpus.publish(folder, made([JOBS]))
    for number in range(JOBS):
        path = job_file(folder, number)
        times = path.stat()
        path.write_bytes(bytes(times.st_size))  # who opens it finds no Parquet
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(words(folder)) == 12 * (JOBS + 1)
    assert kept(tmp_path / "cache") == [copy]  # the newest file is too new to be copied


def test_rows_are_the_files_whatever_becomes_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Added, published anew, forgotten, written by an older version, without its recording, compacted."""
    check(folder, monkeypatch)
    corpus.publish(folder, made([JOBS]))
    check(folder, monkeypatch)
    check(settled(folder), monkeypatch)
    said = factory.analysis(3, seed=1, created_at=f"{DAY}T08:00:00Z")
    corpus.publish(folder, [said])
    check(folder, monkeypatch)
    check(settled(folder), monkeypatch)
    job_file(folder, 1).unlink()
    check(folder, monkeypatch)
    old = job_file(folder, 2)
    pq.write_table(pq.ParquetFile(old).read().drop_columns(["cpp_db", "timing"]), old)
    check(settled(folder), monkeypatch)
    pq.write_table(pq.ParquetFile(old).read().append_column("timbre", [[1.0] * 12]), old)
    check(settled(folder), monkeypatch)
    (folder / "features" / "recordings" / f"date={DAY}" / job_file(folder, 3).name).unlink()
    check(folder, monkeypatch)
    corpus.publish(folder, made([JOBS + 1]))
    job_file(folder, 2).unlink()  # compaction refuses what a newer version wrote
    list(compaction.compact(FolderStore(folder), before=datetime.now(UTC) + timedelta(days=1)))
    check(folder, monkeypatch)
    corpus.publish(folder, [said])
    check(settled(folder), monkeypatch)


def test_what_is_gone_from_the_store_leaves_the_copies(folder: Path, tmp_path: Path) -> None:
    """The next question takes a removed job's rows out; with the last one the copy goes; forgetting takes all."""
    words(folder)
    gone = job_file(folder, 0)
    gone.unlink()
    words(folder)
    [copy] = kept(tmp_path / "cache")
    assert gone.stem not in pq.read_table(copy)["job_id"].to_pylist() and gone.stem.encode() not in copy.read_bytes()
    forget(FolderStore(folder), job_file(folder, 1).stem)
    assert not kept(tmp_path / "cache")
    words(folder)
    for number in range(2, JOBS):
        job_file(folder, number).unlink()
    assert not len(words(folder))
    assert not kept(tmp_path / "cache")


def test_many_readers_beside_each_other(folder: Path, tmp_path: Path) -> None:
    """Each has all rows once, and one copy is left."""
    with ThreadPoolExecutor(6) as pool:
        assert [len(found) for found in pool.map(words, [folder] * 12)] == [12 * JOBS] * 12
    assert len(words(folder)) == 12 * JOBS
    assert len(kept(tmp_path / "cache")) == 1


def test_a_broken_copy_is_thrown_away(folder: Path, tmp_path: Path) -> None:
    """Half a file, as after a power cut, and one that is no copy: the store is read again."""
    words(folder)
    [copy] = kept(tmp_path / "cache")
    copy.write_bytes(copy.read_bytes()[:1000])
    assert len(words(folder)) == 12 * JOBS
    pq.write_table(pq.read_table(job_file(folder, 0)), copy)
    assert len(words(folder)) == 12 * JOBS
    assert not copy.exists()


def test_without_a_cache_folder_files_are_read_as_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache that cannot be written costs time and a warning, no answer."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert len(words(folder)) == 12 * JOBS
    assert "small files are read one by one" in caplog.text
    caplog.clear()
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "tables").write_text("")
    assert len(words(folder)) == 12 * JOBS
    assert "cannot be copied" in caplog.text


def test_who_names_a_job_or_days_makes_no_copies(folder: Path, tmp_path: Path) -> None:
    """That opens few files; frames are never copied."""
    reading.words(str(folder), job_id=job_file(folder, 0).stem)
    reading.words(str(folder), since=DAY)
    assert not (tmp_path / "cache").exists() or not kept(tmp_path / "cache")
    for name in TABLES:
        reading.table(str(folder), name)
    made_of = {path.parent.name.rpartition("-")[0] for path in (tmp_path / "cache").glob("tables/*/*/*")}
    assert made_of == set(TABLES) - {"frames"}


def test_what_nobody_asked_for_goes(folder: Path, tmp_path: Path) -> None:
    """Other stores' copies that were last read long ago, when something is copied."""
    words(folder)
    [old] = kept(tmp_path / "cache")
    os.utime(old, (1e9, 1e9))
    words(settled(corpus.publish(tmp_path / "other", made([7]))))
    assert not old.exists()
