"""Letters as readers count them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.graphemes import clusters


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("cafe\u0301", ["c", "a", "f", "e\u0301"]),
        ("👩\u200d👩\u200d👧!", ["👩\u200d👩\u200d👧", "!"]),
        ("เกี่ยว", ["เกี่", "ย", "ว"]),  # a vowel before its consonant, two marks above it
        ("กำลัง", ["กำ", "ลั", "ง"]),
        ("ເຮົາ", ["ເຮົາ"]),
        ("ကျွန်", ["ကျွ", "န်"]),
        ("ပတ္တမြား", ["ပ", "တ္တ", "မြား"]),  # a consonant below another
        ("ប្រជុំ", ["ប្រ", "ជុំ"]),
        ("한국어", ["한", "국", "어"]),
        ("a\nb", ["a", "\n", "b"]),
        ("", []),
    ],
)
def test_letters_are_cut_whole(text: str, letters: list[str]) -> None:
    """Marks, joiners, vowels around a consonant and stacked consonants stay together."""
    assert clusters(text) == letters


@given(st.text(max_size=80))
def test_nothing_is_lost(text: str) -> None:
    """Whatever the text, its clusters are it, and none but the first begins with a combining mark."""
    found = clusters(text)
    assert "".join(found) == text
    assert not any(unicodedata.category(letter[0]).startswith("M") for letter in found[1:])
