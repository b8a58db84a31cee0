"""What people correct in a result, put into its segments: texts, speakers and their names.

Only words that a person changed are new; all others keep their times and all that was found about them. New words get
times shared out over the place of those they replace, until they are aligned (`placed`).
"""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ecg_audio import spacing
from ecg_audio.analysis import Analysis, Edits, Segment, SegmentEdit, Speaker, SpokenWord, Turn, Word
from ecg_audio.revision.edits import plain_text, resolved

MISPLACED_S = 1.0
"""Between where a word was heard and where it is said: a recogniser that heard this word is not so far off."""

Said = TypeVar("Said", Segment, SpokenWord, Turn)


def drafted(analysis: Analysis, edits: Edits, machine: Analysis | None = None) -> Analysis:
    """The result with corrections put in; voices, baselines and statistics are still those of before.

    Args:
        analysis: as it was.
        edits: what a person changed.
        machine: the machine's own result, whose words come back where a text comes back to them; None: they are
            aligned as others are.

    Raises:
        InvalidRequest: there is no such segment or speaker, or a name or text is none.
    """
    edits = resolved(analysis, edits)
    new_names = edits.speakers
    own = {segment.id: segment for segment in machine.segments} if machine else {}
    turns = analysis.turns
    segments: list[Segment] = []
    for segment in analysis.segments:
        edit = edits.segments.get(segment.id, SegmentEdit())
        if edit.speaker is not None and edit.speaker != segment.speaker:
            turns = _handed_over(turns, segment, edit.speaker)
            segment = _given(segment, edit.speaker)
        if edit.text is not None:
            segment = _restored(rewritten(segment, plain_text(edit.text)), own.get(segment.id))
        if segment.words or edit.text is None:
            segments.append(renamed_with_words(segment, new_names))
    return analysis.model_copy(
        update={"segments": tuple(segments), "turns": _united(renamed(turn, new_names) for turn in turns)}
    )


def rewritten(segment: Segment, text: str) -> Segment:
    """A segment with another text. Words that stand in both keep everything; `recognised` keeps the machine's text."""
    old = [word.text for word in segment.words]
    new = _words_of(text, old)
    if old == new:
        return segment
    words: list[SpokenWord] = []
    for kind, i, j, a, b in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            words += segment.words[i:j]
        elif a < b:
            words += _shared_out(segment, new[a:b], i, j)
    return segment.model_copy(
        update={
            "text": text,
            "words": tuple(words),
            "recognised": segment.text if segment.recognised is None else segment.recognised,
            "suspect": None,
        }
    )


def _restored(segment: Segment, machine: Segment | None) -> Segment:
    """A rewritten segment in which a person's words that are the machine's again are those, with their times."""
    if machine is None or all(word.written_by == "machine" for word in segment.words):
        return segment
    words = list(segment.words)
    texts, own = [word.text for word in words], [word.text for word in machine.words]
    for block in difflib.SequenceMatcher(None, own, texts, autojunk=False).get_matching_blocks():
        for place in range(block.size):
            word, again = words[block.b + place], machine.words[block.a + place]
            if word.written_by == "person":
                words[block.b + place] = _said_by(word.speaker, again)
    kept = [word.start_s for word in words if word.written_by == "machine"]
    if kept != sorted(kept):  # a word that is said twice was taken for the other one
        return segment
    whole = texts == own
    return segment.model_copy(
        update={
            "words": tuple(words),
            **({"start_s": machine.start_s, "end_s": machine.end_s, "recognised": None} if whole else {}),
            **({"text": machine.text, "suspect": machine.suspect} if whole and segment.text == machine.text else {}),
        }
    )


def changed(before: Analysis, after: Analysis) -> tuple[Segment, ...]:
    """The segments of `after` that hold words of a person's and are not as in `before`: what is to be aligned."""
    known = {segment.id: [(word.text, word.start_s) for word in segment.words] for segment in before.segments}
    return tuple(
        segment
        for segment in after.segments
        if any(word.written_by == "person" for word in segment.words)
        and [(word.text, word.start_s) for word in segment.words] != known.get(segment.id)
    )


def placed(segment: Segment, aligned: Sequence[Word], room: tuple[float, float]) -> Segment:
    """A segment whose new words have the times that an aligner found.

    Words of the machine keep their times, unless they are said somewhere else altogether. Those of a person, also
    earlier ones, were placed among words that were wrong, so they are placed anew.

    Args:
        segment: as `drafted` left it.
        aligned: all its words as an aligner timed them, in order; where they are others, the segment stays as it is.
        room: from when until when its words may be, in seconds.

    Returns:
        The segment with its words in order and disjoint.
    """
    if [word.text for word in aligned] != [word.text for word in segment.words]:
        return segment
    words = list(segment.words)
    earliest_s, latest_s = room
    anew = [
        word.written_by == "person" or _misplaced(segment.words, index, aligned) for index, word in enumerate(words)
    ]
    for index, (word, found) in enumerate(zip(words, aligned, strict=True)):
        if not anew[index]:
            continue
        least_s = words[index - 1].end_s if index else earliest_s
        later = next((words[at].start_s for at in range(index + 1, len(words)) if not anew[at]), latest_s)
        start_s = min(max(found.start_s, least_s), later)
        words[index] = word.model_copy(
            update={
                "start_s": start_s,
                "end_s": min(max(found.end_s, start_s), later),
                "timing": found.timing,
                "confidence": found.confidence,
            }
        )
    first, last = words[0].start_s, words[-1].end_s
    return segment.model_copy(
        update={"words": tuple(words), "start_s": min(first, segment.start_s), "end_s": max(last, segment.end_s)}
    )


def _misplaced(words: Sequence[SpokenWord], index: int, aligned: Sequence[Word]) -> bool:
    """Whether the machine heard this word, which stands beside a person's, in other words: it is said elsewhere."""
    beside = [words[at].written_by for at in (index - 1, index + 1) if 0 <= at < len(words)]
    found = aligned[index]
    far = abs(found.start_s - words[index].start_s) > MISPLACED_S
    return "person" in beside and found.timing == "aligned" and far


def paused(before: Analysis, segments: Sequence[Segment], machine: Analysis | None = None) -> tuple[Segment, ...]:
    """The segments with the pauses before their words: where a word follows the same one as before, it is as it was.

    Args:
        before: the result as it was.
        segments: of the corrected one.
        machine: the machine's own result, whose pauses were measured as its words were.
    """
    measured = {
        (previous, _place(word)): word.pause_before_s
        for known in filter(None, (before, machine))  # the latter has the last word
        for previous, word in _followed(known.segments)
    }
    pauses: dict[tuple[float, float, str], float | None] = {}
    for previous, word in _followed(segments):
        if (previous, _place(word)) in measured:
            pauses[_place(word)] = measured[previous, _place(word)]
        elif previous is None or word.timing == "interpolated":
            pauses[_place(word)] = None
        else:
            pauses[_place(word)] = round(max(0.0, word.start_s - previous[1]), 3)
    return tuple(
        segment.model_copy(
            update={
                "words": tuple(
                    word.model_copy(update={"pause_before_s": pauses[_place(word)]}) for word in segment.words
                )
            }
        )
        for segment in segments
    )


def _place(word: SpokenWord) -> tuple[float, float, str]:
    return word.start_s, word.end_s, word.text


def _followed(segments: Iterable[Segment]) -> Iterator[tuple[tuple[float, float, str] | None, SpokenWord]]:
    """Each word of a recording after the place of the one before it."""
    previous = None
    for word in sorted((word for segment in segments for word in segment.words), key=_place):
        yield previous, word
        previous = _place(word)


def unheard(before: Analysis, draft: Analysis, names: Mapping[str, str]) -> Analysis:
    """A draft as it can be published when its sound is gone: what was measured stays where it still holds.

    New words keep the times that were shared out to them, and have no voice; neither has a segment that holds some, or
    a speaker who is several of before.

    Args:
        before: the result as it was.
        draft: the same with a person's corrections.
        names: the new names of speakers.
    """
    new = {segment.id for segment in changed(before, draft)}
    known = {segment.id: segment for segment in before.segments}
    segments = tuple(
        segment.model_copy(update={"voice": None, "relative": None})
        if segment.id in new or segment.words != renamed_with_words(known[segment.id], names).words
        else segment
        for segment in draft.segments
    )
    vectors = merged(before.speakers, names)
    speakers = []
    for name in dict.fromkeys(
        filter(None, (*(turn.speaker for turn in draft.turns), *(one.speaker for one in segments)))
    ):
        were = [one for one in before.speakers if names.get(one.id, one.id) == name]
        own = [segment for segment in segments if segment.speaker == name]
        same = were[0] if len(were) == 1 else None
        told = {
            "id": name,
            "speaking_s": sum(turn.end_s - turn.start_s for turn in draft.turns if turn.speaker == name),
            "segments": len(own),
            "words": sum(word.speaker == name for segment in segments for word in segment.words),
            "embedding": vectors.get(name),
        }
        speakers.append(same.model_copy(update=told) if same else Speaker.model_validate(told))
    return draft.model_copy(update={"segments": segments, "speakers": tuple(speakers)})


def renamed(said: Said, names: Mapping[str, str]) -> Said:
    """A segment, word or turn under the new name of its speaker."""
    name = names.get(said.speaker or "", said.speaker)
    return said if name == said.speaker else said.model_copy(update={"speaker": name})


def renamed_with_words(segment: Segment, names: Mapping[str, str]) -> Segment:
    """A segment under the new name of its speaker, and each of its words under that of its own."""
    words = tuple(renamed(word, names) for word in segment.words)
    return renamed(segment, names).model_copy(update={"words": words})


def merged(speakers: Sequence[Speaker], names: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """The voice vectors of speakers under their new names.

    Two that became one have the mean of their vectors, weighted by how long each spoke, of length 1.
    """
    sums: dict[str, list[float]] = {}
    for speaker in speakers:
        if speaker.embedding is None:
            continue
        weighted = [value * max(speaker.speaking_s, 1e-6) for value in speaker.embedding]
        name = names.get(speaker.id, speaker.id)
        sums[name] = [a + b for a, b in zip(sums[name], weighted, strict=True)] if name in sums else weighted
    lengths = {name: sum(value * value for value in vector) ** 0.5 for name, vector in sums.items()}
    return {name: tuple(value / lengths[name] for value in vector) for name, vector in sums.items() if lengths[name]}


def _words_of(text: str, old: Sequence[str]) -> list[str]:
    """A text's words: between spaces; where its script has none, the old words that are still there and the rest."""
    found: list[str] = []
    for token in text.split():
        if len(token) > 1 and not any(spacing.by_script(a, b) for a, b in itertools.pairwise(token)):
            found += _cut(token, old)
        else:
            found.append(token)
    return found


def _cut(token: str, old: Sequence[str]) -> list[str]:
    """A token of a script that runs on, at the old words that it still holds whole."""
    letters = "".join(old)
    edges = list(itertools.accumulate(map(len, old), initial=0))
    pieces: list[str] = []
    at = 0
    for block in difflib.SequenceMatcher(None, letters, token, autojunk=False).get_matching_blocks():
        for start, end in itertools.pairwise(edges):
            if block.a <= start and end <= block.a + block.size:
                begin, stop = start - block.a + block.b, end - block.a + block.b
                pieces += [piece for piece in (token[at:begin], token[begin:stop]) if piece]
                at = stop
    return [*pieces, *([token[at:]] if token[at:] else [])]


def _shared_out(segment: Segment, texts: Sequence[str], first: int, end: int) -> list[SpokenWord]:
    """New words in the place of the old ones `first` to `end`, by their letters; between two where none is replaced."""
    words = segment.words
    start_s = words[first].start_s if first < end else words[first - 1].end_s if first else segment.start_s
    end_s = words[end - 1].end_s if first < end else words[first].start_s if first < len(words) else segment.end_s
    speaker = words[min(first, len(words) - 1)].speaker if words else segment.speaker
    step_s = max(end_s - start_s, 0.0) / sum(map(len, texts))
    found = []
    at_s = start_s
    for text in texts:
        until_s = at_s + step_s * len(text)
        found.append(
            SpokenWord(
                text=text, start_s=at_s, end_s=until_s, timing="interpolated", speaker=speaker, written_by="person"
            )
        )
        at_s = until_s
    return found


def _given(segment: Segment, speaker: str) -> Segment:
    """The segment and its words, said by whom a person names."""
    words = tuple(_said_by(speaker, word) for word in segment.words)
    return segment.model_copy(update={"speaker": speaker, "words": words})


def _said_by(speaker: str | None, word: SpokenWord) -> SpokenWord:
    if word.speaker == speaker:
        return word
    # a person's word for it has no probability
    return word.model_copy(update={"speaker": speaker, "speaker_confidence": None})


def _handed_over(turns: Sequence[Turn], segment: Segment, speaker: str) -> tuple[Turn, ...]:
    """The turns with a segment's time taken from its speaker and given to another."""
    left: list[Turn] = []
    for turn in turns:
        if turn.speaker != segment.speaker or turn.end_s <= segment.start_s or segment.end_s <= turn.start_s:
            left.append(turn)
            continue
        for start_s, end_s in ((turn.start_s, segment.start_s), (segment.end_s, turn.end_s)):
            if end_s > start_s:
                left.append(turn.model_copy(update={"start_s": start_s, "end_s": end_s}))
    if segment.end_s > segment.start_s:
        left.append(Turn(speaker=speaker, start_s=segment.start_s, end_s=segment.end_s))
    return tuple(left)


def _united(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns in order of time; those of one speaker that overlap or meet become one."""
    found: list[Turn] = []
    last: dict[str, int] = {}
    for turn in sorted(turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker)):
        index = last.get(turn.speaker)
        if index is not None and turn.start_s <= found[index].end_s:
            longer = max(turn.end_s, found[index].end_s)
            found[index] = found[index].model_copy(update={"end_s": longer})
        else:
            last[turn.speaker] = len(found)
            found.append(turn)
    return tuple(found)
