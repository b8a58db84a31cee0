"""Segments to cues: captions that a reader can follow.

A cue is at most two balanced lines of 42 narrow (16 full-width) characters, read at 17 and at most about 20 characters
a second, shown for 1 to 7 s; it ends at pauses, clauses and speaker changes. Two people at once share a cue, a line and
a dash each. The bounds are those of the BBC Subtitle Guidelines and Netflix's Timed Text Style Guides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ecg_audio import spacing
from ecg_audio.analysis import LOOPING, Segment, SpokenWord
from ecg_audio.captions import boundaries, names, phrases
from ecg_audio.captions.phrases import DASH, CueWord, Line, NameRoom, Phrase, line_text
from ecg_audio.captions.reading import CueSettings
from ecg_audio.captions.sounds import Sound, placed
from ecg_audio.captions.text import characters, clean, pieces, width
from ecg_audio.captions.timing import schedule

__all__ = ["DASH", "Cue", "CueSettings", "CueWord", "Line", "cues", "left_out"]

OVERLAP_S = 0.15  # two speakers closer than this take turns, beyond it they speak at once


@dataclass(frozen=True, slots=True)
class Cue:
    """What is on screen from `start_s` to `end_s`. Where two speak at once, each has one of the lines.

    `labels` has the name that is shown before each line, empty where none is.
    """

    start_s: float
    end_s: float
    lines: tuple[Line, ...]
    labels: tuple[str, ...] = ()

    @property
    def words(self) -> Line:
        """All words, in reading order."""
        return tuple(word for line in self.lines for word in line)

    @property
    def speakers(self) -> tuple[str | None, ...]:
        """Who speaks, in the order of the lines; one entry unless two speak at once."""
        return tuple(dict.fromkeys(line[0].speaker for line in self.lines if not line[0].sound)) or (None,)

    @property
    def dashed(self) -> bool:
        """Whether each line belongs to another speaker and begins with a dash."""
        return len(self.speakers) > 1

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines as plain text, dashes and names included."""
        return tuple(lead + line_text(line) for lead, line in zip(self.leads, self.lines, strict=True))

    @property
    def leads(self) -> tuple[str, ...]:
        """What stands before the words of each line: a dash, a name, both or nothing."""
        dash = DASH if self.dashed else ""
        labels = self.labels or ("",) * len(self.lines)
        return tuple(
            "" if line[0].sound else dash + names.before(label, line_text(line))
            for label, line in zip(labels, self.lines, strict=True)
        )

    @property
    def cps(self) -> float:
        """Characters a second."""
        return sum(map(characters, self.texts)) / (self.end_s - self.start_s)


def cues(
    segments: tuple[Segment, ...], settings: CueSettings | None = None, sounds: Sequence[Sound] = ()
) -> tuple[Cue, ...]:
    """Cut segments into cues.

    Args:
        segments: of the whole recording, in order of their start.
        settings: the bounds; None takes the defaults.
        sounds: to be named between the words, in order of their start.

    Returns:
        Cues in order of time, never two at once, that hold every word with visible text exactly once, each speaker's
        words in their order; without what a recogniser wrote going in circles, unless the settings want it.
    """
    settings = settings or CueSettings()
    called = _called(segments, settings)
    runs = list(_runs(segments, settings, max((_room(label, settings) for label in called.values()), default=0.0)))
    rooms = _name_rooms(runs, called, settings)
    cut = [phrase for run, room in zip(runs, rooms, strict=True) for phrase in phrases.cut(run, settings, room)]
    cut.sort(key=lambda phrase: phrase.start_s)  # stable: each speaker's own order is already by time
    timed = placed(list(_paired(cut, called, settings)), sounds, settings)
    shown = [lines for _, _, lines in timed]
    blocks = [
        Cue(0.0, 0.0, block, labels) for block, labels in zip(shown, _labels(shown, called, settings), strict=True)
    ]
    speech = [(start_s, end_s) for start_s, end_s, _ in timed]
    reading_s = [settings.reading_s(sum(map(characters, cue.texts)), len(cue.words)) for cue in blocks]
    times = schedule(speech, reading_s, settings)
    return tuple(
        replace(cue, start_s=start_s, end_s=end_s) for cue, (start_s, end_s) in zip(blocks, times, strict=True)
    )


def left_out(segments: tuple[Segment, ...], settings: CueSettings | None = None) -> int:
    """How many words with visible text are in no cue, because a recogniser wrote them going in circles."""
    if settings and settings.loops:
        return 0
    words = (word for segment in segments for word in segment.words or _unaligned(segment))
    return sum(word.suspect == LOOPING and bool(clean(word.text)) for word in words)


def _called(segments: tuple[Segment, ...], settings: CueSettings) -> dict[str | None, str]:
    speakers = [segment.speaker for segment in segments if segment.words or segment.text]
    speakers += [word.speaker for segment in segments for word in segment.words]
    return names.labels(speakers, settings.names, settings.line_width // 2 - len(names.END), settings.wide)


def _room(label: str, settings: CueSettings) -> float:
    """The room of a name and what follows it, in narrow characters."""
    return width(label + names.END, settings.wide) if label else 0.0


def _name_rooms(runs: list[list[CueWord]], called: dict[str | None, str], settings: CueSettings) -> list[NameRoom]:
    """Where each run's phrases may need their speaker's name; a name that is not needed leaves a shorter line."""
    if not called:
        return [phrases.NO_NAME] * len(runs)
    rooms = [_room(called[run[0].speaker], settings) for run in runs]
    if settings.names == "always":
        return [NameRoom(room, room) for room in rooms]
    order = sorted(range(len(runs)), key=lambda index: runs[index][0].start_s)
    mixed = [False] * len(runs)  # whose phrases may stand between those of somebody else
    for place, index in enumerate(order):
        for other in order[place + 1 :]:
            if runs[other][0].start_s > runs[index][-1].start_s:
                break
            if runs[other][0].speaker != runs[index][0].speaker:
                mixed[index] = mixed[other] = True
    found = [phrases.NO_NAME] * len(runs)
    for before, index in zip([None, *order], order, strict=False):
        goes_on = before is not None and runs[before][0].speaker == runs[index][0].speaker and not mixed[before]
        first = mixed[index] or not goes_on
        found[index] = NameRoom(rooms[index] if first else 0.0, rooms[index] if mixed[index] else 0.0)
    return found


def _labels(
    shown: list[tuple[Line, ...]], called: dict[str | None, str], settings: CueSettings
) -> Iterator[tuple[str, ...]]:
    """The names before each cue's lines."""
    last: str | None = ""  # nobody is called so
    for lines in shown:
        if not called:
            yield ()
            continue
        found: list[str] = []
        for index, line in enumerate(lines):
            if line[0].sound:
                found.append("")
                continue
            speaker = line[0].speaker
            above = lines[index - 1][0] if index else None
            begins = above is None or above.sound or speaker != above.speaker
            named = begins and (settings.names == "always" or speaker != last)
            found.append(called[speaker] if named else "")
            last = speaker
        yield tuple(found)


def _runs(segments: tuple[Segment, ...], settings: CueSettings, name_room: float) -> Iterator[list[CueWord]]:
    """Words that one speaker says without a long pause, however they were cut into segments."""
    ordered = sorted(segments, key=lambda segment: segment.start_s)
    run: list[CueWord] = []
    for segment, rivals in zip(ordered, _rivals(ordered), strict=True):
        for word in _words(segment, rivals, run[-1].text if run else "", settings, name_room):
            if run:
                last = run[-1]
                paused = word.start_s - last.end_s >= settings.pause_s
                if word.speaker != last.speaker or paused or word.start_s < last.start_s:
                    yield run
                    run = []
            run.append(word)
    if run:
        yield run


def _rivals(ordered: list[Segment]) -> list[list[Segment]]:
    """For each segment, those of other speakers that overlap it in time."""
    found: list[list[Segment]] = [[] for _ in ordered]
    for index, segment in enumerate(ordered):
        for other in range(index + 1, len(ordered)):
            rival = ordered[other]
            if rival.start_s >= segment.end_s - OVERLAP_S:
                break
            if rival.speaker != segment.speaker:
                found[index].append(rival)
                found[other].append(segment)
    return found


def _words(
    segment: Segment, rivals: list[Segment], before: str, settings: CueSettings, name_room: float
) -> Iterator[CueWord]:
    reached_s = segment.words[0].start_s if segment.words else segment.start_s
    words = segment.words or _unaligned(segment)
    spaces = spacing.before_each([word.text for word in words], segment.text)
    space: bool | None = None  # before the next word that is shown; None: no word of this segment stands before it
    for one in boundaries.written(words, spaces):
        word = one.word
        space = None if space is None else space or one.spaced
        if word.suspect == LOOPING and not settings.loops:
            continue
        # within a segment the order of the words is certain, their times may not be
        start_s = max(word.start_s, reached_s)
        end_s = max(word.end_s, start_s)
        reached_s = start_s
        fields = {name: getattr(word, name) for name in SpokenWord.model_fields}
        crowded = any(start_s < rival.end_s - OVERLAP_S and rival.start_s < end_s for rival in rivals)
        spaced = bool(before) and (spacing.by_script(before, word.text) if space is None else space)
        parts = pieces(word.text, settings.line_width - len(DASH) - name_room, settings.wide)
        step_s = (end_s - start_s) / len(parts)
        for index, part in enumerate(parts):
            shown = dict(
                fields,
                text=part,
                emotion=segment.emotion,
                crowded=crowded,
                spaced=spaced and not index,
                continues=index > 0 or not (one.turns or spaced),
            )
            shown.update(start_s=start_s + index * step_s, end_s=start_s + (index + 1) * step_s)
            if len(parts) > 1:
                shown.update(timing="interpolated")
            yield CueWord.model_construct(**shown)
            reached_s = start_s + index * step_s
        before, space = parts[-1], False


def _unaligned(segment: Segment) -> tuple[SpokenWord, ...]:
    """The words of a segment that has only text; their times are shares of the segment's and say so."""
    texts = segment.text.split()
    total = sum(map(len, texts)) or 1
    share_s = (segment.end_s - segment.start_s) / total
    ends = [segment.start_s]
    for text in texts:
        ends.append(ends[-1] + share_s * len(text))
    return tuple(
        SpokenWord(
            text=text,
            start_s=start_s,
            end_s=end_s,
            timing="interpolated",
            suspect=segment.suspect,
            speaker=segment.speaker,
        )
        for text, (start_s, end_s) in zip(texts, pairwise(ends), strict=True)
    )


def _paired(
    ordered: list[Phrase], called: dict[str | None, str], settings: CueSettings
) -> Iterator[tuple[Phrase, ...]]:
    """Put two speakers into one cue where they speak at once or too briefly to be read alone."""
    waiting = list(reversed(ordered))
    while waiting:
        first = waiting.pop()
        if not waiting or not _share(first, waiting[-1], called, settings):
            yield (first,)
            continue
        second = waiting.pop()
        rival = waiting[-1] if waiting and _share(second, waiting[-1], called, settings) else None
        if rival and _overlap_s(second, rival) > max(0.0, _overlap_s(first, second)):
            waiting.append(second)  # it has more to do with the one after
            yield (first,)
        else:
            yield first, second


def _overlap_s(first: Phrase, second: Phrase) -> float:
    return min(first.end_s, second.end_s) - second.start_s


def _share(first: Phrase, second: Phrase, called: dict[str | None, str], settings: CueSettings) -> bool:
    if settings.max_lines < 2 or first.speaker == second.speaker or len(first.lines) + len(second.lines) > 2:
        return False
    for phrase in (first, second):
        lead = len(DASH) + _room(called.get(phrase.speaker, ""), settings)
        if lead + width(line_text(phrase.lines[0]), settings.wide) > settings.line_width:
            return False
    if max(first.end_s, second.end_s) - first.start_s > settings.max_s:
        return False
    at_once = second.start_s < first.end_s - OVERLAP_S
    too_brief = second.start_s - first.start_s < settings.min_s
    return at_once or too_brief
