"""Spaces between words."""

from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.spacing import before_each, by_script, joined


def test_spaces_are_those_of_the_text() -> None:
    """Japanese has none, Korean has its own, Thai has them between phrases only."""
    assert before_each(["今日", "は", "晴れ"], "今日は晴れ") == (False, False, False)
    assert before_each(["안녕하세요", "오늘"], "안녕하세요 오늘") == (False, True)
    assert before_each(["สวัสดี", "ครับ", "วันนี้"], "สวัสดีครับ วันนี้") == (False, False, True)
    assert before_each([], "") == ()


def test_where_the_words_are_not_the_text_their_scripts_decide() -> None:
    """A space between words of scripts that write one; none within Chinese, Japanese, Thai, Lao, Burmese, Khmer."""
    assert before_each(["你", "好", "OK", "go"], "???") == (False, False, True, True)
    assert not by_script("です", "。") and not by_script("ครับ", "ผม") and not by_script("ខ្ញុំ", "ទៅ")
    assert by_script("한국어", "말") and by_script("😀", "😀") and by_script("我", "love") and by_script("", "a")


@given(st.text(max_size=80))
def test_words_of_a_text_make_it_again(text: str) -> None:
    """Split at its spaces and joined again, only the kind and number of the spaces is lost."""
    words = text.split()
    assert joined(words, before_each(words, text)) == " ".join(words)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1), max_size=10), st.data()
)
def test_any_spacing_is_found_again(words: list[str], data: st.DataObject) -> None:
    """Whichever words a recogniser runs together."""
    spaced = tuple(bool(index) and data.draw(st.booleans()) for index in range(len(words)))
    assert before_each(words, joined(words, spaced)) == spaced
