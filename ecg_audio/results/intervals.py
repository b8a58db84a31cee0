"""An analysis as annotators see it: for each speaker, rows of labelled intervals that do not overlap, in milliseconds.

Praat and ELAN both draw such rows, and call them tiers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecg_audio.analysis import Analysis

NOBODY = "unknown"
"""The row's name for words and segments whose speaker is not known."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A labelled stretch of time, at least 1 ms long."""

    start_ms: int
    end_ms: int
    label: str


@dataclass(frozen=True, slots=True)
class Voice:
    """What one speaker said: turns, segments, their words, and the words that should not be trusted, with the reason.

    Turns are labelled with the speaker; there are none where nobody was told apart.
    """

    speaker: str
    turns: tuple[Interval, ...]
    segments: tuple[Interval, ...]
    words: tuple[Interval, ...]
    suspect: tuple[Interval, ...]


def voices(analysis: Analysis) -> tuple[Voice, ...]:
    """Each speaker's rows, in the order of their first words; what nobody is known to have said comes last."""
    speakers: dict[str | None, None] = dict.fromkeys(segment.speaker for segment in analysis.segments)
    speakers |= dict.fromkeys(turn.speaker for turn in analysis.turns)
    order = [speaker for speaker in speakers if speaker is not None] + ([None] if None in speakers else [])
    return tuple(_voice(analysis, speaker) for speaker in order)


def pauses(analysis: Analysis) -> tuple[Interval, ...]:
    """The silences before words, labelled with their length in seconds."""
    return disjoint(
        (word.start_s - word.pause_before_s, word.start_s, f"{word.pause_before_s:.3f}")
        for word in analysis.words
        if word.pause_before_s
    )


def events(analysis: Analysis) -> tuple[Interval, ...]:
    """Sounds and long silences, labelled with their kind; none where they were not looked for."""
    return disjoint((event.start_s, event.end_s, event.kind) for event in analysis.events or ())


def length_ms(analysis: Analysis) -> int:
    """The recording's length, or the end of the last thing in it where that is later."""
    ends_s = [word.end_s for word in analysis.words]
    ends_s += [span.end_s for span in (*analysis.turns, *(analysis.events or ()))]
    return max(1, *map(_ms, (analysis.recording.duration_s, *ends_s)))


def disjoint(spans: Iterable[tuple[float, float, str]]) -> tuple[Interval, ...]:
    """Spans (start and end in seconds, label) as intervals in order of time of which no two overlap.

    A span that begins before the one ahead of it has ended begins where that ends. One of which nothing is left so, or
    that had no length, adds its label to the one ahead: no label is lost.

    >>> [(one.start_ms, one.end_ms, one.label) for one in disjoint([(0.0, 1.5, "a"), (1.2, 2.0, "b")])]
    [(0, 1500, 'a'), (1500, 2000, 'b')]
    """
    placed: list[Interval] = []
    for start_s, end_s, label in sorted(spans, key=lambda span: (span[0], span[1])):
        start_ms, end_ms = max(_ms(start_s), placed[-1].end_ms if placed else 0), _ms(end_s)
        if end_ms > start_ms:
            placed.append(Interval(start_ms, end_ms, label))
        elif placed:
            last = placed[-1]
            placed[-1] = Interval(last.start_ms, last.end_ms, f"{last.label} {label}")
        else:
            placed.append(Interval(start_ms, start_ms + 1, label))
    return tuple(placed)


def filled(intervals: Sequence[Interval], length: int) -> tuple[Interval, ...]:
    """The intervals with empty ones between them, so that a whole recording of `length` ms is covered."""
    covered: list[Interval] = []
    at_ms = 0
    for interval in intervals:
        if interval.start_ms > at_ms:
            covered.append(Interval(at_ms, interval.start_ms, ""))
        covered.append(interval)
        at_ms = interval.end_ms
    if at_ms < length:
        covered.append(Interval(at_ms, length, ""))
    return tuple(covered)


def _voice(analysis: Analysis, speaker: str | None) -> Voice:
    segments = [segment for segment in analysis.segments if segment.speaker == speaker]
    words = [word for segment in segments for word in segment.words]
    return Voice(
        speaker or NOBODY,
        disjoint((turn.start_s, turn.end_s, turn.speaker) for turn in analysis.turns if turn.speaker == speaker),
        disjoint((segment.start_s, segment.end_s, segment.text) for segment in segments),
        disjoint((word.start_s, word.end_s, word.text) for word in words),
        disjoint((word.start_s, word.end_s, word.suspect) for word in words if word.suspect),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
