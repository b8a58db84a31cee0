"""What the first bytes of a file say it is, whatever its name says."""

HEAD_BYTES = 4096
"""Enough of a file for both questions below."""

_NAMES = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff", b"FLV\x01", b"#!AMR")
_MATROSKA = b"\x1a\x45\xdf\xa3"
_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
_MPEG_STREAM = b"\x00\x00\x01\xba"
_MP3, _ADTS = (b"\xff\xfb", b"\xff\xf3"), (b"\xff\xf1", b"\xff\xf9")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide")  # of an MP4, after the size
_TEXT_CONTROLS = b"\t\n\r\f\x1b"


def is_container(head: bytes) -> bool:
    """Whether the bytes begin as a known media container does: then a file that does not open is damaged."""
    return head.startswith((*_NAMES, _MATROSKA, _ASF, _MPEG_STREAM, *_MP3, *_ADTS)) or head.startswith(_BOXES, 4)


def is_text(head: bytes) -> bool:
    """Whether the bytes are text (a web page, an error document, a playlist): no media file begins with only that.

    Args:
        head: the first bytes of a file, at least a few hundred where it has them.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and is_text_of(head, "utf-16"):
        return True
    return is_text_of(head, "utf-8")


def is_text_of(head: bytes, encoding: str) -> bool:
    """Whether the bytes are printable text in one encoding; a character cut off at the end is forgiven."""
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return bool(text) and not any(ord(c) < 32 and ord(c) not in _TEXT_CONTROLS for c in text)
    return False
