"""How every Parquet file of ours is written: layout, compression, and never half."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ecg_audio.errors import PublishFailed

ROW_GROUP = 120_000
FEW_ROWS = 256
"""What compression takes from so few (5 % of a table of 60 words) costs readers as long as all else they do."""


class TableFile:
    """A Parquet file that appears under its name, whole, when the `with` block ends well, and not at all else.

    Floats are byte-stream-split (their exponents compress well side by side) and never dictionary-encoded; vectors
    and everything else keep dictionaries, because they repeat. zstd at level 1, unless there are few rows.

    Args:
        path: where the file will be; its folder is made.
        schema: the table's columns.
        sorted_by: the column by which rows are handed in ascending; recorded in the footer.
        rows: how many there will be; None: many.

    Raises:
        PublishFailed: the file cannot be written (full, read-only).
    """

    def __init__(self, path: Path, schema: pa.Schema, *, sorted_by: str | None = None, rows: int | None = None) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.tmp")
        self._schema = schema
        self._sorted_by = sorted_by
        self._compressed = rows is None or rows > FEW_ROWS

    def __enter__(self) -> Self:
        schema = self._schema
        floats = [field.name for field in schema if pa.types.is_floating(field.type)]
        layout: dict[str, Any] = {
            **({"compression": "zstd", "compression_level": 1} if self._compressed else {"compression": "none"}),
            "use_byte_stream_split": floats,
            "use_dictionary": [_leaf(field) for field in schema if field.name not in floats],
        }
        if self._sorted_by:
            layout["sorting_columns"] = [pq.SortingColumn(schema.get_field_index(self._sorted_by))]
        with self._named():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._unfinished, schema, **layout)
        return self

    def write(self, table: pa.Table) -> None:
        """Add rows, in row groups of `ROW_GROUP`; what is left over at the end makes a smaller one."""
        with self._named():
            self._writer.write_table(table, row_group_size=ROW_GROUP)

    def note(self, said: Mapping[str, str]) -> None:
        """Add to what the footer says of the whole file."""
        self._writer.add_key_value_metadata(dict(said))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._named():
            try:
                self._writer.close()
                if error is None:
                    self._unfinished.replace(self._path)
            finally:
                self._unfinished.unlink(missing_ok=True)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PublishFailed(f"{self._path} cannot be written: {error}") from error


def _leaf(field: "pa.Field[Any]") -> str:
    """The name Parquet gives the values of a column."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
