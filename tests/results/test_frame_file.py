"""The 10 ms frames on disk."""

import errno
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import FRAME_COLUMNS, Turn
from ecg_audio.errors import PublishFailed, ResultNotFound
from ecg_audio.results import parquet
from ecg_audio.results.frame_file import FrameFile, publish_frames, read_frames


def _batch(rows: int, *, first: int = 0) -> dict[str, np.ndarray]:
    """Columns that differ from each other, with a NaN in every third frame's F0."""
    count = np.arange(first, first + rows, dtype=np.float32)
    batch = {name: count + 0.25 * index for index, name in enumerate(FRAME_COLUMNS)}
    batch["f0_hz"] = np.where(count % 3 == 0, np.float32(np.nan), batch["f0_hz"])
    return batch


def _measured(path: Path, rows: int) -> Path:
    with FrameFile(path) as file:
        file.write(_batch(rows))
    return path


@given(sizes=st.lists(st.integers(0, 700), max_size=8))
@settings(max_examples=15, deadline=None)
def test_batches_of_any_size_are_one_file(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    """However the frames come in, the file holds them in order, at 10 ms from 0, NaN as NULL, groups full."""
    path = tmp_path_factory.mktemp("frames") / "frames.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecg_audio.results.frame_file.ROW_GROUP", 500)
        patch.setattr(parquet, "ROW_GROUP", 500)
        with FrameFile(path) as file:
            for index, size in enumerate(sizes):
                file.write(_batch(size, first=sum(sizes[:index])))
    total = sum(sizes)
    read = read_frames(path)
    assert list(read) == ["time_s", *FRAME_COLUMNS]
    np.testing.assert_array_equal(read["time_s"], np.round(np.arange(total) * 0.01, 2))
    for name, values in _batch(total).items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == np.float32
    metadata = pq.ParquetFile(path).metadata
    groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert groups == [500] * (total // 500) + ([total % 500] if total % 500 else [])


def test_frames_that_are_not_measured_are_null(tmp_path: Path) -> None:
    """NaN and infinity are NULL in the file, and nothing else is."""
    batch = _batch(4)
    batch["hnr_db"] = np.array([1.0, np.nan, np.inf, -np.inf], dtype=np.float32)
    with FrameFile(tmp_path / "f.parquet") as file:
        file.write(batch)
    table = pq.read_table(tmp_path / "f.parquet")
    assert table["hnr_db"].to_pylist() == [1.0, None, None, None]
    assert table["rms"].null_count == 0


def test_floats_are_split_and_sorted_by_time(tmp_path: Path) -> None:
    """The layout that was measured: zstd, byte stream split, no dictionary, and the order in the footer."""
    group = pq.ParquetFile(_measured(tmp_path / "f.parquet", 1000)).metadata.row_group(0)
    for index in range(group.num_columns):
        column = group.column(index)
        assert column.compression == "ZSTD"
        assert "BYTE_STREAM_SPLIT" in column.encodings
        assert not column.has_dictionary_page
    assert [order.column_index for order in group.sorting_columns] == [0]


def test_an_interrupted_measurement_leaves_no_file(tmp_path: Path) -> None:
    """Neither the file nor its unfinished form, and the interruption itself is what is raised."""
    with pytest.raises(KeyboardInterrupt), FrameFile(tmp_path / "new" / "f.parquet") as file:
        file.write(_batch(10))
        raise KeyboardInterrupt
    assert list((tmp_path / "new").iterdir()) == []


def test_an_interrupted_measurement_leaves_the_earlier_file(tmp_path: Path) -> None:
    """A finished file is only replaced by a finished file."""
    path = _measured(tmp_path / "f.parquet", 5)
    with pytest.raises(OSError, match="disk on fire"), FrameFile(path) as file:
        file.write(_batch(10))
        raise OSError(errno.EIO, "disk on fire")
    assert len(read_frames(path)["rms"]) == 5
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is PUBLISH_ERROR, also if it is only noticed with the last rows."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(PublishFailed, match="No space left"), FrameFile(tmp_path / "f.parquet") as file:
        file.write(_batch(10))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_has_a_name(tmp_path: Path) -> None:
    """A file where the folder should be is PUBLISH_ERROR too."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishFailed), FrameFile(tmp_path / "file" / "f.parquet"):
        pass


@pytest.mark.parametrize("fault", ["missing", "unknown", "ragged", "two-dimensional"])
def test_a_wrong_batch_is_refused(tmp_path: Path, fault: str) -> None:
    """Exactly the frame columns, all of one length."""
    batch = _batch(4)
    if fault == "missing":
        del batch["hnr_db"]
    elif fault == "unknown":
        batch["loudness"] = batch["rms"]
    elif fault == "ragged":
        batch["rms"] = batch["rms"][:3]
    else:
        batch = {name: values.reshape(2, 2) for name, values in batch.items()}
    with pytest.raises(ValueError, match="equal length"), FrameFile(tmp_path / "f.parquet") as file:
        file.write(batch)


def test_the_writer_keeps_its_own_copy(tmp_path: Path) -> None:
    """The measuring loop may fill the same arrays again."""
    batch = _batch(3)
    with FrameFile(tmp_path / "f.parquet") as file:
        file.write(batch)
        batch["rms"][:] = -1
        file.write(batch)
    assert read_frames(tmp_path / "f.parquet")["rms"].tolist() == [0.0, 1.0, 2.0, -1.0, -1.0, -1.0]


def test_frames_get_the_speaker_who_talks_alone(tmp_path: Path) -> None:
    """One person: the name. Nobody, or two at once: NULL. A person's own overlapping turns are still one person."""
    turns = (
        Turn(speaker="B", start_s=0.05, end_s=0.10),
        Turn(speaker="A", start_s=0.01, end_s=0.04),
        Turn(speaker="A", start_s=0.02, end_s=0.07),
        Turn(speaker="C", start_s=0.12, end_s=0.12),
    )
    measured = _measured(tmp_path / "m.parquet", 14)
    publish_frames(measured, tmp_path / "p.parquet", job_id="job-1", turns=turns)
    table = pq.read_table(tmp_path / "p.parquet")
    assert table["speaker"].to_pylist() == [None, *"AAAA", None, None, *"BBB", None, None, None, None]
    assert set(table["job_id"].to_pylist()) == {"job-1"}
    for name, values in read_frames(measured).items():
        np.testing.assert_array_equal(read_frames(tmp_path / "p.parquet")[name], values)


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 30), st.integers(0, 12)).map(
            lambda turn: Turn(speaker=turn[0], start_s=turn[1] / 100, end_s=(turn[1] + turn[2]) / 100)
        ),
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_sweep_agrees_with_asking_each_frame(tmp_path_factory: pytest.TempPathFactory, turns: list[Turn]) -> None:
    """The speaker of a frame is who talks at that time, found the slow way."""
    folder = tmp_path_factory.mktemp("sweep")
    publish_frames(_measured(folder / "m.parquet", 40), folder / "p.parquet", job_id="j", turns=turns)
    table = pq.read_table(folder / "p.parquet", columns=["time_s", "speaker"])
    for row in table.to_pylist():
        talking = {turn.speaker for turn in turns if turn.start_s <= row["time_s"] < turn.end_s}
        assert row["speaker"] == (talking.pop() if len(talking) == 1 else None)


def test_other_files_are_not_frames(tmp_path: Path) -> None:
    """No file, no Parquet, no frame columns: a named error each."""
    (tmp_path / "text.parquet").write_text("hello")
    pq.write_table(pq.read_table(_measured(tmp_path / "f.parquet", 3)).select(["rms"]), tmp_path / "half.parquet")
    for name in ("none.parquet", "text.parquet", "half.parquet"):
        with pytest.raises(ResultNotFound):
            read_frames(tmp_path / name)
