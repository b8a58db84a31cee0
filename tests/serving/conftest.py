"""Where the tests' model servers listen."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A socket's path; pytest's own folders are too deep for one."""
    with tempfile.TemporaryDirectory(prefix="ecg-tests-") as folder:
        yield Path(folder, "models", "socket")
