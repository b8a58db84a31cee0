"""The versioned JSON document: one analysis as UTF-8 text, and the JSON Schema that describes it.

`python -m ecg_audio.results.document` writes the schema beside this file.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecg_audio.analysis import SCHEMA_VERSION, Analysis
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results.fields import described

SCHEMA_FILE = Path(__file__).with_name("analysis.schema.json")

# A raw line break never occurs inside a JSON string, so this matches the model's own arrays of numbers alone.
_NUMBERS = re.compile(r"\[\n[\s0-9.,eE+-]*\]")


def dumps(analysis: Analysis) -> bytes:
    """Write an analysis as JSON.

    Fields come in the model's order and one a line, except that arrays of numbers take a single line; `null` is kept
    and means "not measured", and so does NaN, which JSON does not have.

    Returns:
        UTF-8 bytes that end with a line break.
    """
    text = analysis.model_dump_json(indent=1)
    return (_NUMBERS.sub(lambda numbers: "".join(numbers[0].split()), text) + "\n").encode()


def loads(document: bytes | str) -> Analysis:
    """Read what `dumps` wrote, by this version or an older or newer one with the same major schema version.

    Fields that a newer minor version added are left out.

    Raises:
        ResultNotFound: this is not an analysis document at all.
        InvalidRequest: it claims to be one but is damaged, or its major schema version is not ours.

    >>> from pathlib import Path
    >>> analysis = loads(Path("analysis.json").read_bytes())
    >>> analysis.job_id, len(analysis.words)
    ('talk', 12)
    """
    try:
        content = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ResultNotFound("this is not an analysis document: it is not JSON") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, str) or "segments" not in content:
        raise ResultNotFound("this is not an analysis document: it has no schema_version and segments")
    major, _, minor = version.partition(".")
    our_major, _, our_minor = SCHEMA_VERSION.partition(".")
    if major != our_major:
        raise InvalidRequest(
            f"the document has schema version {version}, this software reads {our_major}.x",
            hint="Read it with the version of ecg that wrote it, or analyse the recording again.",
        )
    try:
        try:
            return Analysis.model_validate(content)
        except ValidationError as error:
            if not minor.isdecimal() or int(minor) <= int(our_minor):
                raise
            return Analysis.model_validate(_without_unknown(content, error))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(
            f"the analysis document is damaged: {place}: {first['msg']}",
            hint="Fetch the document again, or analyse the recording again.",
        ) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `dumps` writes, with units in the descriptions."""
    schema = Analysis.model_json_schema(mode="serialization")
    for model in (schema, *schema["$defs"].values()):
        described(model.get("properties", {}))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ecg-audio-analyzer:schema:analysis:{SCHEMA_VERSION}",
        "title": "ECG analysis",
        "version": SCHEMA_VERSION,
    }
    return head | {name: value for name, value in schema.items() if name != "title"}


def schema_text() -> str:
    """The JSON Schema as the committed file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _without_unknown(content: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """Drop the fields that validation refused as unknown."""
    for problem in error.errors(include_url=False, include_input=False):
        if problem["type"] == "extra_forbidden":
            *path, name = problem["loc"]
            holder: Any = content
            for step in path:
                holder = holder[step]
            del holder[name]
    return content


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
