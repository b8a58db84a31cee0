"""Words that hold sentences together and are said in passing: articles, pronouns, prepositions, auxiliaries."""

import tomllib
from functools import cache
from pathlib import Path

MARKS = ".,;:!?…-–—'\"“”‘’«»()[]"


@cache
def function_words() -> frozenset[str]:
    """All of the table: what is one in one language is seldom a weighty word of another."""
    table = tomllib.loads((Path(__file__).parent / "function_words.toml").read_text("utf-8"))
    return frozenset(word for words in table.values() for word in words.split())


def is_function_word(text: str) -> bool:
    """Whether a word, as recognised, is one."""
    return text.casefold().strip(MARKS).replace("\u2019", "'") in function_words()
