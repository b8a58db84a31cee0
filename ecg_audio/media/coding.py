"""Bodies that a server compressed although it was asked not to: one coding is undone, in small pieces.

A few hundred bytes that were compressed several times over become gigabytes, so more than one coding is refused, and
of one no piece is larger than `PIECE_BYTES`: whoever counts them can stop in time.
"""

import zlib
from collections.abc import Iterable, Iterator

from ecg_audio.errors import DownloadRefused

PIECE_BYTES = 1 << 18
_ANY_WRAPPER = 32 + zlib.MAX_WBITS  # gzip's header or zlib's
_KNOWN = {"gzip", "x-gzip", "deflate"}


def coding(header: str | None) -> str | None:
    """The one coding that a Content-Encoding header names; None: the body is as it is.

    Raises:
        DownloadRefused: it names several, or one that is not undone here.
    """
    named = [name for part in (header or "").lower().split(",") if (name := part.strip()) not in {"", "identity"}]
    if not named:
        return None
    if len(named) > 1 or named[0] not in _KNOWN:
        raise DownloadRefused(f"the server compressed the recording ({', '.join(named)[:80]})", hint=_HINT)
    return named[0]


_HINT = "Have the server send the file as it is, without Content-Encoding."


def plain(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip's or zlib's coding.

    Args:
        pieces: the body as it comes.

    Yields:
        at most `PIECE_BYTES` at once.

    Raises:
        DownloadRefused: it is not coded so, or ends in the middle.
    """
    unpacking = zlib.decompressobj(_ANY_WRAPPER)
    begun = False
    for piece in pieces:
        rest = piece
        while rest:
            if unpacking.eof:  # a gzip file may consist of several
                unpacking, begun = zlib.decompressobj(_ANY_WRAPPER), False
            begun = True
            try:
                unpacked = unpacking.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise DownloadRefused(f"the body is not compressed as the server says: {error}", hint=_HINT) from None
            rest = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail
            if unpacked:
                yield unpacked
    if begun and not unpacking.eof:
        raise DownloadRefused("the compressed body ends in the middle", hint=_HINT)
