"""Speakers' names before their words, for viewers who cannot hear whose voice it is."""

import re
from collections.abc import Iterable
from typing import Literal

from ecg_audio.captions.text import clean, runs_leftwards, width

Names = Literal["never", "change", "always"]
NAMES: tuple[Names, ...] = ("never", "change", "always")
UNKNOWN = "Speaker ?"  # said where nobody is known between words of known speakers
END = ": "
RIGHT_TO_LEFT_MARK = "\u200f"  # at the head of a line that begins with a Latin name and goes on in Arabic or Hebrew

_NUMBERED = re.compile(r"SPEAKER_(\d+)")


def labels(speakers: Iterable[str | None], names: Names, room: int, wide: float) -> dict[str | None, str]:
    """What each speaker is called in captions; empty where no names are shown.

    Args:
        speakers: who speaks anywhere in the recording; None: nobody is known there.
        names: when names are shown. At a change of speaker there is something to show only if there are two.
        room: the longest name, in narrow characters; longer ones end in an ellipsis.
        wide: the room of a full-width character, in narrow ones.
    """
    found = dict.fromkeys(speakers)
    if names == "never" or not any(found) or (names == "change" and len(found) < 2):
        return {}
    return {speaker: _shortened(displayed(speaker), room, wide) for speaker in found}


def displayed(speaker: str | None) -> str:
    """A speaker's name for people: diarization's SPEAKER_00 is Speaker 1."""
    if speaker is None:
        return UNKNOWN
    numbered = _NUMBERED.fullmatch(speaker)
    return f"Speaker {int(numbered[1]) + 1}" if numbered else clean(speaker) or UNKNOWN


def before(label: str, text: str) -> str:
    """What stands before the words `text` of a line so that they are known to be `label`'s; nothing for no label."""
    if not label:
        return ""
    turned = runs_leftwards(text) and not runs_leftwards(label)
    return (RIGHT_TO_LEFT_MARK if turned else "") + label + END


def _shortened(name: str, room: int, wide: float) -> str:
    if width(name, wide) <= room:
        return name
    while name and width(name + "…", wide) > room:
        name = name[:-1]
    return name.rstrip() + "…"
