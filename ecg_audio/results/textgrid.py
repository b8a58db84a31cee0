"""Words, segments, turns, pauses and sounds as a Praat TextGrid (long text format, UTF-8)."""

from collections.abc import Iterator, Sequence

from ecg_audio.analysis import Analysis
from ecg_audio.results import intervals
from ecg_audio.results.intervals import Interval


def dumps(analysis: Analysis) -> str:
    """Write a TextGrid: for each speaker a tier of segments and of words, of turns and suspects; pauses, and events.

    Tiers of turns, suspects and events are there where there are any.

    Times are seconds to the millisecond. Nothing overlaps within a tier, so where one speaker's words do, the later one
    begins where the earlier one ends.

    The format is that of the Praat manual's page "TextGrid file formats".
    """
    length_ms = intervals.length_ms(analysis)
    tiers = list(_tiers(analysis))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_seconds(length_ms)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, found) in enumerate(tiers, start=1):
        covered = intervals.filled(found, length_ms)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {_seconds(length_ms)}",
            f"        intervals: size = {len(covered)}",
        ]
        for index, interval in enumerate(covered, start=1):
            lines += [
                f"        intervals [{index}]:",
                f"            xmin = {_seconds(interval.start_ms)}",
                f"            xmax = {_seconds(interval.end_ms)}",
                f"            text = {_quoted(interval.label)}",
            ]
    return "\n".join(lines) + "\n"


def _tiers(analysis: Analysis) -> Iterator[tuple[str, Sequence[Interval]]]:
    for voice in intervals.voices(analysis):
        yield f"{voice.speaker} segments", voice.segments
        yield f"{voice.speaker} words", voice.words
        if voice.suspect:
            yield f"{voice.speaker} suspect", voice.suspect
        if voice.turns:
            yield f"{voice.speaker} turns", voice.turns
    yield "pauses", intervals.pauses(analysis)
    if events := intervals.events(analysis):
        yield "events", events


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _quoted(text: str) -> str:
    """A string as Praat reads it: quotes are doubled, and a line break would end up inside the label."""
    return '"{}"'.format(" ".join(text.split()).replace('"', '""'))
