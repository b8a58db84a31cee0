"""One analysis as eight Parquet tables that join on `job_id` (and `segment_id`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from ecg_audio.analysis import Analysis, Naming, Recording
from ecg_audio.results.frame_file import publish_frames
from ecg_audio.results.parquet import TableFile
from ecg_audio.results.schemas import EMOTION, EMPHASIS, PITCH, RECORDINGS, RELATIVE, TABLES, TEMPO, VOLUME

Row = Mapping[str, Any]


def write_tables(analysis: Analysis, frames: Path | None, folder: Path) -> dict[str, Path]:
    """Write an analysis as Parquet: every table of `schemas.TABLES`.

    Args:
        analysis: what was found.
        frames: the file that `FrameFile` wrote while measuring. None: the voice was not measured, and there is no
            frames table.
        folder: where the files go, as `{table}.parquet`; files of these names are replaced.

    Returns:
        The path of each table by its name. Where events were not looked for their table has no rows, and the
        recording's `event_count` is NULL.

    Raises:
        ResultNotFound: `frames` is not a frame file.
        PublishFailed: the folder cannot be written.
    """
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    for name, rows in rows_of(analysis).items():
        schema = TABLES[name]
        table = pa.table([_array(rows, field) for field in schema], schema=schema)
        # words and segments follow their segments' order, which may differ from time where people overlap
        with TableFile(paths[name], schema, rows=len(table)) as file:
            file.write(table)
    if frames is None:
        del paths["frames"]
    else:
        publish_frames(frames, paths["frames"], job_id=analysis.job_id, turns=analysis.turns)
    return paths


def rows_of(analysis: Analysis) -> dict[str, list[Row]]:
    """The rows of all tables but frames. A key that is absent, or None, is NULL."""
    job = {"job_id": analysis.job_id}
    embeddings = {speaker.id: speaker.embedding for speaker in analysis.speakers}
    turns = sorted(analysis.turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))
    return {
        "recordings": [_recording(analysis)],
        "segments": [
            {
                **job,
                "language": segment.language or analysis.language,
                "segment_id": segment.id,
                **segment.model_dump(include={"start_s", "end_s", "speaker", "text", "suspect"}),
                "word_count": len(segment.words),
                **_prefixed(segment.voice),
                **_prefixed(segment.relative, RELATIVE),
                **_prefixed(segment.emotion, EMOTION),
            }
            for segment in analysis.segments
        ],
        "words": [
            {
                **job,
                "language": segment.language or analysis.language,
                "segment_id": segment.id,
                "word_index": index,
                **word.model_dump(exclude={"voice", "relative", "emphasis"}),
                **_prefixed(word.voice),
                **_prefixed(word.relative, RELATIVE),
                **_prefixed(word.emphasis, EMPHASIS),
            }
            for segment in analysis.segments
            for index, word in enumerate(segment.words)
        ],
        "turns": [
            {
                **job,
                "turn_index": index,
                **turn.model_dump(exclude={"voice"}),
                "embedding": embeddings.get(turn.speaker),
                **_prefixed(turn.voice),
            }
            for index, turn in enumerate(turns)
        ],
        "speakers": [
            {
                **job,
                "speaker": speaker.id,
                **_named(speaker.naming),
                **speaker.model_dump(include={"channel", "speaking_s", "words_per_minute", "embedding"}),
                "segment_count": speaker.segments,
                "word_count": speaker.words,
                **_prefixed(speaker.voice),
                **_prefixed(speaker.volume, VOLUME),
                **_prefixed(speaker.pitch, PITCH),
                **_prefixed(speaker.tempo, TEMPO),
            }
            for speaker in analysis.speakers
        ],
        "exchanges": [
            {**job, "exchange_index": index, **exchange.model_dump()}
            for index, exchange in enumerate(analysis.exchanges or ())
        ],
        "events": [
            {**job, "event_index": index, **event.model_dump()} for index, event in enumerate(analysis.events or ())
        ],
    }


def _recording(analysis: Analysis) -> Row:
    recording = analysis.recording
    return {
        **analysis.model_dump(include=set(RECORDINGS.names) & set(Analysis.model_fields)),
        "created_at": datetime.fromisoformat(analysis.created_at),
        "source_sha256": recording.sha256,
        **recording.model_dump(include=set(RECORDINGS.names) & set(Recording.model_fields)),
        "segment_count": len(analysis.segments),
        "word_count": len(analysis.words),
        "speaker_count": len(analysis.speakers),
        "event_count": None if analysis.events is None else len(analysis.events),
        "work_s": fsum(stage.duration_s for stage in analysis.stages if stage.duration_s is not None),
        "notice_codes": list(dict.fromkeys(notice.code for notice in (*recording.notices, *analysis.notices))),
        **_prefixed(analysis.voice),
        **_prefixed(analysis.volume, VOLUME),
        **_prefixed(analysis.pitch, PITCH),
        **_prefixed(analysis.tempo, TEMPO),
    }


def _prefixed(part: BaseModel | None, prefix: str = "") -> Row:
    """A model's fields as columns; none at all where the model is absent."""
    return {} if part is None else {f"{prefix}{name}": value for name, value in part}


def _named(naming: Naming | None) -> Row:
    if naming is None:
        return {}
    return {
        "named_by": naming.by if naming.sure else None,
        "maybe_name": None if naming.sure else naming.name,
        "name_similarity": naming.similarity,
    }


def _array(rows: Sequence[Row], field: "pa.Field[Any]") -> "pa.Array[Any]":
    """One column. NaN and infinity are not measured: NULL."""
    values = [row.get(field.name) for row in rows]
    if pa.types.is_floating(field.type):
        numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        return pa.array(numbers, field.type, mask=~np.isfinite(numbers))
    column: pa.Array[Any] = pa.array(values, field.type)
    return column
