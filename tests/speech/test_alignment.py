"""Times for every word, whatever an aligner found."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Span
from ecg_audio.speech.alignment import UNSPACED, Piece, gathered, worded, words

WITHIN = Span(start_s=10.0, end_s=12.0)


def piece(text: str, start_s: float, end_s: float, score: float | None = 0.5) -> Piece:
    """A timed piece."""
    return Piece(text, Span(start_s=start_s, end_s=end_s), score)


times_s = st.floats(0, 30, allow_nan=False)
pieces = st.builds(
    lambda text, times, score: Piece(text, Span(start_s=min(times), end_s=max(times)), score) if times else Piece(text),
    st.text(min_size=1, max_size=12),
    st.none() | st.tuples(times_s, times_s),
    st.none() | st.floats(-1, 2, allow_nan=False),
)


@given(st.lists(pieces, max_size=40), st.sampled_from([1, 100]), times_s, times_s)
def test_every_word_lies_inside_its_utterance_and_after_the_one_before(
    found: list[Piece], times: int, one_s: float, other_s: float
) -> None:
    """Whatever is found, for none to thousands of words: start <= end, inside, monotone, and truly marked."""
    found = found * times
    within = Span(start_s=round(min(one_s, other_s), 3), end_s=round(max(one_s, other_s), 3))
    timed = words(found, within, "aligned")
    assert [word.text for word in timed] == [piece.text for piece in found]
    assert all(within.start_s <= word.start_s <= word.end_s <= within.end_s for word in timed)
    assert all(before.end_s <= after.start_s for before, after in pairwise(timed))
    for word, one in zip(timed, found, strict=True):
        assert word.timing == ("interpolated" if one.span is None else "aligned")
        assert word.confidence is None or (one.span is not None and 0 <= word.confidence <= 1)


def test_times_that_are_sound_are_kept() -> None:
    """Words that lie in order inside the utterance keep their own times and scores."""
    timed = words([piece("good", 10.1, 10.5, 0.9), piece("day", 10.6, 11.0, None)], WITHIN, "engine")
    assert [(word.start_s, word.end_s, word.confidence, word.timing) for word in timed] == [
        (10.1, 10.5, 0.9, "engine"),
        (10.6, 11.0, None, "engine"),
    ]


def test_a_word_without_times_gets_the_gap_between_its_neighbours() -> None:
    """Numerals between aligned words share the gap by their length, marked and without a confidence."""
    timed = words(
        [piece("about", 10.0, 10.4), Piece("1"), Piece("000"), piece("people", 10.8, 11.4)], WITHIN, "aligned"
    )
    assert [(word.start_s, word.end_s, word.timing, word.confidence) for word in timed[1:3]] == [
        (10.4, 10.5, "interpolated", None),
        (10.5, 10.8, "interpolated", None),
    ]


def test_words_without_times_at_the_ends_reach_to_the_ends_of_the_utterance() -> None:
    """Where there is no neighbour on a side, the utterance's own bound takes its place."""
    timed = words([Piece("5"), piece("apples", 10.5, 11.5), Piece("%")], WITHIN, "aligned")
    assert (timed[0].start_s, timed[0].end_s) == (10.0, 10.5)
    assert (timed[2].start_s, timed[2].end_s) == (11.5, 12.0)


def test_pieces_are_put_together_into_words() -> None:
    """A word of several tokens runs from the first to the last and has their letters' mean score."""
    found = gathered(
        "Hello, you.", [piece("He", 0, 1, 1.0), piece("llo,", 1, 2, 0.5), Piece(" you"), piece(".", 3, 4, 0.2)], "en"
    )
    assert found == [
        Piece("Hello,", Span(start_s=0, end_s=2), (2 * 1.0 + 4 * 0.5) / 6),
        Piece("you.", Span(start_s=3, end_s=4), 0.2),
    ]


def test_where_no_spaces_are_written_the_pieces_are_the_words() -> None:
    """Japanese tokens are words of their own; in Korean, which has spaces, they are not."""
    assert [one.text for one in gathered("今日は", [piece("今日", 0, 1), piece("は", 1, 2)], "ja")] == ["今日", "は"]
    assert [one.text for one in gathered("오늘은 날", [piece("오늘", 0, 1), Piece("은 날")], "ko")] == ["오늘은", "날"]


def cut(text: str, data: st.DataObject) -> list[Piece]:
    """The text in pieces, cut anywhere."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [Piece(text[a:b]) for a, b in pairwise([0, *cuts, len(text)])]


@given(st.text(max_size=60), st.data())
def test_gathering_keeps_every_word_of_the_text(text: str, data: st.DataObject) -> None:
    """However an engine cuts the text into pieces, the words are those of the text, each with a letter or a digit."""
    found = [one.text for one in gathered(text, cut(text, data), "en")]
    assert all(any(letter.isalnum() for letter in word) for word in found)
    assert " ".join(found).split() == (text.split() if found else [])
    if not found:
        assert not any(letter.isalnum() for letter in text)


SENTENCES = {
    # as Whisper's tokens cut them, between bytes of the same letter joined: "it is today", "the week after"
    "th": "สัปดาห์หน้าที่กรุงเทพมหานครและเชียงใหม่",
    "lo": "ມື້ນີ້ພວກເຮົາຈະມາເວົ້າກ່ຽວກັບກອງປະຊຸມ",
    "my": "ယနေ့ကျွန်ုပ်တို့သည်အစည်းအဝေးအကြောင်းပြောကြပါမည်",
    "km": "ថ្ងៃនេះយើងនឹងនិយាយអំពីកិច្ចប្រជុំ",
}


@pytest.mark.parametrize("language", SENTENCES)
@given(data=st.data())
def test_no_word_begins_with_a_combining_mark(language: str, data: st.DataObject) -> None:
    """Thai, Lao, Burmese and Khmer letters stay with their marks wherever tokens cut them, and none is lost."""
    text = SENTENCES[language]
    found = gathered(text, cut(text, data), language)
    assert "".join(one.text for one in found) == text
    assert not any(unicodedata.category(one.text[0]) in ("Mn", "Mc") for one in found)


def test_a_word_of_joined_pieces_has_all_their_time() -> None:
    """A Thai letter whose marks came as tokens of their own lasts from the first to the last."""
    found = gathered("ที่นี่", [piece("ท", 0, 1, 1.0), piece("ี", 1, 2, 0.4), piece("่นี่", 2, 3, 0.5)], "th")
    assert [(one.text, one.span) for one in found] == [("ที่นี่", Span(start_s=0, end_s=3))]


def test_what_has_no_letter_is_no_word() -> None:
    """Dashes and notes go with the word before, and keep nobody's time; at the start they go with the first word."""
    said = [piece("–", 0, 1), piece("well", 1, 2), piece("...", 2, 4), piece("yes", 4, 5), piece("♪", 5, 6)]
    assert worded(said, "en") == [piece("– well ...", 1, 2), piece("yes ♪", 4, 5)]
    assert worded([piece("「", 0, 1), piece("今日", 1, 2), piece("。", 2, 3)], "ja") == [piece("「今日。", 1, 2)]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_text_without_any_word_has_none(language: str) -> None:
    """Whisper's dots over noise are nothing that somebody said."""
    assert worded([piece(".", 0, 1), piece("...", 1, 2), piece("♪♪", 2, 3)], language) == []
    assert gathered(". . .", [piece(" .", 0, 1), piece(" .", 1, 2), piece(" .", 2, 3)], language) == []


def test_languages_that_are_written_without_spaces() -> None:
    """Khmer is one of them; Korean and Vietnamese are not."""
    assert {"th", "lo", "my", "km", "ja", "zh"} <= UNSPACED
    assert not {"ko", "vi", "en"} & UNSPACED
