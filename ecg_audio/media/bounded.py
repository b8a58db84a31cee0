"""The first bytes of a file that may be growing: what was hashed is what is decoded."""

import io
import os
from typing import BinaryIO


class BoundedFile(io.RawIOBase):
    """Reads a file as if it ended after its first `size` bytes.

    Args:
        file: an open file; its position is this one's.
        size: how many bytes count.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read on."""
        piece = self._file.read(max(0, min(len(buffer), self._size - self._file.tell())))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; the end is that of the bytes that count."""
        if whence == os.SEEK_END:
            return self._file.seek(self._size + offset)
        return self._file.seek(offset, whence)
