"""The transcript as text for people: plain, or in Markdown; a paragraph for each time that somebody speaks."""

import re
from collections.abc import Iterator, Sequence

from ecg_audio.analysis import Analysis, Segment
from ecg_audio.captions.names import Names, displayed
from ecg_audio.captions.sounds import Sound
from ecg_audio.captions.text import clean

PAUSE_S = 3.0  # a silence this long begins a paragraph
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&])|^([-+=]|\d+(?=[.)]))")


def plain(analysis: Analysis, heard: Sequence[Sound] = (), names: Names = "change") -> str:
    """The transcript as plain text: time and name, then what was said; sounds stand between.

    Every paragraph has its speaker's name where there are two (`change`), where any is known (`always`), or `never`.
    """
    parts = [
        f"[{clock(first)}] {who}\n{text}\n" if who else f"[{clock(first)}]\n{text}\n"
        for first, who, text in _paragraphs(analysis, heard, names)
    ]
    return "\n".join([f"{clean(analysis.title) or 'Recording'}\n", *parts])


def markdown(analysis: Analysis, heard: Sequence[Sound] = (), names: Names = "change") -> str:
    """The transcript in Markdown, named as the plain one; marks in what was said are letters; sounds stand between."""
    parts = []
    for first, who, text in _paragraphs(analysis, heard, names):
        heading = f"**{_literal(who)}** · {clock(first)}" if who else clock(first)
        parts.append(f"{heading}  \n{_literal(text)}\n")
    return "\n".join([f"# {_literal(clean(analysis.title) or 'Recording')}\n", *parts])


def clock(time_s: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _paragraphs(analysis: Analysis, heard: Sequence[Sound], names: Names) -> Iterator[tuple[float, str, str]]:
    """When each begins, who speaks (empty where names are not shown), and the text."""
    speakers = {segment.speaker for segment in analysis.segments}
    named = len(speakers) > 1 if names == "change" else names == "always" and bool(speakers - {None})
    shown: list[Segment | Sound] = [segment for segment in analysis.segments if clean(segment.text)]
    shown = sorted([*shown, *heard], key=lambda part: part.start_s) if heard else shown
    paragraphs: list[list[Segment | Sound]] = []
    for part in shown:
        if paragraphs and _goes_on(paragraphs[-1][-1], part):
            paragraphs[-1].append(part)
        else:
            paragraphs.append([part])
    for parts in paragraphs:
        first = parts[0]
        who = displayed(first.speaker) if named and isinstance(first, Segment) else ""
        yield first.start_s, who, " ".join(clean(part.text) for part in parts)


def _goes_on(before: Segment | Sound, part: Segment | Sound) -> bool:
    """Whether a part belongs to the paragraph of the one before: sounds have their own."""
    if isinstance(before, Sound) or isinstance(part, Sound):
        return False
    return before.speaker == part.speaker and part.start_s - before.end_s < PAUSE_S


def _literal(text: str) -> str:
    return _MARKS.sub(lambda found: "\\" + found[0] if found[1] or not found[0].isdigit() else found[0] + "\\", text)
