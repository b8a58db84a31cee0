"""Recognised text is a stranger's: only its letters are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.captions.text import clean, joined, pieces, runs_leftwards, width


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("two\nlines\r\nhere", "two lines here"),
        ("bell\x07 null\x00 escape\x1b[31m", "bell null escape [31m"),
        ("evil\u202etxt.exe\u202c", "eviltxt.exe"),
        ("iso\u2066lated\u2069", "isolated"),
        ("line\u2028sep\u2029", "line sep"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("👩\u200d👩\u200d👧 🏴\U000e0067\U000e0062\U000e007f", "👩\u200d👩\u200d👧 🏴\U000e0067\U000e0062\U000e007f"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("e\u0301", "é"),
        ("half\ud800surrogate", "halfsurrogate"),
    ],
)
def test_clean_keeps_letters_and_nothing_that_acts(given_text: str, shown: str) -> None:
    """Controls, overrides and line breaks go; joiners that spell words and emoji stay."""
    assert clean(given_text) == shown


@given(st.text())
def test_clean_text_is_one_line_and_encodes(text: str) -> None:
    """Whatever comes in, what goes out is one line of UTF-8 without control characters, and stays as it is."""
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8") or not shown
    assert not any(ord(character) < 32 for character in shown)
    assert clean(shown) == shown


@given(st.text(min_size=1), st.floats(4, 60))
def test_pieces_lose_nothing_and_fit(text: str, room: float) -> None:
    """The pieces of a word make up the word, and each fits unless it is a single character."""
    text = clean(text)
    found = pieces(text, room, 2.0)
    assert "".join(found) == text
    assert all(width(piece, 2.0) <= room for piece in found)


def test_full_width_characters_take_more_room() -> None:
    """A Korean syllable takes the room of several Latin letters, a combining mark none."""
    assert width("한", 2.5) == 2.5
    assert width("ab", 2.5) == 2
    assert width("e\u0323\u0334", 2.5) == 1


@pytest.mark.parametrize(
    ("text", "is_joined", "leftwards"),
    [
        ("مرحبا", True, True),
        ("שלום", False, True),
        ("नमस्ते", True, False),
        ("สวัสดี", True, False),
        ("ខ្ញុំ", True, False),
        ("ẹ̀", True, False),
        ("한국어", False, False),
        ("開ける", False, False),
        ("hello", False, False),
        ("12 %", False, False),
    ],
)
def test_scripts_are_known_by_their_letters(text: str, is_joined: bool, leftwards: bool) -> None:
    """Arabic, Devanagari and Thai letters are joined or have marks, Arabic and Hebrew run leftwards, digits neither."""
    assert (joined(text), runs_leftwards(text)) == (is_joined, leftwards)
