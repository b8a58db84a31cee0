"""What a batch is asked to do, row by row: each one is a request that can be begun, or says what is wrong with it."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecg_audio.batch import listing
from ecg_audio.errors import EcgError, InvalidRequest, SourceInvalid
from ecg_audio.media import source
from ecg_audio.request import AnalysisRequest

MOST_ROWS = 100_000
MOST_LIST_BYTES = 100_000_000
LISTS = (".csv", ".jsonl")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FIELDS = set(AnalysisRequest.model_fields)

Input = str | Mapping[str, Any]
"""A source, a list (.csv, .jsonl), a folder, an S3 prefix (ending in "/"), or the fields of one request."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to do.

    Attributes:
        where: which input, and which line of it.
        source: the source as people may see it, without credentials and signatures.
        request: None where the row cannot be a request; then `error` says why.
    """

    where: str
    source: str
    request: AnalysisRequest | None
    error: EcgError | None = None


def rows(inputs: Sequence[Input], options: Mapping[str, Any], *, here: bool) -> list[Row]:
    """All rows of a batch, in order, with duplicates left out.

    Rows without a job id get one made of the source's name and a digest of what is asked, so the same row has the same
    id whenever it is read.

    Args:
        inputs: what to do.
        options: request fields of every row that does not give them itself.
        here: the jobs run on this machine, so a file that is not here is an error now.

    Raises:
        EcgError: a whole input cannot be read (no such list or folder, an unknown column), or there are no rows.
    """
    _check_fields(options, "the options")
    found: list[Row] = []
    seen: dict[str, Row] = {}
    for where, fields in _all(inputs):
        row = _row(where, fields, options, here=here)
        if row.request:
            earlier = seen.setdefault(row.request.job_id, row)
            if earlier is not row and earlier.request == row.request:
                continue
            if earlier is not row:
                error = InvalidRequest(f"job_id: {row.request.job_id} is that of {earlier.where}, for something else")
                row = replace(row, request=None, error=error)
        found.append(row)
        if len(found) > MOST_ROWS:
            raise InvalidRequest(f"more than {MOST_ROWS} rows", hint="Divide the batch.")
    if not found:
        raise InvalidRequest("there is nothing to do: no rows")
    return found


def _row(where: str, fields: Mapping[str, Any] | EcgError, options: Mapping[str, Any], *, here: bool) -> Row:
    if isinstance(fields, EcgError):
        return Row(where, "", None, fields)
    shown = _shown(fields.get("source"))
    try:
        request = AnalysisRequest.checked(**{**options, **fields})
        if "job_id" not in fields:
            request = request.model_copy(update={"job_id": f"{_slug(shown)}-{request.digest[:12]}"})
        if _is_address(request.source):
            shown = source.classify(request.source).display
        elif here:
            source.classify(request.source)
    except EcgError as error:
        return Row(where, shown, None, error)
    return Row(where, shown, request)


def _slug(shown: str) -> str:
    stem = shown.rstrip("/").rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40].strip("-") or "job"


def _shown(named: object) -> str:
    """A source that may be anything, without credentials and signatures."""
    text = str(named or "")
    if not _is_address(text):
        return text[:500]
    try:
        parts = urlsplit(text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:500]
    except ValueError:
        return text.partition(":")[0] + ":..."


def _is_address(text: str) -> bool:
    return _SCHEME.match(text) is not None


def _all(inputs: Sequence[Input]) -> Iterator[tuple[str, Mapping[str, Any] | EcgError]]:
    for number, given in enumerate(inputs, 1):
        if not isinstance(given, str):
            yield f"input {number}", _known(given)
        elif given.lower().endswith(LISTS):
            yield from _listed(given)
        elif given.startswith("s3://") and given.endswith("/"):
            yield from ((given, {"source": key}) for key in listing.prefix(given, MOST_ROWS))
        elif not _is_address(given) and Path(given).expanduser().is_dir():
            yield from ((given, {"source": file}) for file in listing.folder(Path(given).expanduser().absolute()))
        else:
            yield f"input {number}", {"source": given}


def _listed(name: str) -> Iterator[tuple[str, Mapping[str, Any] | EcgError]]:
    """The rows of a list; names of files in it are relative to the list."""
    content = listing.table(name, MOST_LIST_BYTES) if name.startswith("s3://") else _file(name)
    if len(content) > MOST_LIST_BYTES:
        raise SourceInvalid(f"{name} is larger than {MOST_LIST_BYTES // 1_000_000} MB", hint="Divide the list.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceInvalid(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None
    for line, fields in _csv(name, text) if name.lower().endswith(".csv") else _jsonl(text):
        if not isinstance(fields, EcgError) and isinstance(fields.get("source"), str):
            fields = {**fields, "source": _beside(name, fields["source"])}
        yield f"{name} line {line}", fields


def _file(name: str) -> bytes:
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            return file.read(MOST_LIST_BYTES + 1)
    except OSError as error:
        raise SourceInvalid(f"{name} cannot be read: {error.strerror or error}") from None


def _beside(name: str, given: str) -> str:
    if _is_address(given) or given.startswith(("/", "~")):
        return given
    if name.startswith("s3://"):
        return f"{name.rpartition('/')[0]}/{given}"
    return str(Path(name).expanduser().absolute().parent / given)


def _csv(name: str, text: str) -> Iterator[tuple[int, Mapping[str, Any] | EcgError]]:
    """Columns are request fields, `callback.base_url` those of a part; an empty cell is a field that is not given."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        if "source" not in columns:
            raise InvalidRequest(f"{name} line 1: there is no column 'source'", hint="The first line names the fields.")
        _check_fields({column.partition(".")[0]: None for column in columns}, f"{name} line 1")
        parents = {column.rpartition(".")[0] for column in columns}
        twice = {column for column in columns if columns.count(column) > 1 or column in parents}
        if twice:
            raise InvalidRequest(f"{name} line 1: {', '.join(sorted(twice))} is there twice")
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(columns):
                yield line, InvalidRequest(f"{len(cells)} cells, and {len(columns)} columns")
            elif any(cell.strip() for cell in cells):
                yield line, _nested(dict(zip(columns, cells, strict=False)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidRequest(f"{name} line {reader.line_num}: {error}", hint="Quotes must be closed.") from None


def _nested(cells: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        name, _, part = column.partition(".")
        if not cell.strip():
            continue
        if part:
            fields.setdefault(name, {})[part] = cell.strip()
        else:
            fields[name] = cell if name == "source" else cell.strip()  # a key may begin with a blank
    return fields


def _jsonl(text: str) -> Iterator[tuple[int, Mapping[str, Any] | EcgError]]:
    """Each line an object of request fields, or a string: a source."""
    for line, document in enumerate(text.split("\n"), 1):
        if not document.strip():
            continue
        try:
            given = json.loads(document)
        except (ValueError, RecursionError) as error:
            yield line, InvalidRequest(f"not JSON: {error}")
            continue
        if isinstance(given, str):
            yield line, {"source": given}
        elif isinstance(given, dict):
            yield line, _known(given)
        else:
            yield line, InvalidRequest("must be an object of request fields, or a string")


def _known(given: Mapping[str, Any]) -> Mapping[str, Any] | EcgError:
    try:
        _check_fields(given, "")
    except InvalidRequest as error:
        return error
    return {name: value for name, value in given.items() if value is not None}


def _check_fields(given: Mapping[str, Any], where: str) -> None:
    unknown = sorted(str(name) for name in set(given) - _FIELDS)
    if unknown:
        place = f"{where}: " if where else ""
        raise InvalidRequest(
            f"{place}there is no field {', '.join(unknown)[:200]}", hint=f"Fields are {', '.join(sorted(_FIELDS))}."
        )
