"""DuckDB, as an analyst starts it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@pytest.fixture
def duck() -> "Iterator[DuckDBPyConnection]":
    """An empty database in memory."""
    # imported here: a test module that holds duckdb in a process that also ran hypothesis makes duckdb print pages of
    # harmless "leaked" notices as the process ends
    import duckdb

    with duckdb.connect() as connection:
        yield connection
