"""The 10 ms frames on disk: written while the voice is measured, then published with job and speaker.

A three-hour recording has a million frames of 23 figures: every step here holds one row group of them (about 11 MB).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ecg_audio.analysis import FRAME_COLUMNS, FRAME_HOP_S, SCHEMA_VERSION, Turn
from ecg_audio.errors import ResultNotFound
from ecg_audio.results.parquet import ROW_GROUP, TableFile
from ecg_audio.results.schemas import FRAME_FEATURES, FRAMES, TIME

MEASURED = pa.schema([TIME, *FRAME_FEATURES], metadata={"table": "frames", "schema_version": SCHEMA_VERSION})
"""What measuring writes, before anybody knows whose frames they are."""


class FrameFile:
    """A Parquet file of frames that grows while the recording is measured.

    It appears under its name only when the block ends well:

        with FrameFile(path) as file:
            for batch in frames:
                file.write(batch)

    Args:
        path: where the file will be.
    """

    def __init__(self, path: Path) -> None:
        self._file = TableFile(path, MEASURED, sorted_by="time_s")
        self._waiting: list[dict[str, np.ndarray]] = []
        self._waiting_rows = 0
        self._written_rows = 0

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            # writing the last rows may fail too, and then there is no file either
            stack.push(lambda *last: self._file.__exit__(*(last if last[1] else (kind, error, trace))))
            if error is None:
                self._flush(self._waiting_rows)

    def write(self, batch: dict[str, np.ndarray]) -> None:
        """Add the next frames.

        Args:
            batch: one array of shape (n,) for each of `FRAME_COLUMNS`, any n; values that are not finite become NULL.

        Raises:
            ValueError: a column is missing, unknown or of another length.
            PublishFailed: the file cannot be written.
        """
        rows = {np.shape(values) for values in batch.values()}
        if set(batch) != set(FRAME_COLUMNS) or len(rows) != 1 or len(next(iter(rows))) != 1:
            raise ValueError(f"a batch is one array of equal length for each of {', '.join(FRAME_COLUMNS)}")
        # copied: the measuring loop may use its arrays again
        self._waiting.append({name: np.array(batch[name], dtype=np.float32) for name in FRAME_COLUMNS})
        self._waiting_rows += len(self._waiting[-1]["rms"])
        if self._waiting_rows >= ROW_GROUP:
            self._flush(self._waiting_rows - self._waiting_rows % ROW_GROUP)

    def _flush(self, rows: int) -> None:
        if not rows:
            return
        columns = {name: np.concatenate([batch[name] for batch in self._waiting]) for name in FRAME_COLUMNS}
        # divided, not multiplied: frame 7 is at 0.07 s, not at 0.07000000000000001 s
        time_s = np.arange(self._written_rows, self._written_rows + rows) / round(1 / FRAME_HOP_S)
        arrays = [pa.array(time_s)]
        arrays += [pa.array(values[:rows], mask=~np.isfinite(values[:rows])) for values in columns.values()]
        self._file.write(pa.table(arrays, schema=MEASURED))
        self._waiting = [{name: values[rows:] for name, values in columns.items()}]
        self._waiting_rows -= rows
        self._written_rows += rows


def read_frames(path: Path, names: Sequence[str] = ("time_s", *FRAME_COLUMNS)) -> dict[str, np.ndarray]:
    """Read a frame file, measured or published.

    Args:
        path: of the file.
        names: the columns that are wanted.

    Returns:
        `time_s` (float64) and each of `FRAME_COLUMNS` (float32, NaN where not measurable), as far as they are wanted,
        all of shape (frames,).

    Raises:
        ResultNotFound: there is no frame file under this name.
    """
    with _opened(path) as file:
        missing = {"time_s", *FRAME_COLUMNS} - set(file.schema_arrow.names)
        if missing:
            raise ResultNotFound(f"{path} is not a frame file: it has no {', '.join(sorted(missing))}")
        table = file.read(columns=list(names))
        return {name: table[name].to_numpy() for name in table.column_names}


def publish_frames(measured: Path, published: Path, *, job_id: str, turns: Sequence[Turn]) -> None:
    """Copy a frame file row group by row group, adding whose frames they are.

    `speaker` is the one person who talks at a frame's centre by the (overlapping) turns: NULL where nobody does, and
    where several do, because a frame of two voices measures neither.

    Raises:
        ResultNotFound: `measured` is not a frame file.
        PublishFailed: `published` cannot be written.
    """
    edges_s, alone, names = _alone(turns)
    with _opened(measured) as source, TableFile(published, FRAMES, sorted_by="time_s") as target:
        for index in range(source.num_row_groups):
            rows = source.read_row_group(index)
            who = alone[np.searchsorted(edges_s, rows["time_s"].to_numpy(), side="right")]
            speaker = pa.DictionaryArray.from_arrays(_indices(who), pa.array(names, pa.string()))
            job = pa.DictionaryArray.from_arrays(_indices(np.zeros_like(who)), pa.array([job_id]))
            given = {"job_id": job, "speaker": speaker}
            columns = [given[name] if name in given else rows[name] for name in FRAMES.names]
            target.write(pa.table(columns, schema=FRAMES))


def _alone(turns: Sequence[Turn]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Who talks alone when.

    Returns:
        The times at which anything changes, shape (n,); who talks alone before, between and after them, shape (n + 1,),
        as an index into the third, the speakers' names, or -1.
    """
    names = sorted({turn.speaker for turn in turns})
    edges_s = np.unique([time_s for turn in turns for time_s in (turn.start_s, turn.end_s)])
    talks = np.zeros((len(edges_s) + 1, len(names)), np.bool_)
    for turn in turns:
        first, last = np.searchsorted(edges_s, (turn.start_s, turn.end_s)) + 1
        talks[first:last, names.index(turn.speaker)] = True
    # where one alone talks, the sum of the numbers of all who do is that one's
    alone = np.where(talks.sum(axis=1) == 1, talks @ np.arange(len(names)), -1)
    return edges_s, alone.astype(np.int32), names


def _indices(who: np.ndarray) -> pa.Int32Array:
    return pa.array(who, type=pa.int32(), mask=who < 0)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultNotFound(f"{path} is not a Parquet file: {error}") from error
