"""Text fit to be shown.

What a recogniser hears is untrusted text: it may hold line breaks, control characters and bidirectional overrides,
on purpose or by accident. Captions keep its letters and nothing that acts.
"""

import re
import unicodedata

from ecg_audio.graphemes import clusters

_JOINING = {"\u200c", "\u200d"}  # zero-width (non-)joiner: Persian, Indic scripts and emoji are spelt with them
_DIRECTION_MARKS = {"\u200e", "\u200f", "\u061c"}  # harmless: they open nothing


def clean(text: str) -> str:
    r"""`text` on one line, composed, without control, override and invisible formatting characters.

    >>> clean("two\nlines\u202e and an override")
    'two lines and an override'
    """
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


# blocks of scripts whose letters are joined: Arabic and its kin, Syriac, N'Ko, Mandaic, Mongolian, Phags-pa, Adlam, and
# the Indic scripts whose letters hang from one line; and those that are built of parts: Thai to Tibetan, Burmese, Khmer
_JOINED = re.compile(
    "[\u0600-\u06ff\u0700-\u074f\u0750-\u077f\u07c0-\u07ff\u0840-\u08ff\u0900-\u0dff\u1800-\u18af\ua840-\ua87f"
    "\u0e00-\u109f\u1780-\u17ff"
    "\ufb50-\ufdff\ufe70-\ufefc\U0001e900-\U0001e95f]"
)


def joined(text: str) -> bool:
    """Whether letters of `text` are joined to their neighbours or have marks, so that spacing would tear them apart."""
    return bool(_JOINED.search(text)) or any(unicodedata.category(character)[0] == "M" for character in text)


def runs_leftwards(text: str) -> bool:
    """Whether the first letter of `text` belongs to a script that is written from right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def characters(text: str) -> int:
    """How many characters a reader counts: combining marks and joiners are part of their base.

    >>> characters("na\u0308ive")
    5
    """
    return sum(unicodedata.category(character) not in ("Mn", "Me", "Cf") for character in text)


def width(text: str, wide: float) -> float:
    """The room `text` takes on a line, in narrow characters; a full-width character takes `wide` of them.

    >>> width("ab", 2.5), width("안녕", 2.5)
    (2.0, 5.0)
    """
    total = 0.0
    for character in text:
        if character.isascii():
            total += 1.0
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            total += wide if unicodedata.east_asian_width(character) in "WF" else 1.0
    return total


def pieces(text: str, room: float, wide: float) -> list[str]:
    """Cut a word that is wider than `room` into pieces that fit, never inside a combined character.

    >>> pieces("overlong", 3, 2.5)
    ['ove', 'rlo', 'ng']
    """
    found: list[str] = []
    piece = ""
    for cluster in clusters(text):
        if piece and width(piece + cluster, wide) > room:
            found.append(piece)
            piece = ""
        piece += cluster
    return [*found, piece] if piece else found


def omission(words: int) -> str:
    """What captions say of words that they do not show."""
    return f"{words} {'word' if words == 1 else 'words'} that the recogniser wrote going in circles not shown"
