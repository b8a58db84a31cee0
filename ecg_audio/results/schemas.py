"""The Arrow schemas of the eight tables.

Columns that describe a voice come from the models in `ecg_audio.analysis`, so a new feature becomes a column by
itself. Every field carries its unit and description as metadata, and how far it can
be trusted where that was measured (see `trust`); every schema has its name and version. Types are those
that Parquet readers agree on (Athena, DuckDB, pandas): no nested records, lower case names. There is no `date` column:
the date is the folder's (`date=YYYY-MM-DD`), and a column of the same name would clash with the partition.
"""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

from ecg_audio.analysis import (
    FRAME_COLUMNS,
    SCHEMA_VERSION,
    Emotion,
    Emphasis,
    PitchStatistics,
    RelativeVoice,
    Tempo,
    VoiceFeatures,
    VolumeStatistics,
)
from ecg_audio.results import trust
from ecg_audio.results.fields import meaning

TEXT = pa.string()
CATEGORY = pa.dictionary(pa.int32(), pa.string())
COUNT = pa.int32()
SECONDS = pa.float64()
FEATURE = pa.float32()
VECTOR = pa.list_(pa.float32())
INSTANT = pa.timestamp("ms", tz="UTC")

SOURCE_FIGURES = (
    "source_peak_dbfs",
    "source_clipped_ratio",
    "active_level_dbfs",
    "noise_dbfs",
    "snr_db",
    "bandwidth_hz",
)
"""What extraction measured of the source: by these bad material is left out."""

RELATIVE = "relative_"
VOLUME = "volume_"
PITCH = "pitch_"
EMPHASIS = "emphasis_"
EMOTION = "emotion_"
TEMPO = "tempo_"


def _column(
    name: str, kind: pa.DataType, *, of: str | None = None, about: str = "", nullable: bool = True
) -> "pa.Field[Any]":
    """A field with its unit and description, which are those of the model's field `of` unless `about` says more."""
    unit, description = meaning(of or name)
    return pa.field(name, kind, nullable, metadata={"unit": unit, "description": f"{about}{description}"})


def _features(model: type[BaseModel], prefix: str = "", about: str = "") -> "Iterator[pa.Field[Any]]":
    """One column for each field of a model, typed by its annotation."""
    for name, info in model.model_fields.items():
        # the prefix of a column is no part of the model's name for it
        yield _column(f"{prefix}{name}", _type_of(name, info.annotation), of=name, about=about)


def _type_of(name: str, annotation: object) -> pa.DataType:
    """The column type of an annotation such as `float | None`."""
    if isinstance(annotation, UnionType) or NoneType in get_args(annotation):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    if annotation is float:
        return FEATURE
    if annotation is int:
        return COUNT
    if annotation is str or get_origin(annotation) is Literal:
        return CATEGORY
    if get_origin(annotation) is tuple and get_args(annotation)[0] is float:
        return VECTOR
    raise TypeError(f"field {name}: no column type for {annotation}")


def _schema(name: str, *fields: "pa.Field[Any]") -> pa.Schema:
    trusted = [_trusted(name, field) for field in fields]
    about: Any = {"table": name, "schema_version": SCHEMA_VERSION, **trust.conditions()}
    return pa.schema(trusted, metadata=about)


def _trusted(table: str, field: "pa.Field[Any]") -> "pa.Field[Any]":
    """A field that also says how far it can be trusted, where that was measured."""
    known: Any = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    known.update(trust.metadata(table, field.name))
    return field.with_metadata(known)


_JOB = _column("job_id", TEXT, nullable=False)
_SEGMENT_ID = _column("segment_id", COUNT, nullable=False)
_LANGUAGE = _column("language", CATEGORY, nullable=False)
_TIMES = (_column("start_s", SECONDS, nullable=False), _column("end_s", SECONDS, nullable=False))
_SPEAKER = _column("speaker", CATEGORY)
_TEXT = _column("text", TEXT, nullable=False)
_SUSPECT = _column("suspect", CATEGORY)
_RELATIVE = tuple(_features(RelativeVoice, RELATIVE))

_STATISTICS = (
    *_features(VolumeStatistics, VOLUME, "Loudness of the words: "),
    *_features(PitchStatistics, PITCH, "F0 over the voiced frames: "),
    *_features(Tempo, TEMPO),
)

RECORDINGS = _schema(
    "recordings",
    _JOB,
    *(_column(name, TEXT, nullable=False) for name in ("run_id", "status")),
    _column("created_at", INSTANT, nullable=False),
    *(_column(name, TEXT, nullable=False) for name in ("source", "title")),
    _column("source_sha256", TEXT, of="sha256", nullable=False),
    _column("duration_s", SECONDS, nullable=False),
    *(_column(name, TEXT, nullable=False) for name in ("container", "codec")),
    _column("source_sample_rate_hz", COUNT, nullable=False),
    _column("source_channels", COUNT, nullable=False),
    _column("audio_streams", COUNT),
    *(_column(name, TEXT) for name in ("channel_layout", "mix")),
    _column("channel_weights", VECTOR),
    *(_column(name, FEATURE, nullable=False) for name in ("gain_db", "offset_removed")),
    *(_column(name, FEATURE) for name in SOURCE_FIGURES),
    _column("software_version", TEXT, nullable=False),
    *(_column(name, TEXT, nullable=False) for name in ("models_requested", "transcription_model")),
    *(_column(name, TEXT) for name in ("diarization_model", "emotion_model")),
    *(_column(name, TEXT, nullable=False) for name in ("language", "language_requested", "task")),
    _column("language_probability", FEATURE),
    *(_column(name, COUNT, nullable=False) for name in ("segment_count", "word_count", "speaker_count")),
    _column("event_count", COUNT),
    _column("event_kinds", pa.list_(TEXT), nullable=False),
    _column("event_model", TEXT),
    _column("work_s", SECONDS, nullable=False),
    _column("notice_codes", pa.list_(TEXT), nullable=False),
    *_features(VoiceFeatures),
    *_STATISTICS,
)

SEGMENTS = _schema(
    "segments",
    _JOB,
    _SEGMENT_ID,
    *_TIMES,
    _SPEAKER,
    _LANGUAGE,
    _TEXT,
    _column("word_count", COUNT, nullable=False),
    _SUSPECT,
    *_features(VoiceFeatures),
    *_RELATIVE,
    *_features(Emotion, EMOTION),
)

WORDS = _schema(
    "words",
    _JOB,
    _SEGMENT_ID,
    _column("word_index", COUNT, nullable=False),
    *_TIMES,
    _SPEAKER,
    _LANGUAGE,
    _TEXT,
    _column("confidence", FEATURE),
    _column("timing", CATEGORY, nullable=False),
    _column("pause_before_s", SECONDS),
    _column("speaker_confidence", FEATURE),
    _column("written_by", CATEGORY, nullable=False),
    _SUSPECT,
    *_features(VoiceFeatures),
    *_RELATIVE,
    *_features(Emphasis, EMPHASIS),
)

TURNS = _schema(
    "turns",
    _JOB,
    _column("turn_index", COUNT, nullable=False),
    _column("speaker", CATEGORY, nullable=False),
    *_TIMES,
    _column("embedding", VECTOR),
    *_features(VoiceFeatures),
)

SPEAKERS = _schema(
    "speakers",
    _JOB,
    _column("speaker", TEXT, nullable=False),
    _column("channel", COUNT),
    _column("named_by", CATEGORY),
    _column("maybe_name", TEXT),
    _column("name_similarity", FEATURE),
    _column("speaking_s", SECONDS, nullable=False),
    *(_column(name, COUNT, nullable=False) for name in ("segment_count", "word_count")),
    _column("words_per_minute", FEATURE),
    _column("embedding", VECTOR),
    *_features(VoiceFeatures),
    *_STATISTICS,
)

EXCHANGES = _schema(
    "exchanges",
    _JOB,
    _column("exchange_index", COUNT, nullable=False),
    _column("kind", CATEGORY, of="exchange_kind", nullable=False),
    _column("start_s", SECONDS, of="exchange_start_s", nullable=False),
    _column("speaker", CATEGORY, of="exchange_speaker", nullable=False),
    _column("other_speaker", CATEGORY, nullable=False),
    _column("offset_s", SECONDS, nullable=False),
    _column("overlap_s", SECONDS, nullable=False),
    _column("yielded_by", CATEGORY),
)

EVENTS = _schema(
    "events",
    _JOB,
    _column("event_index", COUNT, nullable=False),
    _column("kind", CATEGORY, nullable=False),
    *_TIMES,
    _column("found_by", CATEGORY, nullable=False),
    _column("score", FEATURE),
)

TIME = _column("time_s", SECONDS, nullable=False)
FRAME_FEATURES = tuple(
    pa.field(name, FEATURE, metadata={"unit": unit, "description": meaning(name).description})
    for name, unit in FRAME_COLUMNS.items()
)
FRAMES = _schema(
    "frames",
    _column("job_id", CATEGORY, nullable=False),
    TIME,
    _column("speaker", CATEGORY, of="frame_speaker"),
    *FRAME_FEATURES,
)

TABLES = {
    "recordings": RECORDINGS,
    "segments": SEGMENTS,
    "words": WORDS,
    "turns": TURNS,
    "speakers": SPEAKERS,
    "exchanges": EXCHANGES,
    "events": EVENTS,
    "frames": FRAMES,
}
