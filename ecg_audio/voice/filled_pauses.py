"""Filled pauses: "um", "äh", "음" and their like, as far as somebody wrote them down."""

import re
import tomllib
from functools import cache
from pathlib import Path

from ecg_audio.voice.function_words import MARKS

_DRAWN_OUT = re.compile(r"(.)\1+")


@cache
def filled_pauses(language: str) -> frozenset[str]:
    """What fills pauses in a language (ISO 639), as `_plain` spells it; nothing where there is no list."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return frozenset(_plain(word) for word in table.get(language, "").split())


def is_filled_pause(text: str, language: str) -> bool:
    """Whether a word, as recognised or corrected, is one.

    >>> is_filled_pause("Ummm,", "en"), is_filled_pause("er", "en"), is_filled_pause("er", "de")
    (True, True, False)
    """
    return _plain(text) in filled_pauses(language)


def _plain(text: str) -> str:
    return _DRAWN_OUT.sub(r"\1", text.casefold().strip(MARKS + "、。，～"))
