"""The boxes of an MP4 (ISO/IEC 14496-12): whether its sound is encrypted, and whether the file ends too soon."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

PROTECTED = {b"enca", b"drms", b"aavd"}
"""Sample entries of encrypted sound: common encryption, FairPlay, Audible."""
_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_STSD_HEADER_BYTES = 8  # version, flags, entry count
MAX_BOXES = 100_000


def is_protected(file: BinaryIO) -> bool:
    """Whether any sound track of the file is encrypted. False for everything that is not an MP4. Moves the position."""
    end = file.seek(0, 2)
    return any(kind in PROTECTED for kind in _sample_entries(file, 0, end, _PATH))


def is_cut(file: BinaryIO) -> bool:
    """Whether an MP4 ends inside one of its outermost boxes. Moves the position."""
    end = file.seek(0, 2)
    return any(outer > end for _, _, outer in _boxes(file, 0, end))


def _sample_entries(file: BinaryIO, begin: int, end: int, path: tuple[bytes, ...]) -> Iterator[bytes]:
    for kind, inner, outer in _boxes(file, begin, end):
        if not path:
            yield kind
        elif kind == path[0]:
            skip = _STSD_HEADER_BYTES if kind == b"stsd" else 0
            yield from _sample_entries(file, inner + skip, min(outer, end), path[1:])


def _boxes(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte of the content, and end of each box between two positions; stops at the first nonsense.

    The last one may end beyond the second position.
    """
    for _ in range(MAX_BOXES):
        file.seek(begin)
        header = file.read(16)
        if begin + 8 > end or len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        length = 8
        if size == 1 and len(header) == 16:
            size, length = struct.unpack(">Q", header[8:])[0], 16
        elif size == 0:
            size = end - begin
        if size < length:
            return
        yield kind, begin + length, begin + size
        begin += size
