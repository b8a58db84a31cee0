"""Figures that wait for the end of the recording."""

import tempfile
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from ecg_audio.errors import InsufficientResources

Array = Any

IN_MEMORY_BYTES = 64_000_000
"""About an hour of frames; more goes to a temporary file, so that memory does not grow with the recording."""


class Spool:
    """Blocks of float32 figures, written once and then read in the same order.

    Args:
        rows: how many rows every block has.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._lengths: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, prefix="ecg-frames-")  # noqa: SIM115 - closed by __exit__

    def append(self, block: Array) -> None:
        """Add a block, float32, (rows, any).

        Raises:
            InsufficientResources: the temporary folder is full or cannot be written.
        """
        try:
            self._file.write(np.ascontiguousarray(block).data)
        except OSError as error:
            raise InsufficientResources(f"no room for the measured frames: {error.strerror or error}") from error
        self._lengths.append(block.shape[1])

    def __iter__(self) -> Iterator[Array]:
        """All blocks, from the first."""
        self._file.seek(0)
        for length in self._lengths:
            raw = self._file.read(length * self._rows * 4)
            yield np.frombuffer(raw, np.float32).reshape(self._rows, length)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()
