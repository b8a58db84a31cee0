"""Words as they are written and read, and where a line may turn between them, in every script.

What a recogniser calls a word is in Thai often a phrase, in Japanese often less than a word. ICU knows the words of
Thai, Lao, Burmese, Khmer and Chinese, and which characters may neither begin nor end a line (UAX 14, strict: what
Japanese calls kinsoku); BudouX knows the phrases that Japanese is read in, which are the words here.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise

import budoux
from icu4py.breakers import LineBreaker, WordBreaker

from ecg_audio.analysis import LOOPING, SpokenWord, Timing
from ecg_audio.captions.text import clean
from ecg_audio.graphemes import clusters
from ecg_audio.spacing import RUNS_ON

_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
_LEAST: tuple[Timing, ...] = ("aligned", "engine", "interpolated")  # the surest first


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as it is written: its text is cleaned, its times and measures are those of its parts."""

    word: SpokenWord
    spaced: bool  # whether a space stands before it
    turns: bool  # whether a line may turn before it


@lru_cache(maxsize=1024)
def boundaries(text: str) -> frozenset[int]:
    """The places, counted in characters, at which a word ends and a line may turn; in Japanese, a phrase.

    The end of the text is one, its start is not. Text with spaces turns at spaces alone; a place is then the first
    letter after them.

    >>> sorted(boundaries("good day"))
    [5, 8]
    """
    if not RUNS_ON.search(text):
        return frozenset(match.end() for match in re.finditer(r"\s+|$", text) if match.end())
    # letters are whole (a mark after a space is none), and what begins or ends a line may do so, in every script
    turns = set(accumulate(map(len, clusters(text)))) & _ends(LineBreaker(text, "ja@lb=strict"))
    words = set(accumulate(map(len, _japanese().parse(text)))) if _KANA.search(text) else _ends(WordBreaker(text, ""))
    return frozenset(turns & (words | {len(text)}))


@cache
def _japanese() -> budoux.Parser:
    return budoux.load_default_japanese_parser()


def _ends(parts: LineBreaker | WordBreaker) -> set[int]:
    return {end for _, end in parts.segments()}


def written(words: Sequence[SpokenWord], spaced: Sequence[bool]) -> Iterator[WrittenWord]:
    """What a recogniser took for words, as words that are written so; what has no visible text is left out.

    Args:
        words: in the order of the text.
        spaced: whether a space stands before each.

    Yields:
        In scripts without spaces the words of the language, elsewhere the recogniser's. A word that was put together
        has the voice of its longest part and the mean confidence over its letters; one whose edge lies inside a part
        has its share of the part's time and says that it is interpolated.
    """
    parts: list[tuple[int, SpokenWord]] = []  # where each begins in the text
    apart: set[int] = set()  # where a space stands, or what follows has nothing to do with what was before
    text, space = "", False
    for word, stands in zip(words, spaced, strict=True):
        space = space or stands
        shown = clean(word.text)
        if not shown:
            continue
        before = parts[-1][1] if parts else word
        text += " " if space and parts else ""
        if space or before.speaker != word.speaker or (before.suspect == LOOPING) != (word.suspect == LOOPING):
            apart.add(len(text))
        parts.append((len(text), word.model_copy(update={"text": shown})))
        text, space = text + shown, False
    turns = boundaries(text)
    starts = {start for start, _ in parts}
    if RUNS_ON.search(text):
        edges = {at for at in turns if _runs_on(text, at) or at in starts} | apart
        edges |= {at for at in starts if not _runs_on(text, at)}
    else:
        edges = starts
    for begin, end in pairwise(sorted(edges | {0, len(text)})):
        solid = text[begin:end].strip()
        if not solid:
            continue
        first = text.index(solid, begin)
        yield WrittenWord(_joined(parts, solid, first), text[max(0, first - 1)] == " ", not first or first in turns)


def _runs_on(text: str, at: int) -> bool:
    """Whether the letters on one side of a place belong to a script that runs on."""
    return bool(RUNS_ON.match(text[at - 1 : at]) or RUNS_ON.match(text[at : at + 1]))


def _joined(parts: Sequence[tuple[int, SpokenWord]], text: str, first: int) -> SpokenWord:
    """The word that begins at `first`."""
    last = first + len(text)
    near = parts[max(0, bisect_right(parts, first, key=_start) - 1) : bisect_left(parts, last, key=_start)]
    own = [(start, word) for start, word in near if first < start + len(word.text)]
    if len(own) == 1 and own[0][1].text == text:
        return own[0][1]
    (begin, begins), (end, ends) = own[0], own[-1]
    torn = begin < first or end + len(ends.text) > last
    longest = max((word for _, word in own), key=lambda word: word.end_s - word.start_s)
    sure = [(len(word.text), word.confidence) for _, word in own if word.confidence is not None]
    return longest.model_copy(
        update={
            "text": text,
            "start_s": begins.start_s + _share(first - begin, begins),
            "end_s": ends.start_s + _share(last - end, ends),
            "timing": "interpolated" if torn else max((word.timing for _, word in own), key=_LEAST.index),
            "confidence": sum(n * value for n, value in sure) / sum(n for n, _ in sure) if sure else None,
            "suspect": next((word.suspect for _, word in own if word.suspect), None),
        }
    )


def _start(part: tuple[int, SpokenWord]) -> int:
    return part[0]


def _share(letters: int, word: SpokenWord) -> float:
    return (word.end_s - word.start_s) * min(1.0, max(0, letters) / len(word.text))
