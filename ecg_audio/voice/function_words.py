"""Words that hold sentences together and are said in passing: articles, pronouns, prepositions, auxiliaries."""

import tomllib
from functools import cache
from pathlib import Path

MARKS = ".,;:!?…-–—'\"“”‘’«»()[]"


NONE: frozenset[str] = frozenset()


@cache
def function_words() -> dict[str, frozenset[str]]:
    """The words of each language that has a list, by its ISO 639 code: German's `die` is a weighty word of English."""
    table = tomllib.loads((Path(__file__).parent / "function_words.toml").read_text("utf-8"))
    return {language: frozenset(words.split()) for language, words in table.items()}


def is_function_word(text: str, language: str | None) -> bool:
    """Whether a word, as recognised, is one; never in a language that is unknown or has no list."""
    words = function_words().get(language or "", NONE)
    return text.casefold().strip(MARKS).replace("\u2019", "'") in words
