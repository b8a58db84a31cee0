"""A person's corrections before they are put into a result: plain texts and names, and whom the names mean."""

import unicodedata
from collections.abc import Collection

from ecg_audio.analysis import Analysis, Edits
from ecg_audio.captions.names import displayed
from ecg_audio.errors import InvalidRequest

LONGEST_NAME = 80
LONGEST_TEXT = 10_000  # characters of a segment


def resolved(analysis: Analysis, edits: Edits) -> Edits:
    """The corrections with speakers' ids where they say what captions show, as `Speaker 1`; again, they stay the same.

    A new name that captions show for somebody else already means that speaker, so that no two look like one.

    Raises:
        InvalidRequest: there is no such speaker or segment, one has two new names, or a name is none.
    """
    ids = speakers(analysis)
    known = [*ids]
    names: dict[str, str] = {}
    for told, new in edits.speakers.items():
        speaker = meant(told, ids)
        if speaker is None:
            there = ", ".join(sorted(map(displayed, ids))) or "none"
            raise InvalidRequest(f"there is no speaker {told}; there are {there}")
        plain = speaker_name(new)
        name = meant(plain, known) or plain
        if names.setdefault(speaker, name) != name:
            raise InvalidRequest(f"{displayed(speaker)} has two new names: {names[speaker]} and {name}")
        known.append(name)
    missing = sorted(set(edits.segments) - {segment.id for segment in analysis.segments})
    if missing:
        raise InvalidRequest(f"there is no segment {', '.join(map(str, missing))}")
    segments = {}
    for number, edit in edits.segments.items():
        if edit.speaker is not None:
            plain = speaker_name(edit.speaker)
            edit = edit.model_copy(update={"speaker": meant(plain, known) or plain})
            known.append(edit.speaker or plain)
        segments[number] = edit
    return edits.model_copy(update={"speakers": names, "segments": segments})


def speakers(analysis: Analysis) -> tuple[str, ...]:
    """The ids of all who speak in a result."""
    known = [*(one.id for one in analysis.speakers), *(turn.speaker for turn in analysis.turns)]
    return tuple(dict.fromkeys([*known, *(segment.speaker for segment in analysis.segments if segment.speaker)]))


def meant(told: str, ids: Collection[str]) -> str | None:
    """Which of these speakers is meant, by the id or by the name that captions show; None: none of them."""
    return told if told in ids else next((one for one in ids if displayed(one) == displayed(told)), None)


def speaker_name(text: str) -> str:
    """A person's word for a speaker, as one line without characters that command a terminal.

    Raises:
        InvalidRequest: it is empty, or too long.
    """
    name = " ".join(plain_text(text).split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidRequest(f"a speaker's name has 1 to {LONGEST_NAME} characters, not {len(name)}")
    return name


def plain_text(text: str) -> str:
    """A person's text, without characters that command a terminal or cannot be written.

    Raises:
        InvalidRequest: it is too long, or holds characters that are none.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"a segment's text has at most {LONGEST_TEXT} characters, not {len(text)}")
    plain = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    if any(unicodedata.category(one) in ("Cs", "Cn") for one in plain):
        raise InvalidRequest("a text holds characters that are none")
    return " ".join(plain.split())
