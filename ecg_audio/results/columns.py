"""The tables' columns as a page of Markdown, from the schemas themselves.

`python -m ecg_audio.results.columns > docs/tables.md` renews the page.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ecg_audio.analysis import SCHEMA_VERSION
from ecg_audio.results import trust
from ecg_audio.results.schemas import TABLES

INTRODUCTION = f"""# The tables

Every published job adds one Parquet file to each of eight tables, schema version {SCHEMA_VERSION}:
`features/{{table}}/date=YYYY-MM-DD/{{job_id}}.parquet` in the artifact store. The date is that of `created_at` and is a
partition, not a column of the file. The same unit and description are in each column's metadata inside the files.

`NULL` means "not measured": an unvoiced word has no F0, and where nobody is known to speak there is no speaker.
All tables join on `job_id`; `words` join `segments` on `job_id` and `segment_id`; `turns`, `events` and `frames` join
by time. A job without a measured voice has no file in `frames`; one for which events were not looked for has no row in
`events`, and its `event_count` in `recordings` is `NULL`.
A job counts as published once it is in `recordings`. [queries.md](queries.md) has ready SQL.

The last column is the repeatability: the lowest and the highest ICC(2,1) over the conditions of
[features.md](features.md), and under which of them the column should not be compared. What has none was not looked at,
or does not depend on the sound.

This page is generated: `python -m ecg_audio.results.columns > docs/tables.md`.
"""

PURPOSES = {
    "recordings": "One row a job: what was analysed, with what, and how it sounded as a whole.",
    "segments": "One row for what one speaker says without a long pause.",
    "words": "One row a word. The text, its times, where they come from, and how it was said.",
    "turns": "One row a speaker turn. Turns of different speakers may overlap.",
    "speakers": "One row a speaker: how they sounded over the whole recording, and how they share their time.",
    "exchanges": "One row each time that somebody begins to talk after or over somebody else, by the turns.",
    "events": "One row for each long pause inside talk and each sound other than words.",
    "frames": "One row every 10 ms, in order of time.",
}

_TYPES: dict[Callable[[pa.DataType], bool], Callable[[Any], str]] = {
    pa.types.is_floating: lambda kind: "double" if pa.types.is_float64(kind) else "float",
    pa.types.is_integer: lambda _: "int",
    pa.types.is_timestamp: lambda _: "timestamp",
    pa.types.is_dictionary: lambda kind: type_name(kind.value_type),
    pa.types.is_string: lambda _: "string",
    pa.types.is_list: lambda kind: f"array<{type_name(kind.value_type)}>",
}


def markdown() -> str:
    """The page: a section for each table, a line for each column."""
    return "\n".join([INTRODUCTION, *(_section(name, schema) for name, schema in TABLES.items())])


def type_name(kind: pa.DataType) -> str:
    """A column's type as Athena's DDL calls it; dictionaries are how strings are stored, not a type of their own.

    Raises:
        TypeError: a type that not every reader of ours has.

    >>> type_name(pa.list_(pa.float32()))
    'array<float>'
    """
    for fits, name in _TYPES.items():
        if fits(kind):
            return name(kind)
    raise TypeError(f"no name for the type {kind}")


def _section(name: str, schema: pa.Schema) -> str:
    head = "| column | type | unit | NULL | meaning | ICC |"
    lines = [f"## {name}", "", PURPOSES[name], "", head, "|---|---|---|---|---|---|"]
    for field in schema:
        unit = (field.metadata or {})[b"unit"].decode() or "–"
        description = (field.metadata or {})[b"description"].decode()
        nullable = "yes" if field.nullable else "never"
        trusted = trust.in_short(name, field.name)
        kind = type_name(field.type)
        lines.append(f"| `{field.name}` | {kind} | {unit} | {nullable} | {description} | {trusted} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - printing is what this command is for
