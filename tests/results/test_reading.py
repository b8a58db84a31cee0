"""Analysts' frames: published rows, the columns and days that were asked for, with their units."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from blocks.folder import FolderStore
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results import compaction, reading
from ecg_audio.results.schemas import TABLES
from tests.support.results import corpus, factory

ANALYSES = corpus.recordings()
TORN = factory.analysis(6, seed=99, created_at="2026-03-05T08:00:00Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six published recordings, and one whose publication broke off before the last file."""
    folder = corpus.publish(tmp_path_factory.mktemp("store's"), [*ANALYSES, TORN])
    (folder / "features" / "recordings" / "date=2026-03-05" / f"{TORN.job_id}.parquet").unlink()
    return str(folder)


def test_words_are_those_of_published_recordings(store: str) -> None:
    """Every word of every published recording, and none of one whose publication broke off."""
    words = reading.words(store)
    assert sorted(words["text"]) == sorted(word.text for analysis in ANALYSES for word in analysis.words)
    assert TORN.job_id not in set(words["job_id"])


def test_a_frame_knows_units_and_what_was_not_measured(store: str) -> None:
    """Units come with the frame; an unvoiced word has no F0."""
    words = reading.words(store, job_id=ANALYSES[0].job_id)
    assert words.attrs["units"]["rms_dbfs"] == "dBFS" and words.attrs["units"]["start_s"] == "s"
    assert words.attrs["descriptions"]["f0_mean_hz"]
    measured = [word.voice.f0_mean_hz if word.voice else None for word in ANALYSES[0].words]
    in_order = words.sort_values(["segment_id", "word_index"])["f0_mean_hz"]
    assert [None if np.isnan(value) else True for value in in_order] == [None if f is None else True for f in measured]


def test_jobs_days_and_columns_are_chosen(store: str) -> None:
    """Of two jobs, from one day on, three columns in the order in which they were asked for."""
    days = sorted({analysis.created_at[:10] for analysis in ANALYSES})
    late = [analysis for analysis in ANALYSES if analysis.created_at[:10] >= days[2]]
    found = reading.segments(store, since=days[2], columns=["text", "job_id", "date"])
    assert list(found.columns) == ["text", "job_id", "date"]
    assert {str(day) for day in found["date"]} == set(days[2:])
    assert len(found) == sum(len(analysis.segments) for analysis in late)
    two = [ANALYSES[0].job_id, ANALYSES[3].job_id]
    assert set(reading.recordings(store, job_id=two)["job_id"]) == set(two)
    assert reading.turns(store, until="2020-01-01").empty


def test_a_column_that_an_older_version_did_not_write_is_absent(tmp_path: Path) -> None:
    """Files of two versions are read together: what one of them lacks is not measured there."""
    store = corpus.publish(tmp_path, ANALYSES[:2])
    [old] = (store / "features" / "words").glob(f"*/{ANALYSES[0].job_id}.parquet")
    pq.write_table(pq.ParquetFile(old).read().drop_columns(["pause_before_s", "speaker_confidence"]), old)
    words = reading.words(str(store))
    assert words[words["job_id"] == ANALYSES[0].job_id]["speaker_confidence"].isna().all()
    assert len(words) == sum(len(analysis.words) for analysis in ANALYSES[:2])


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_read(store: str, name: str) -> None:
    """All columns of the schema, and the partition's date."""
    assert list(reading.table(store, name).columns) == [*TABLES[name].names, "date"]


def test_mistakes_are_named(store: str, tmp_path: Path) -> None:
    """A table or column that is not, a date that is none, a store without tables."""
    with pytest.raises(InvalidRequest, match="no table sentences"):
        reading.table(store, "sentences")
    with pytest.raises(InvalidRequest, match="no column loudness"):
        reading.words(store, columns=["text", "loudness"])
    with pytest.raises(InvalidRequest, match="no date"):
        reading.words(store, since="yesterday")
    with pytest.raises(ResultNotFound, match="no table words"):
        reading.words(str(tmp_path))


def test_every_table_has_a_function_of_its_name(store: str) -> None:
    """It gives the same rows as `table`."""
    for name in TABLES:
        assert len(getattr(reading, name)(store)) == len(reading.table(store, name)), name


@pytest.mark.parametrize("compacted", [False, True])
def test_batches_are_the_table_in_pieces(tmp_path: Path, compacted: bool) -> None:
    """All rows that were asked for, once, in pieces that are small; also where days are compacted on the way."""
    day = [factory.analysis(12, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in range(1, 5)]
    store = corpus.publish(tmp_path / "store", day)
    asked = {"columns": ["text", "rms_dbfs"], "job_id": [one.job_id for one in day[:3]]}
    if compacted:
        list(compaction.compact(FolderStore(store), before=datetime.now(UTC) + timedelta(days=1)))
        corpus.publish(store, day[:1])
    pieces = []
    for piece in reading.batches(str(store), "words", rows=5, **asked):
        pieces.append(piece)
        if len(pieces) == 4:  # the first file is read, others are not yet
            list(compaction.compact(FolderStore(store), before=datetime.now(UTC) + timedelta(days=1)))
    assert max(map(len, pieces)) <= 5 and pieces[0].attrs["units"]["rms_dbfs"] == "dBFS"
    whole = reading.words(str(store), **asked)
    assert sorted(text for piece in pieces for text in piece["text"]) == sorted(whole["text"])
    assert list(pieces[0].columns) == ["text", "rms_dbfs"]
