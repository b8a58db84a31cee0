"""What the first bytes of a file say it is, whatever its name says."""

HEAD_BYTES = 4096
"""Enough of a file for both questions below."""

_CONTAINERS = {
    # offset, magic
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (0, b"RIFF"),
    (0, b"RF64"),
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (0, b"FORM"),
    (0, b".snd"),
    (0, b"caff"),
    (0, b"FLV\x01"),
    (0, b"#!AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"\xff\xfb"),  # MPEG audio, layer III
    (0, b"\xff\xf3"),
    (0, b"\xff\xf1"),  # AAC in ADTS
    (0, b"\xff\xf9"),
}
_TEXT_CONTROLS = b"\t\n\r\f\x1b"


def is_container(head: bytes) -> bool:
    """Whether the bytes begin as a known media container does: then a file that does not open is damaged."""
    return any(head.startswith(magic, offset) for offset, magic in _CONTAINERS)


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
