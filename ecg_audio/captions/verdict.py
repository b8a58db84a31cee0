"""The verdict on captions: which cues break which bound, by what figure.

An error is the writer's: a line too long, a cue that could have stayed longer. Where people speak faster than one can
read, captions that keep every word can do nothing about it: such a cue is a warning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ecg_audio.captions.cues import Cue, CueSettings
from ecg_audio.captions.text import characters, width

ROUNDING_S = 0.0015  # formats write whole milliseconds
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken bound. `figure` and `bound` are in the rule's own unit."""

    cue: int  # from 1, as in the files
    start_s: float
    severity: Literal["error", "warning"]
    rule: str
    figure: float
    bound: float
    message: str


def violations(cues: Sequence[Cue], settings: CueSettings) -> list[Violation]:
    """Hold cues against bounds.

    Args:
        cues: in order of time.
        settings: the bounds.
    """
    return [found for index in range(len(cues)) for found in _of(cues, index, settings)]


def _of(cues: Sequence[Cue], index: int, settings: CueSettings) -> Iterator[Violation]:
    cue = cues[index]
    next_s = cues[index + 1].start_s if index + 1 < len(cues) else None
    shown_s = cue.end_s - cue.start_s
    could_s = settings.max_s if next_s is None else min(settings.max_s, next_s - settings.min_gap_s - cue.start_s)

    def found(rule: str, figure: float, bound: float, message: str, *, excuse: str = "") -> Violation:
        message = f"{message}: {excuse}" if excuse else message
        severity: Literal["error", "warning"] = "warning" if excuse else "error"
        return Violation(index + 1, cue.start_s, severity, rule, round(figure, 3), round(bound, 3), message)

    if len(cue.lines) > settings.max_lines:
        yield found("lines", len(cue.lines), settings.max_lines, "too many lines")
    widest = max(width(text, settings.wide) for text in cue.texts)
    if widest > settings.line_width + ROUNDING:
        yield found("line length", widest, settings.line_width, "a line is too long, in characters")
    if shown_s > settings.max_s + ROUNDING_S:
        yield found("longest time", shown_s, settings.max_s, "shown for too long, in seconds")
    if shown_s < settings.min_s - ROUNDING_S:
        excuse = "" if could_s >= settings.min_s + ROUNDING_S else "the next words come too soon"
        yield found("shortest time", shown_s, settings.min_s, "shown too briefly, in seconds", excuse=excuse)
    count, words = sum(map(characters, cue.texts)), 60 * len(cue.words)
    for rule, unit, amount, most, rounding in (
        ("reading speed", "characters a second", count, settings.max_cps, 0.05),
        ("words", "words a minute", words, settings.max_words_per_minute, 0.5),
    ):
        if most and amount / shown_s > most + rounding:
            avoidable = amount / most < could_s - ROUNDING_S and could_s > shown_s + 2 * ROUNDING_S
            excuse = "" if avoidable else "so fast was it said"
            yield found(rule, amount / shown_s, most, f"too fast to be read, in {unit}", excuse=excuse)
    if next_s is not None:
        gap_s = next_s - cue.end_s
        if gap_s < settings.min_gap_s - ROUNDING_S:
            yield found("gap", gap_s, settings.min_gap_s, "the next cue follows too closely, in seconds")
        elif settings.min_gap_s + ROUNDING_S < gap_s < settings.close_gap_s - ROUNDING_S:
            yield found(
                "flicker", gap_s, settings.close_gap_s, "a gap too short to rest in should be closed, in seconds"
            )
