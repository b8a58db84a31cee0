"""The sizes in a WAV file's header, and whether they are of the file that is here."""

import struct
from typing import BinaryIO

UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What recorders write that do not know yet: FFmpeg then reads to the end of the file."""
LONG = (b"RF64", b"BW64")
"""Beginnings of files that may be longer than 4 GiB (EBU Tech 3306): their sizes are in a chunk of their own, ds64."""
ELSEWHERE = 0xFFFFFFFF
"""What such a file writes where the size does not fit, or is kept up to date elsewhere."""
LEAST_BYTES = 4096
"""Less than this behind the samples is padding."""
MOST_CHUNKS = 1000


def stale_bytes(file: BinaryIO) -> int:
    """How many bytes of sound lie behind the end that a WAV header tells of; 0: none, or it is no WAV.

    A recorder that died, or is still at work, leaves the size it wrote last. What follows is sound unless it is a row
    of chunks, or nothing but zeros. Keeps the position.
    """
    position = file.tell()
    try:
        held = file.seek(0, 2)
        end = _end_of_samples(file, held)
        if end is None or held - end < LEAST_BYTES or _are_chunks(file, end, held):
            return 0
        file.seek(end)
        while piece := file.read(1 << 20):
            if piece.strip(b"\0"):
                return held - end
        return 0
    finally:
        file.seek(position)


def cut_factor(file: BinaryIO) -> float:
    """How much longer a RIFF file was meant to be than it is, by its header; 1.0: it is whole. Keeps the position."""
    position = file.tell()
    file.seek(0)
    head = file.read(8)
    held = file.seek(0, 2)
    file.seek(position)
    if len(head) < 8 or head[:4] != b"RIFF":
        return 1.0
    size = struct.unpack("<I", head[4:])[0]
    return 1.0 if size in UNKNOWN_SIZES else max(1.0, (size + 8) / held)


def _end_of_samples(file: BinaryIO, held: int) -> int | None:
    """Where the data chunk ends by its header; None: there is none, or it says that it does not know."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", *LONG) or head[8:] != b"WAVE":
        return None
    at, long_size = 12, 0
    for _ in range(MOST_CHUNKS):
        kind, size = _chunk(file, at)
        if kind is None:
            return None
        if kind == b"ds64":
            sizes = file.read(16)  # of the file and of its data
            long_size = struct.unpack("<8xQ", sizes)[0] if len(sizes) == 16 else 0
        if kind == b"data":
            if head[:4] in LONG and size == ELSEWHERE:
                size = long_size
            return None if size in UNKNOWN_SIZES or at + 8 + size > held else at + 8 + size + size % 2
        at += 8 + size + size % 2
    return None


def _are_chunks(file: BinaryIO, at: int, held: int) -> bool:
    """Whether well-formed chunks lie from here to the end of the file."""
    for _ in range(MOST_CHUNKS):
        if held - at < 8:
            return True
        kind, size = _chunk(file, at)
        if kind is None or not all(32 <= byte < 127 for byte in kind) or at + 8 + size > held + 1:
            return False
        at += 8 + size + size % 2
    return False


def _chunk(file: BinaryIO, at: int) -> tuple[bytes | None, int]:
    file.seek(at)
    head = file.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else (None, 0)
