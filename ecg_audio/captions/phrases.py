"""What one speaker says, cut into parts that fit a cue, and the parts into lines.

Both cuts are the cheapest there are: the first by dynamic programming over all ways to cut a run of words, as
paragraphs are set (Knuth and Plass 1981), the second by trying every turn of a line.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

from ecg_audio import spacing
from ecg_audio.analysis import Emotion, SpokenWord
from ecg_audio.captions import breaks
from ecg_audio.captions.reading import CueSettings
from ecg_audio.captions.text import characters, width

DASH = "- "  # before each of two speakers' lines
ROUNDING = 1e-6  # widths of full-width characters are not whole
EACH_CUE = 1.5  # what a cue costs by itself: fewer, fuller cues are calmer
BRIEF_PER_S = 4.0  # per second below the shortest duration
DANGLING = 30.0  # a sentence that begins in a cue's last words and goes on in the next
DANGLING_WORDS = 3
HURRIED_CPS = 40.0  # beyond it nothing can be read, and cues had better follow sentences
HURRIED_PER_CPS = 0.4  # per character a second above the target; twice that above the bound
IMBALANCE = 5.0  # lines of quite different width
TORN = 1000.0  # no line turns inside a word unless the word is longer than a line
TOP_HEAVY = 0.3  # of two equal cuts, the one with the longer second line hides less of the picture


class CueWord(SpokenWord):
    """A word as it stands in a cue; `text` is cleaned. The pieces of a word too long for a line are words here."""

    emotion: Emotion | None = None
    spaced: bool = True  # whether a space stands before it, unless it begins a line
    continues: bool = False  # no line turns before it: it goes on with a word, or may not begin a line
    crowded: bool = False  # somebody else speaks at the same time
    sound: bool = False  # it is no word but the name of a sound: nobody says it


Line = tuple[CueWord, ...]


def line_text(line: Sequence[CueWord]) -> str:
    """The words of one line, with the spaces between them."""
    return "".join((" " if word.spaced and index else "") + word.text for index, word in enumerate(line))


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of what one speaker says, in lines; times are of its words."""

    lines: tuple[Line, ...]

    @property
    def start_s(self) -> float:
        """When its first word begins."""
        return self.lines[0][0].start_s

    @property
    def end_s(self) -> float:
        """When its last sound ends."""
        return max(word.end_s for line in self.lines for word in line)

    @property
    def speaker(self) -> str | None:
        """Who says it."""
        return self.lines[0][0].speaker


@dataclass(frozen=True, slots=True)
class NameRoom:
    """The room that is kept for the speaker's name on the upper line, in narrow characters."""

    first: float = 0.0  # of the first phrase
    others: float = 0.0  # of those after it


NO_NAME = NameRoom()


def cut(words: Sequence[CueWord], settings: CueSettings, name: NameRoom = NO_NAME) -> list[Phrase]:
    """Cut one speaker's uninterrupted words into phrases; where somebody else speaks too, into ones of one line.

    Args:
        words: in order, with starts that never go back.
        settings: the bounds.
        name: the room for the speaker's name.
    """
    run = _Run(words, settings, name)
    best = [0.0] + [inf] * len(words)  # cost of the cheapest cut of the first n words
    came_from = [0] * (len(words) + 1)
    for first in range(len(words)):
        for end in run.fitting(first):
            price = best[first] + run.price(first, end)
            if price < best[end]:
                best[end], came_from[end] = price, first
    phrases: list[Phrase] = []
    end = len(words)
    while end:
        phrases.append(Phrase(run.lines(came_from[end], end)))
        end = came_from[end]
    return phrases[::-1]


class _Run:
    """One speaker's words with what the cuts ask of them again and again."""

    def __init__(self, words: Sequence[CueWord], settings: CueSettings, name: NameRoom) -> None:
        self.words = words
        self.settings = settings
        self.name = name
        self.room = settings.line_width + ROUNDING
        # where each word begins and ends, were they all on one line; the space before a word is not yet it
        spaces = [1.0 if word.spaced else 0.0 for word in words]
        widths = (width(word.text, settings.wide) + space for word, space in zip(words, spaces, strict=True))
        self.ends = [0.0, *accumulate(widths)]
        self.begins = [end + space for end, space in zip(self.ends, spaces, strict=False)]
        self.counts = [0, *accumulate(characters(word.text) + word.spaced for word in words)]
        self.crowd = [0, *accumulate(word.crowded for word in words)]
        self.breaks = _break_costs(words)
        self.sentence_ends = [breaks.ends_sentence(word.text) for word in words]

    def width(self, first: int, end: int) -> float:
        """The room that words `first` to `end - 1` take on a line."""
        return self.ends[end] - self.begins[first]

    def upper_room(self, first: int) -> float:
        """The room for words on the upper line of a cue that begins with word `first`."""
        return self.room - (self.name.others if first else self.name.first)

    def fitting(self, first: int) -> Iterator[int]:
        """Where a cue that begins with word `first` can end; at least after that word."""
        end_s = start_s = self.words[first].start_s
        line_first, line, room = first, 1, self.upper_room(first)
        for last in range(first, len(self.words)):
            if last > line_first and self.width(line_first, last + 1) > room:
                line_first, line, room = last, line + 1, self.room
            end_s = max(end_s, self.words[last].end_s)
            crowded = self.crowd[last + 1] > self.crowd[first]
            alone = crowded and self.width(first, last + 1) > self.upper_room(first) - len(DASH)
            full = line > self.settings.max_lines or alone
            if last > first and (full or end_s - start_s > self.settings.max_s):
                return
            yield last + 1

    def price(self, first: int, end: int) -> float:
        """What it costs to show words `first` to `end - 1` as one cue."""
        settings = self.settings
        start_s = self.words[first].start_s
        if end < len(self.words):  # it stays until the next cue comes
            shown_s = min(self.words[end].start_s - start_s, settings.max_s)
        else:
            shown_s = max(self.words[end - 1].end_s - start_s, settings.min_s)
        named = self.room - self.upper_room(first)
        cps = (self.counts[end] - self.counts[first] + named) / max(shown_s, 0.1)
        hurry = max(0.0, cps - settings.target_cps) + max(0.0, cps - settings.max_cps)
        price = EACH_CUE + self.breaks[end - 1] + BRIEF_PER_S * max(0.0, settings.min_s - shown_s)
        price += HURRIED_PER_CPS * min(hurry, HURRIED_CPS)
        if self._dangles(first, end):
            price += DANGLING
        if turns := self._turns(first, end):
            price += min(self.breaks[turns.start - 1 : turns.stop - 1])
        return price

    def _dangles(self, first: int, end: int) -> bool:
        """Whether a sentence begins in the last words of such a cue and goes on in the next one."""
        if end == len(self.words) or self.sentence_ends[end - 1]:
            return False
        return any(self.sentence_ends[max(first, end - 1 - DANGLING_WORDS) : end - 1])

    def lines(self, first: int, end: int) -> tuple[Line, ...]:
        """Set words `first` to `end - 1` in one line if they fit, else in the two that read best."""
        words = tuple(self.words[first:end])
        turns = self._turns(first, end)
        if not turns:
            return (words,)
        turn = min(turns, key=lambda turn: self._slant(first, turn, end)) - first
        return words[:turn], words[turn:]

    def _turns(self, first: int, end: int) -> range:
        """The words that can begin a second line; none where one line is enough."""
        upper = self.upper_room(first)
        if self.width(first, end) <= upper:
            return range(0)
        # no further than the upper line reaches, no earlier than the lower one can take the rest
        stop = bisect_right(self.ends, self.begins[first] + upper, first + 1, end)
        start = bisect_left(self.begins, self.ends[end] - self.room, first + 1, end)
        return range(start, stop)

    def _slant(self, first: int, turn: int, end: int) -> float:
        named = self.room - self.upper_room(first)
        slant = (named + self.width(first, turn) - self.width(turn, end)) / self.room
        return self.breaks[turn - 1] + IMBALANCE * slant**2 + (TOP_HEAVY if slant > 0 else 0.0)


def _break_costs(words: Sequence[CueWord]) -> list[float]:
    found: list[float] = []
    sentence_starts = True
    for left, right in pairwise(words):
        pause_s = right.start_s - left.end_s
        apart = right.spaced and not spacing.by_script(left.text, right.text)
        cost = breaks.cost(left.text, right.text, pause_s, starts_sentence=sentence_starts, apart=apart)
        found.append(TORN if right.continues else cost)
        sentence_starts = breaks.ends_sentence(left.text)
    return [*found, 0.0]
