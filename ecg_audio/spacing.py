"""Where spaces stand between words: as the text they were taken from has them, else as their scripts are written."""

import re
from collections.abc import Sequence
from itertools import pairwise

RUNS_ON = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u2fff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]"  # Chinese, Japanese
)


def by_script(left: str, right: str) -> bool:
    """Whether a space stands between two words: not within scripts that run on, such as Chinese and Thai."""
    return not (RUNS_ON.match(left[-1:]) and RUNS_ON.match(right[:1]))


def before_each(words: Sequence[str], text: str) -> tuple[bool, ...]:
    """Whether a space stands before each word of a text; never before the first.

    Args:
        words: in the order of the text.
        text: what a recogniser wrote. Where the words are not all of it, their scripts decide.
    """
    found: list[bool] = []
    at = 0
    for word in words:
        begin = at
        while at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith(word, at):
            return (False, *(by_script(left, right) for left, right in pairwise(words)))
        found.append(bool(found) and at > begin)
        at += len(word)
    return tuple(found)


def joined(words: Sequence[str], spaced: Sequence[bool]) -> str:
    """The words as a text; no space before the first."""
    pairs = zip(words, spaced, strict=True)
    return "".join((" " if space and index else "") + word for index, (word, space) in enumerate(pairs))
