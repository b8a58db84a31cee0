"""Pauses and sounds as captions for viewers who cannot hear (SDH) have them: `[laughter]`, `[3 s of silence]`.

A sound has a cue of its own where there is time to read it, else a line of the nearest cue that has one to spare.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecg_audio.analysis import Analysis, Event, EventKind
from ecg_audio.captions.phrases import CueWord, Line, Phrase, cut, line_text
from ecg_audio.captions.reading import CueSettings
from ecg_audio.captions.text import characters, width

ENGLISH = "en"
LATE_S = 1.0  # a sound that is shown so long after it was heard belongs to something else
MARKS = "[", "]"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound and what captions say of it."""

    start_s: float
    end_s: float
    text: str


Block = tuple[Line, ...]
"""The lines of one cue."""


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "sounds.toml").read_text("utf-8"))


def label(event: Event, language: str) -> str:
    """What captions in a language call an event, in brackets."""
    words: dict[EventKind, str] = {**_words()[ENGLISH], **_words().get(language, {})}  # type: ignore[dict-item]
    seconds = int(event.end_s - event.start_s)
    return words[event.kind].format(seconds=seconds).join(MARKS)


def sounds(analysis: Analysis) -> tuple[Sound, ...]:
    """The events of a result in the words of its captions' language; none where they were not looked for."""
    language = analysis.text_language
    return tuple(Sound(event.start_s, event.end_s, label(event, language)) for event in analysis.events or ())


def placed(
    spoken: Sequence[tuple[Phrase, ...]], heard: Sequence[Sound], settings: CueSettings
) -> list[tuple[float, float, Block]]:
    """What is to be shown and when: speech with the sounds between.

    Args:
        spoken: what is said, one group a cue, in order of time.
        heard: sounds, in order of time.
        settings: the bounds.

    Returns:
        Start and end of what each cue is about, and its lines, in order of time. A sound for which there is neither
        time nor a line to spare is in none.
    """
    blocks = [
        (
            min(phrase.start_s for phrase in group),
            max(phrase.end_s for phrase in group),
            tuple(line for phrase in group for line in phrase.lines),
        )
        for group in spoken
    ]
    for sound in heard:
        _place(sound, blocks, settings)
    return blocks


def _place(sound: Sound, blocks: list[tuple[float, float, Block]], settings: CueSettings) -> None:
    lines = _lines(sound, settings)
    after = next((index for index, block in enumerate(blocks) if block[0] > sound.start_s), len(blocks))
    start_s = sound.start_s
    if after:  # what stands there is read first
        before = blocks[after - 1]
        start_s = max(start_s, before[1], before[0] + _reading_s(before[2], settings) + settings.min_gap_s)
    until_s = blocks[after][0] - settings.min_gap_s if after < len(blocks) else start_s + settings.max_s
    needed_s = _reading_s(lines, settings)
    if start_s <= sound.end_s + LATE_S and until_s - start_s >= needed_s:
        blocks.insert(after, (start_s, max(start_s + needed_s, min(sound.end_s, until_s)), lines))
        return
    if len(lines) > 1 or settings.max_lines < 2:
        return
    if after < len(blocks) and blocks[after][0] <= sound.end_s + LATE_S and len(blocks[after][2]) == 1:
        first_s, last_s, said = blocks[after]
        blocks[after] = (first_s, last_s, (*lines, *said))
    elif after and blocks[after - 1][1] >= sound.start_s - LATE_S and len(blocks[after - 1][2]) == 1:
        first_s, last_s, said = blocks[after - 1]
        blocks[after - 1] = (first_s, last_s, (*said, *lines))


def _reading_s(lines: Block, settings: CueSettings) -> float:
    count = sum(characters(line_text(line)) for line in lines)
    return settings.reading_s(count, sum(map(len, lines)))


def _lines(sound: Sound, settings: CueSettings) -> Block:
    end_s = min(sound.end_s, sound.start_s + settings.max_s)
    # one word, so that it lights up whole; parts only where no line holds it
    parts = [sound.text] if width(sound.text, settings.wide) <= settings.line_width else sound.text.split()
    words = [
        CueWord(text=text, start_s=sound.start_s, end_s=end_s, spaced=bool(index), sound=True)
        for index, text in enumerate(parts)
    ]
    return cut(words, settings)[0].lines
