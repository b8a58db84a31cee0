"""Compaction: the same rows, whatever happens while it works."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from blocks.folder import FolderStore
from ecg_audio import layout
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results import compaction, queries, reading
from ecg_audio.results.outcome import COMPACTED
from ecg_audio.results.schemas import TABLES
from tests.support.results import corpus, factory

NOW = datetime.now(UTC) + timedelta(days=1)  # whatever is written while the tests run is before
JOBS = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with several recordings on one day."""
    return corpus.publish(tmp_path / "store", made(range(JOBS)))


def made(numbers: Any) -> list[Any]:
    """Recordings of one day, by their numbers."""
    return [factory.analysis(12, seed=number + 1, created_at="2026-03-05T08:00:00Z") for number in numbers]


def store(folder: Path) -> FolderStore:
    """The folder as an artifact store."""
    return FolderStore(folder)


def rows(folder: Path, names: Sequence[str] = compaction.SMALL) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of some tables that a reader sees, as pandas reads it and as DuckDB's views do."""
    duckdb = pytest.importorskip("duckdb")
    found: dict[str, list[tuple[Any, ...]]] = {}
    with duckdb.connect() as db:
        db.execute(queries.views(str(folder)))
        for name in names:
            frame = reading.table(str(folder), name)[["job_id"]].astype(str)
            seen = sorted(frame.itertuples(index=False, name=None))
            asked = sorted(db.execute(f"SELECT job_id FROM {name}").fetchall())
            assert seen == asked, name
            found[name] = seen
    return found


def test_the_same_rows_in_fewer_files(folder: Path) -> None:
    """After compaction each small table has one file a day, and every reader sees the rows it saw; again: no change."""
    before = rows(folder)
    done = list(compaction.compact(store(folder), before=NOW))
    assert {one.table for one in done} == set(compaction.SMALL)
    assert all(one.files == JOBS for one in done)
    for name in compaction.SMALL:
        assert [path.name for path in (folder / "features" / name).rglob("*.parquet")] == [COMPACTED]
    assert rows(folder) == before
    assert list(compaction.compact(store(folder), before=NOW)) == []


def test_a_growing_store_keeps_few_small_files(folder: Path) -> None:
    """One recording too many, and the settled ones become one a day; not before, not at 0, and not what is new."""
    before = rows(folder)
    for most, now in ((JOBS, NOW), (0, NOW), (JOBS - 1, datetime.now(UTC))):
        assert list(compaction.keep_few(store(folder), most, now=now)) == []
    done = list(compaction.keep_few(store(folder), JOBS - 1, now=NOW))
    assert {one.table for one in done} == set(compaction.SMALL)
    assert rows(folder) == before
    assert list(compaction.keep_few(store(folder), 1, now=NOW)) == []


def test_a_large_day_is_not_rewritten_for_little(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its file is many times what is new, and while all of it would take too much memory; asked for, it is."""
    list(compaction.compact(store(folder), before=NOW))
    corpus.publish(folder, made([JOBS]))
    monkeypatch.setattr(compaction, "LARGER", 0)
    assert list(compaction.keep_few(store(folder), 1, now=NOW)) == []
    corpus.publish(folder, made([JOBS + 1]))
    assert list(compaction.keep_few(store(folder), 1, now=NOW)) == []
    monkeypatch.setattr(compaction, "LARGER", 10)
    monkeypatch.setattr(compaction, "MOST_BYTES", 1000)
    assert list(compaction.keep_few(store(folder), 1, now=NOW)) == []
    assert len(list(compaction.compact(store(folder), before=NOW))) == len(compaction.SMALL)


def test_figures_survive(folder: Path) -> None:
    """Not only the rows: every value of every column is as it was."""
    by = ["job_id", "segment_id", "word_index"]
    before = reading.words(str(folder)).sort_values(by).reset_index(drop=True)
    list(compaction.compact(store(folder), before=NOW))
    after = reading.words(str(folder)).sort_values(by).reset_index(drop=True)
    for name in before.columns:
        assert before[name].astype(str).tolist() == after[name].astype(str).tolist(), name


def test_at_every_step_nothing_is_lost_and_nothing_is_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader between any two changes of the store sees exactly the rows that were there."""
    tables = ("recordings", "words")
    before, artifacts, seen = rows(folder, tables), store(folder), []

    def looking(change: Any) -> Any:
        def changed(key: str, *arguments: Any) -> None:
            change(key, *arguments)
            if not key.startswith(layout.CLAIMS):
                seen.append(rows(folder, tables) == before)

        return changed

    monkeypatch.setattr(artifacts, "upload", looking(artifacts.upload))
    monkeypatch.setattr(artifacts, "delete", looking(artifacts.delete))
    list(compaction.compact(artifacts, before=NOW, tables=tables))
    assert len(seen) == 2 * (JOBS + 1)
    assert all(seen)


_KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from blocks.folder import FolderStore
from ecg_audio import layout
from ecg_audio.results import compaction
store, steps = FolderStore(Path(sys.argv[1])), int(sys.argv[2])
def counted(change):
    def changed(key, *arguments):
        global steps
        if not key.startswith(layout.CLAIMS):
            if not steps:
                os.kill(os.getpid(), signal.SIGKILL)
            steps -= 1
        change(key, *arguments)
    return changed
store.upload, store.delete = counted(store.upload), counted(store.delete)
list(compaction.compact(store, before=datetime.now(UTC) + timedelta(minutes=1)))
"""


@pytest.mark.parametrize("steps", [0, 1, 3, JOBS + 1, JOBS + 3])
def test_killed_it_loses_nothing(folder: Path, steps: int) -> None:
    """Before any step, kill -9: the same rows for readers; a run after the dead one's claim has ended finishes."""
    before = rows(folder)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(folder), str(steps)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows(folder) == before
    assert len([one for one in compaction.compact(store(folder), before=NOW) if one.left]) == 1
    assert rows(folder) == before
    for key in store(folder).keys(layout.CLAIMS):
        store(folder).delete(key)
    list(compaction.compact(store(folder), before=NOW))
    assert rows(folder) == before
    for name in compaction.SMALL:
        assert len(list((folder / "features" / name).rglob("*.parquet"))) == 1


def test_a_job_published_anew_takes_its_rows_back(folder: Path) -> None:
    """Its new file counts, not its rows in the day's file; the next compaction puts the new ones there."""
    list(compaction.compact(store(folder), before=NOW))
    (first,) = made([0])
    said = factory.analysis(3, seed=1, created_at=first.created_at)
    assert said.job_id == first.job_id
    corpus.publish(folder, [said])
    assert len(reading.words(str(folder), job_id=first.job_id)) == 3
    rows(folder)
    list(compaction.compact(store(folder), before=NOW))
    assert len(reading.words(str(folder), job_id=first.job_id)) == 3
    assert len(reading.recordings(str(folder))) == JOBS


def test_new_and_unpublished_files_are_left_alone(folder: Path) -> None:
    """A file younger than the given moment, and one whose job is in no recordings, stay where they are."""
    assert list(compaction.compact(store(folder), before=datetime.now(UTC) - timedelta(hours=2))) == []
    job = made([0])[0].job_id
    (folder / "features" / "recordings" / "date=2026-03-05" / f"{job}.parquet").unlink()
    list(compaction.compact(store(folder), before=NOW))
    names = {path.name for path in (folder / "features" / "words").rglob("*.parquet")}
    assert names == {COMPACTED, f"{job}.parquet"}


def test_a_forgotten_job_leaves_the_days_files(folder: Path) -> None:
    """Its rows go, the others stay; the last one's go with the file."""
    list(compaction.compact(store(folder), before=NOW))
    jobs = [one.job_id for one in made(range(JOBS))]
    compaction.strip(store(folder), jobs[0])
    assert set(reading.words(str(folder))["job_id"]) == set(jobs[1:])
    for job in jobs[1:]:
        compaction.strip(store(folder), job)
    assert not list((folder / "features" / "words").rglob("*.parquet"))


def test_a_compacted_table_is_still_read_by_its_key(folder: Path) -> None:
    """Who knows a job's table by its key gets its rows, and theirs alone."""
    job = made([0])[0].job_id
    key = f"features/words/date=2026-03-05/{job}.parquet"
    before = pq.read_table(folder / key)
    list(compaction.compact(store(folder), before=NOW))
    content = compaction.read(store(folder), key)
    after = pq.read_table(pa.BufferReader(content))
    assert after.drop_columns(["job_id"]).equals(before.drop_columns(["job_id"]))
    assert content == compaction.read(store(folder), key)


def test_a_table_without_rows_is_still_read_by_its_key(folder: Path) -> None:
    """Who speaks alone exchanges nothing: that is an empty table after compaction too; a forgotten job's is none."""
    alone = factory.analysis(6, 1, seed=99, created_at="2026-03-05T08:00:00Z")
    corpus.publish(folder, [alone])
    key = f"features/exchanges/date=2026-03-05/{alone.job_id}.parquet"
    before = pq.read_table(folder / key)
    list(compaction.compact(store(folder), before=NOW))
    after = pq.read_table(pa.BufferReader(compaction.read(store(folder), key)))
    assert after.equals(before) and not len(after)
    compaction.strip(store(folder), alone.job_id)
    with pytest.raises(ResultNotFound):
        compaction.read(store(folder), key)


def test_older_files_are_filled_up_and_newer_ones_refused(folder: Path) -> None:
    """A column that an older version did not write is NULL; one that this version does not know is not thrown away."""
    path = next((folder / "features" / "words").rglob("*.parquet"))
    whole = pq.read_table(path)
    pq.write_table(whole.drop_columns(["cpp_db"]), path)
    list(compaction.compact(store(folder), before=NOW))
    assert len(reading.words(str(folder))) == JOBS * 12
    corpus.publish(folder, made([JOBS]))
    path = next(one for one in (folder / "features" / "words").rglob("*.parquet") if one.name != COMPACTED)
    pq.write_table(pq.read_table(path).append_column("timbre", pa.nulls(12, pa.float32())), path)
    with pytest.raises(InvalidRequest, match="timbre"):
        list(compaction.compact(store(folder), before=NOW))
    assert path.exists()


def test_a_question_about_one_job_reads_its_rows_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before compaction it opens that job's file; after it one row group, also where days were compacted twice."""
    monkeypatch.setattr(compaction, "DAY_ROW_GROUP", 24)
    job = made([2])[0].job_id
    wanted = ds.field("job_id") == job
    assert len(list(reading.parts(str(folder), "words").own.get_fragments(wanted))) == 1
    list(compaction.compact(store(folder), before=NOW))
    corpus.publish(folder, made(range(JOBS, 2 * JOBS)))
    list(compaction.compact(store(folder), before=NOW))
    found = reading.parts(str(folder), "words")
    assert found.compacted is not None
    (day,) = found.compacted.get_fragments()
    assert len(day.split_by_row_group()) == JOBS
    assert len(day.split_by_row_group(wanted)) == 1
    assert len(reading.words(str(folder), job_id=job)) == 12


def test_a_job_published_anew_meanwhile_keeps_its_new_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows were copied already when it was published anew: the new file stays, and counts."""
    artifacts, (first,) = store(folder), made([0])
    said = factory.analysis(3, seed=1, created_at=first.created_at)
    upload = artifacts.upload

    def published_beside(key: str, path: Path) -> None:
        upload(key, path)
        corpus.publish(folder, [said])

    monkeypatch.setattr(artifacts, "upload", published_beside)
    list(compaction.compact(artifacts, before=NOW, tables=("words",)))
    assert len(reading.words(str(folder), job_id=first.job_id)) == 3


def test_frames_stay_as_they_are(folder: Path) -> None:
    """Frames are large by themselves."""
    list(compaction.compact(store(folder), before=NOW))
    assert len(list((folder / "features" / "frames").rglob("*.parquet"))) == JOBS
    assert set(TABLES) - set(compaction.SMALL) == {"frames"}
