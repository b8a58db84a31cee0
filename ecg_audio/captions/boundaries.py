"""Where a line may turn in a text without tearing a word, also in scripts that put no spaces between words.

ICU knows the words of Thai, Lao, Burmese and Khmer and of Chinese and Japanese, the phrases that Japanese is read in,
and which characters may neither begin nor end a line (UAX 14, strict: what Japanese calls kinsoku).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from icu4py.breakers import LineBreaker, WordBreaker

from ecg_audio.spacing import RUNS_ON

_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d]")


@lru_cache(maxsize=1024)
def boundaries(text: str) -> frozenset[int]:
    """The places, counted in characters, at which a line may turn; the end of the text is one, its start is not.

    Text with spaces turns at spaces alone; a place is then the first letter after them.
    """
    if not RUNS_ON.search(text):
        return frozenset(match.end() for match in re.finditer(r"\s+|$", text) if match.end())
    language = "ja" if _KANA.search(text) else ""
    kept = "@lb=strict;lw=phrase" if language else "@lb=strict"
    turns = {end for _, end in LineBreaker(text, language + kept).segments()}
    if language:
        return frozenset(turns)
    return frozenset(turns & ({end for _, end in WordBreaker(text, language).segments()} | {len(text)}))


def at_words(words: Sequence[str], spaced: Sequence[bool]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """For each word: whether a line may turn before it, and its parts, between which a line may turn too.

    What a recogniser calls a word is in Thai often a phrase, in Japanese often less than a word.

    Args:
        words: in the order of the text.
        spaced: whether a space stands before each.
    """
    text = ""
    starts = []
    for word, space in zip(words, spaced, strict=True):
        text += " " if space and text else ""
        starts.append(len(text))
        text += word
    turns = boundaries(text)
    for start, word in zip(starts, words, strict=True):
        inside = (at for at in range(1, len(word)) if start + at in turns and RUNS_ON.match(word[at - 1]))
        parts = tuple(word[first:last] for first, last in pairwise([0, *inside, len(word)]))
        yield not start or start in turns, parts
