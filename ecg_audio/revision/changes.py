"""What a revision changed, in numbers."""

import difflib

from ecg_audio.analysis import Analysis
from ecg_audio.revision.edits import speakers


def changes(before: Analysis, after: Analysis) -> str:
    """How many words, names and segments' speakers are others than before: `2 words, 1 name`; `nothing`."""
    old, new = set(speakers(before)), set(speakers(after))
    left = {segment.id: segment for segment in after.segments}
    words = given = 0
    for segment in before.segments:
        now = left.get(segment.id)
        words += _others([word.text for word in segment.words], [word.text for word in now.words] if now else [])
        given += now is not None and now.speaker != segment.speaker and segment.speaker in new
    names = len(old - new) or (0 if given else len(new - old))
    told = ((words, "word", ""), (names, "name", ""), (given, "segment", " given to others"))
    return ", ".join(f"{count} {what}{'s' * (count > 1)}{how}" for count, what, how in told if count) or "nothing"


def _others(old: list[str], new: list[str]) -> int:
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(j - i, b - a) for kind, i, j, a, b in steps if kind != "equal")
