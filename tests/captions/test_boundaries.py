"""Where lines may turn: at words in scripts without spaces, never before or after what Japanese rules forbid."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import SpokenWord
from ecg_audio.captions.boundaries import boundaries, written
from ecg_audio.graphemes import clusters

# parts as a dictionary of each language has them
WRITTEN = {
    "th": "ฉัน บอก คุณ แล้ว ว่า อย่า เปิด ประตู บาน นั้น",
    "lo": "ຂ້ອຍ ບອກ ເຈົ້າ ແລ້ວ ວ່າ ຢ່າ ເປີດ ປະຕູ",
    "km": "ខ្ញុំ បាន ប្រាប់ អ្នក ថា កុំ បើកទ្វារ នោះ",
    "my": "အဲဒီ တံခါး ကို ဘယ်တော့ မှ မ ဖွင့် ပါ နဲ့",
    "zh": "我 告诉 过 你 永远 不要 打开 那 扇 门， 你 为什么 不 听 呢？",
    "ja": "私は あなたに その ドアを 決して 開けないように",
}
# JIS X 4051: what may not begin, and what may not end a line
NOT_FIRST = "、。，．・：；？！ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々」』）】〉》”’％"
NOT_LAST = "「『（【〈《“‘￥＄"


def parted(text: str) -> list[str]:
    """The text, cut wherever a line may turn."""
    cuts = [0, *sorted(boundaries(text))]
    return [text[first:last] for first, last in pairwise(cuts)]


@pytest.mark.parametrize("language", WRITTEN)
def test_lines_turn_at_words(language: str) -> None:
    """Text that runs on is parted where its words end."""
    assert parted(WRITTEN[language].replace(" ", "")) == WRITTEN[language].split()


def test_spaces_part_everything_else() -> None:
    """Korean, Arabic and English turn at their spaces alone, whatever else Unicode would allow."""
    for text in ("내가 그 문을 열지 말라고", "قلت لك ألا تفتح", "a well-known and/or 3.5 (so)"):
        assert [part.strip() for part in parted(text)] == text.split()


@settings(deadline=None)
@given(st.text("あいっょーン漢字、。「」『』（）！？・々ドアを開けて12ab ", min_size=1, max_size=40))
def test_no_line_begins_or_ends_with_what_is_forbidden(text: str) -> None:
    """Whatever is written, the rules for the ends of Japanese lines hold, and no letter is torn from its marks."""
    text = " ".join(text.split())
    for at in boundaries(text):
        if 0 < at < len(text) and text[at - 1] != " ":
            assert text[at] not in NOT_FIRST and text[at - 1] not in NOT_LAST


@settings(deadline=None)
@given(st.text("กขคงจฉชเแโไใำะาิีึืุูั็่้๊๋์ๆฯ ", min_size=1, max_size=40))
def test_thai_letters_keep_their_marks(text: str) -> None:
    """No part of a Thai text begins inside a letter."""
    text = " ".join(text.split())
    whole, at = {0}, 0
    for cluster in clusters(text):
        at += len(cluster)
        whole.add(at)
    assert boundaries(text) <= whole


def spoken(*texts: str, **fields: object) -> list[SpokenWord]:
    """Words of a second each, one after the other."""
    return [SpokenWord(text=text, start_s=at, end_s=at + 1, **fields) for at, text in enumerate(texts)]  # type: ignore[arg-type]


def test_words_of_a_recogniser_are_cut_and_joined() -> None:
    """A phrase is cut into its words, pieces are put together; times, confidence and voice are those of the parts."""
    found = [one.word for one in written(spoken("ฉันบอกคุณ", "แล้ว", timing="aligned"), [False] * 2)]
    assert [word.text for word in found] == ["ฉัน", "บอก", "คุณ", "แล้ว"]
    assert [word.timing for word in found] == ["interpolated"] * 3 + ["aligned"]
    assert [round(word.start_s, 3) for word in found] == [0, 0.333, 0.667, 1]
    pieces = spoken("プロ", "グラ", "ミング", timing="engine", confidence=0.5)
    pieces[2] = pieces[2].model_copy(update={"end_s": 4.0, "confidence": 1.0, "suspect": "why"})
    (one,) = written(pieces, [False] * 3)
    word = one.word
    assert (word.text, word.start_s, word.end_s, word.timing, word.suspect) == ("プログラミング", 0, 4, "engine", "why")
    assert word.confidence == pytest.approx((2 * 0.5 + 2 * 0.5 + 3 * 1.0) / 7)


def test_other_words_stay_as_they_are() -> None:
    """Where words have spaces, they are the recogniser's; no line turns before one that is written to the last."""
    said = spoken("don", "'t", "", "go", "\u200b")
    found = list(written(said, [False, False, True, False, False]))
    assert [(one.word.text, one.spaced, one.turns) for one in found] == [
        ("don", False, True),
        ("'t", False, False),
        ("go", True, True),
    ]
    assert found[0].word == said[0]


def test_speakers_are_never_joined() -> None:
    """Two halves of a word that two people are said to have said stay two."""
    halves = [
        word.model_copy(update={"speaker": who}) for word, who in zip(spoken("プロ", "グラム"), "AB", strict=True)
    ]
    assert [one.word.text for one in written(halves, [False, False])] == ["プロ", "グラム"]
