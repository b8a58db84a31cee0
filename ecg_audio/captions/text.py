"""Text fit to be shown.

What a recogniser hears is a stranger's text: it may hold line breaks, control characters and bidirectional overrides,
on purpose or by accident. Captions keep its letters and nothing that acts.
"""

import unicodedata

_JOINING = {"\u200c", "\u200d"}  # zero-width (non-)joiner: Persian, Indic scripts and emoji are spelt with them
_DIRECTION_MARKS = {"\u200e", "\u200f", "\u061c"}  # harmless: they open nothing


def clean(text: str) -> str:
    """`text` on one line, composed, without control, override and invisible formatting characters."""
    kept = "".join(_kept(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(kept.split())


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    if category == "Cf":
        tag = "\U000e0020" <= character <= "\U000e007f"  # spells the flags of regions
        return character if tag or character in _JOINING or character in _DIRECTION_MARKS else ""
    code = ord(character)
    if category in ("Cs", "Co") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return ""
    return character


def characters(text: str) -> int:
    """How many characters a reader counts: combining marks and joiners are part of their base."""
    return sum(unicodedata.category(character) not in ("Mn", "Me", "Cf") for character in text)


def width(text: str, wide: float) -> float:
    """The room `text` takes on a line, in narrow characters; a full-width character takes `wide` of them."""
    total = 0.0
    for character in text:
        if character.isascii():
            total += 1.0
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            total += wide if unicodedata.east_asian_width(character) in "WF" else 1.0
    return total


def pieces(text: str, room: float, wide: float) -> list[str]:
    """Cut a word that is wider than `room` into pieces that fit, never inside a combined character."""
    found: list[str] = []
    piece = ""
    for cluster in _clusters(text):
        if piece and width(piece + cluster, wide) > room:
            found.append(piece)
            piece = ""
        piece += cluster
    return [*found, piece] if piece else found


def _clusters(text: str) -> list[str]:
    clusters: list[str] = []
    for character in text:
        combines = (
            unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf") or "\U0001f3fb" <= character <= "\U0001f3ff"
        )
        if clusters and (combines or clusters[-1].endswith("\u200d")):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters
