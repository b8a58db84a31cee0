"""A corrected transcript as edits: which of its words belong to which segment, found by comparing it with the result.

People correct text in the editor they like: a plain text, or subtitles. What they send back has no ids and, as
subtitles, other line breaks; the words that are still the same say where everything else belongs.
"""

import difflib
import re

import pysubs2

from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.captions.names import displayed
from ecg_audio.captions.text import clean
from ecg_audio.errors import InvalidRequest

MOST_BYTES = 5_000_000
"""A transcript of a hundred hours is shorter."""
FEWEST_ALIKE = 0.2
"""The share of words that must be the same: a text with fewer is one of another recording."""

_BARE = re.compile(r"[^\w']+")
_HEADING = re.compile(r"\[\d+:\d\d(?::\d\d)?\](?: .*)?")
"""What stands over a paragraph of a plain transcript: its time, and who speaks."""
_MARKUP = re.compile(r"<[a-z!/?]", re.IGNORECASE)


def from_json(content: bytes) -> Edits:
    """Edits as JSON: `{"speakers": {"SPEAKER_00": "Sheila"}, "segments": {"3": {"text": "...", "speaker": "..."}}}`.

    Raises:
        InvalidRequest: it is something else.
    """
    from pydantic import ValidationError

    try:
        return Edits.model_validate_json(_bounded(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"these are no edits: {place or 'the file'}: {first['msg']}", hint=_HINT) from None


def from_subtitles(analysis: Analysis, content: bytes) -> Edits:
    """Edits from corrected SRT or WebVTT: only the words count, since their times are measured.

    Raises:
        InvalidRequest: it is no subtitle file, or one of another recording.
    """
    try:
        read = pysubs2.SSAFile.from_string(_text(content))
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise InvalidRequest(f"these are no subtitles: {error}", hint=_HINT) from None
    labels = {f"{displayed(segment.speaker)}: " for segment in analysis.segments}
    lines = []
    for event in read:
        for line in event.plaintext.splitlines():
            told = next((label for label in labels if line.startswith(label)), "")
            lines.append(line.removeprefix(told).removeprefix("- "))
    return _matched(analysis, " ".join(lines))


def from_text(analysis: Analysis, content: bytes) -> Edits:
    """Edits from a corrected plain text; the title, times and names that a plain transcript of ours has are no words.

    A text without capitals and punctuation, as transcribers' references often are, corrects words alone: those that are
    the same keep theirs.

    Raises:
        InvalidRequest: it is no plain text, or one of another recording.
    """
    text = _text(content)
    if _MARKUP.search(text):
        raise InvalidRequest("this is markup and no plain text", hint=_HINT)
    lines = [line for line in text.splitlines() if not _HEADING.fullmatch(line.strip())]
    if len(lines) < len(text.splitlines()) and lines and lines[0].strip() == (clean(analysis.title) or "Recording"):
        del lines[0]
    return _matched(analysis, "\n".join(lines))


def _matched(analysis: Analysis, text: str) -> Edits:
    """Give each word of the text to the segment of the words that it stands beside."""
    segments = sorted(analysis.segments, key=lambda segment: (segment.start_s, segment.id))
    old = [(segment.id, word.text) for segment in segments for word in segment.words]
    new = text.split()
    if not old:
        raise InvalidRequest("the result has no words to correct", hint=_HINT)
    bare_old, bare_new = [_bare(word) for _, word in old], [_bare(word) for word in new]
    matcher = difflib.SequenceMatcher(None, bare_old, bare_new, autojunk=False)
    alike = sum(block.size for block in matcher.get_matching_blocks())
    if alike < FEWEST_ALIKE * min(len(old), max(len(new), 1)):
        raise InvalidRequest(
            f"of {len(new)} words only {alike} are in the result: this is the text of another recording", hint=_HINT
        )
    plain = text == text.lower() and not re.search(r"[.,!?;:]", text)
    found: dict[int, list[str]] = {segment.id: [] for segment in segments}
    for kind, i, j, a, b in matcher.get_opcodes():
        if kind == "equal":
            for (owner, word), corrected in zip(old[i:j], new[a:b], strict=True):
                found[owner].append(word if plain else corrected)
            continue
        owners = [owner for owner, _ in old[i:j]] or [old[max(0, i - 1)][0]]
        for index, word in enumerate(new[a:b]):
            found[owners[index * len(owners) // (b - a)]].append(word)
    before = {segment.id: [word.text for word in segment.words] for segment in segments}
    return Edits(
        segments={owner: SegmentEdit(text=" ".join(words)) for owner, words in found.items() if words != before[owner]}
    )


def _bare(word: str) -> str:
    """A word as it is compared: case and punctuation make no other word."""
    return _BARE.sub("", word.casefold()) or word


def _bounded(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise InvalidRequest(f"more than {MOST_BYTES / 1e6:.0f} MB are no transcript", hint=_HINT)
    return content


def _text(content: bytes) -> str:
    try:
        text = _bounded(content).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("the file is no UTF-8 text", hint=_HINT) from None
    if "\x00" in text:
        raise InvalidRequest("the file is no text", hint=_HINT)
    return text


_HINT = "Corrections are edits as JSON, corrected SRT or WebVTT, or the corrected plain text of the whole transcript."
