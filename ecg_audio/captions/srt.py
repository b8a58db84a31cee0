"""SubRip: the plain text, for players that know nothing else."""

import re
from collections.abc import Sequence

import pysubs2

from ecg_audio.captions.cues import Cue

_ACTIVE = re.compile(r"\\|<|->|:\d\d[.,]\d")  # overrides, tags, arrows, clock times to the millisecond
_BREAK = "\u2060"  # word joiner: no width, no line break; put inside what a player would take for markup


def dumps(cues: Sequence[Cue]) -> str:
    """The cues as an SRT document.

    SubRip has no escapes, and players obey HTML tags and ASS overrides: an invisible character inside keeps these, and
    what looks like a line of times, as text.
    """
    file = pysubs2.SSAFile()
    for cue in cues:
        text = r"\N".join(_inert(line) for line in cue.texts)
        file.append(pysubs2.SSAEvent(start=round(cue.start_s * 1000), end=round(cue.end_s * 1000), text=text))
    return str(file.to_string("srt", keep_ssa_tags=True))


def _inert(text: str) -> str:
    return _ACTIVE.sub(lambda found: found[0][0] + _BREAK + found[0][1:], text)
