"""The Parquet tables, read by the readers that analysts use."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from ecg_audio.analysis import SCHEMA_VERSION, Analysis, Emphasis, RelativeVoice, VoiceFeatures
from ecg_audio.errors import PublishFailed, ResultNotFound
from ecg_audio.results.columns import type_name
from ecg_audio.results.frame_file import FrameFile
from ecg_audio.results.schemas import TABLES
from ecg_audio.results.tables import write_tables
from tests.support.results import factory
from tests.support.results.strategies import analyses

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def _published(analysis: Analysis, folder: Path) -> dict[str, Path]:
    with FrameFile(folder / "measured.parquet") as file:
        file.write(factory.frames(analysis))
    return write_tables(analysis, folder / "measured.parquet", folder / "tables")


def _float32(value: float | None) -> float | None:
    return None if value is None else pa.scalar(value, pa.float32()).as_py()


@given(analyses())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_are_the_analysis(tmp_path_factory: pytest.TempPathFactory, analysis: Analysis) -> None:
    """Every word, segment and turn of any analysis is a row with its text, times and figures, absent ones NULL."""
    paths = write_tables(analysis, None, tmp_path_factory.mktemp("tables"))
    words = pq.read_table(paths["words"]).to_pylist()
    assert len(words) == len(analysis.words)
    for row, word in zip(words, analysis.words, strict=True):
        same = ("text", "start_s", "end_s", "timing", "pause_before_s", "suspect", "speaker")
        assert [row[name] for name in same] == [getattr(word, name) for name in same]
        assert row["confidence"] == _float32(word.confidence)
        assert row["speaker_confidence"] == _float32(word.speaker_confidence)
        voice = word.voice or VoiceFeatures()
        assert row["f0_mean_hz"] == _float32(voice.f0_mean_hz)
        assert row["mfcc"] == (None if voice.mfcc is None else [_float32(value) for value in voice.mfcc])
        assert row["volume_category"] == voice.volume_category
        assert row["relative_volume"] == (word.relative or RelativeVoice()).volume
        emphasis = word.emphasis or Emphasis()
        for name in Emphasis.model_fields:
            assert row[f"emphasis_{name}"] == _float32(getattr(emphasis, name))
    segments = pq.read_table(paths["segments"]).to_pylist()
    assert [(row["segment_id"], row["text"]) for row in segments] == [(s.id, s.text) for s in analysis.segments]
    turns = pq.read_table(paths["turns"]).to_pylist()
    assert sorted((row["speaker"], row["start_s"], row["end_s"]) for row in turns) == sorted(
        (turn.speaker, turn.start_s, turn.end_s) for turn in analysis.turns
    )


def test_a_recording_is_one_row(tmp_path: Path) -> None:
    """What was analysed, with what, how it sounded, and what to know about it."""
    analysis = factory.analysis()
    (row,) = pq.read_table(_published(analysis, tmp_path)["recordings"]).to_pylist()
    assert row["job_id"] == analysis.job_id
    assert row["created_at"].isoformat() == "2026-03-14T09:26:53+00:00"
    assert (row["segment_count"], row["word_count"], row["speaker_count"]) == (4, 24, 2)
    assert row["work_s"] == 6.75
    assert row["notice_codes"] == ["WORDS_INTERPOLATED"]
    assert analysis.volume is not None
    assert analysis.pitch is not None
    assert row["volume_p25_dbfs"] == _float32(analysis.volume.p25_dbfs)
    assert row["pitch_p67_hz"] == _float32(analysis.pitch.p67_hz)


def test_a_recording_says_what_its_source_was(tmp_path: Path) -> None:
    """Channels, mix, gain, offset, peak, share clipped, streams, levels and band: by these bad material is left out."""
    source: dict[str, Any] = {  # figures that float32 holds exactly
        "source_channels": 6,
        "channel_layout": "5.1",
        "mix": "centre",
        "gain_db": -12.25,
        "offset_removed": 0.125,
        "source_peak_dbfs": 12.25,
        "source_clipped_ratio": 0.03125,
        "source_sample_rate_hz": 44_100,
        "snr_db": 21.5,
        "codec": "pcm_f32le",
        "audio_streams": 3,
        "active_level_dbfs": -31.5,
        "noise_dbfs": -53.0,
        "bandwidth_hz": 3500.0,
    }
    analysis = factory.analysis().model_copy(update={"recording": factory.recording().model_copy(update=source)})
    (row,) = pq.read_table(_published(analysis, tmp_path)["recordings"]).to_pylist()
    assert {name: row[name] for name in source} == source


def test_silence_makes_empty_tables_of_the_same_columns(tmp_path: Path) -> None:
    """A recording without speech is a row of recordings, and breaks no query over the others."""
    paths = _published(factory.empty(), tmp_path)
    for name, path in paths.items():
        assert pq.read_schema(path).equals(TABLES[name], check_metadata=False)
    assert [pq.read_metadata(paths[name]).num_rows for name in ("recordings", "segments", "words", "turns")] == [
        1,
        0,
        0,
        0,
    ]


def test_without_a_measurement_there_are_no_frames(tmp_path: Path) -> None:
    """Measured or absent: no frames table stands for frames that nobody measured."""
    paths = write_tables(factory.analysis(), None, tmp_path)
    assert sorted(paths) == ["events", "exchanges", "recordings", "segments", "speakers", "turns", "words"]
    assert not (tmp_path / "frames.parquet").exists()


def test_every_feature_of_the_models_is_a_column() -> None:
    """A feature added to the model reaches the tables by itself."""
    for table in ("recordings", "segments", "words"):
        assert set(VoiceFeatures.model_fields) <= set(TABLES[table].names)
    for table in ("segments", "words"):
        assert {f"relative_{name}" for name in RelativeVoice.model_fields} <= set(TABLES[table].names)


@pytest.mark.parametrize("table", TABLES)
def test_names_and_types_are_those_every_reader_has(table: str) -> None:
    """Athena's rules: lower case snake_case, nothing nested but lists of numbers or text, no partition's name."""
    schema = TABLES[table]
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in schema.names)
    assert len(set(schema.names)) == len(schema.names)
    assert "date" not in schema.names
    allowed = {"string", "int", "float", "double", "timestamp", "array<float>", "array<string>"}
    assert {type_name(field.type) for field in schema} <= allowed


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_its_unit_and_meaning(table: str, tmp_path: Path) -> None:
    """The file itself tells an analyst what it holds, in which version."""
    schema = pq.read_schema(_published(factory.analysis(), tmp_path)[table])
    assert schema.metadata[b"table"] == table.encode()
    assert schema.metadata[b"schema_version"] == SCHEMA_VERSION.encode()
    for field in schema:
        assert field.metadata[b"description"].endswith(b".")
        unit = field.metadata[b"unit"].decode()
        if pa.types.is_floating(field.type):
            assert unit
        expected = {"_hz": "Hz", "_dbfs": "dBFS", "_s": "s", "_db": "dB"}
        for suffix, name in expected.items():
            if field.name.endswith(suffix) and not field.name.endswith(("per_s", "per_hz")):
                assert unit == name


def test_duckdb_answers_the_questions_of_the_readme(tmp_path: Path, duck: "DuckDBPyConnection") -> None:
    """Average F0 per speaker, the loudest words, and words per minute per speaker, from the Parquet alone."""
    analysis = factory.analysis(
        [
            factory.word("low", 0.0, 0.5, "A", f0_mean_hz=100.0, rms_dbfs=-30.0),
            factory.word("loud", 0.5, 1.0, "A", f0_mean_hz=110.0, rms_dbfs=-10.0),
            factory.word("hiss", 1.0, 2.0, "A", rms_dbfs=-20.0),
            factory.word("high", 2.0, 3.0, "B", f0_mean_hz=220.0, rms_dbfs=-15.0),
            factory.word("unmeasured", 3.0, 4.0, "B"),
        ],
        turns=(),
    )
    words = _published(analysis, tmp_path)["words"].as_posix()
    pitch = f"SELECT speaker, avg(f0_mean_hz) FROM '{words}' GROUP BY speaker ORDER BY speaker"
    assert duck.execute(pitch).fetchall() == [("A", 105.0), ("B", 220.0)]
    loudest = f"SELECT text FROM '{words}' WHERE rms_dbfs IS NOT NULL ORDER BY rms_dbfs DESC LIMIT 3"
    assert [text for (text,) in duck.execute(loudest).fetchall()] == ["loud", "high", "hiss"]
    rate = f"""SELECT speaker, 60 * count(*) / (max(end_s) - min(start_s)) AS words_per_minute
               FROM '{words}' GROUP BY speaker ORDER BY speaker"""
    assert duck.execute(rate).fetchall() == [("A", 90.0), ("B", 60.0)]


def test_words_join_their_segments_and_frames_their_turns(tmp_path: Path, duck: "DuckDBPyConnection") -> None:
    """Keys and times agree across the tables."""
    analysis = factory.analysis(60)
    paths = {name: path.as_posix() for name, path in _published(analysis, tmp_path).items()}
    joined = duck.execute(
        f"""SELECT s.text, string_agg(w.text, ' ' ORDER BY w.word_index)
            FROM '{paths["words"]}' w JOIN '{paths["segments"]}' s USING (job_id, segment_id)
            GROUP BY s.segment_id, s.text"""
    ).fetchall()
    assert len(joined) == len(analysis.segments)
    assert all(text == words for text, words in joined)
    stray = duck.execute(
        f"""SELECT count(*) FROM '{paths["frames"]}' f WHERE speaker IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM '{paths["turns"]}' t
                WHERE t.speaker = f.speaker AND f.time_s >= t.start_s AND f.time_s < t.end_s)"""
    ).fetchall()
    assert stray == [(0,)]


def test_a_corpus_reads_as_one_table(tmp_path: Path, duck: "DuckDBPyConnection") -> None:
    """Files of several jobs, partitioned by date, are one table for DuckDB, pandas and Arrow, with other speakers."""
    jobs = [factory.analysis(12, speakers=count, seed=count) for count in (1, 2, 3)]
    for day, analysis in enumerate(jobs, start=1):
        for name, path in _published(analysis, tmp_path / str(day)).items():
            target = tmp_path / "features" / name / f"date=2026-03-{day:02d}" / f"{analysis.job_id}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    for name in TABLES:
        folder = tmp_path / "features" / name
        expected = pq.ParquetDataset(folder).read().num_rows
        counted = duck.execute(
            f"SELECT count(*), count(DISTINCT date) FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
        ).fetchall()
        assert counted == [(expected, 2 if name == "exchanges" else 3)]  # one speaker has nobody to answer
        assert len(pd.read_parquet(folder)) == expected
        assert ds.dataset(folder, partitioning="hive").to_table().num_rows == expected


def test_measured_figures_are_float32_and_times_float64(tmp_path: Path) -> None:
    """Pandas sees numbers, not objects."""
    frame = pd.read_parquet(_published(factory.analysis(), tmp_path)["words"])
    assert str(frame["rms_dbfs"].dtype) == "float32"
    assert str(frame["start_s"].dtype) == "float64"
    assert str(frame["speaker"].dtype) == "category"


def test_a_place_that_cannot_be_written_has_a_name(tmp_path: Path) -> None:
    """PUBLISH_ERROR, and nothing half-written."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PublishFailed):
        write_tables(factory.analysis(), None, tmp_path / "file")


def test_frames_that_are_not_there_have_a_name(tmp_path: Path) -> None:
    """A lost frame file is found out, not published around."""
    with pytest.raises(ResultNotFound):
        write_tables(factory.analysis(), tmp_path / "none.parquet", tmp_path)
    assert not (tmp_path / "frames.parquet").exists()
