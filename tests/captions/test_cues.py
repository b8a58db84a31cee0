"""Cues: what fits a line, what is shown how long, and that nothing is lost."""

import unicodedata
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import LOOPING, Emotion, Segment, SpokenWord
from ecg_audio.captions.cues import Cue, CueSettings, cues, left_out
from ecg_audio.captions.names import NAMES, Names, displayed
from ecg_audio.captions.text import clean, width
from tests.captions.conftest import Talk, make_segment

LATIN = st.text("abcdefghijklmnopqrstuvwxyzABC.,?!'éß", min_size=1, max_size=14)
HANGUL = st.text("가나다라마바사아자차카타파하한국어말", min_size=1, max_size=7)
HAN = st.text("的一是不了人我在有他这中大来上国。，", min_size=1, max_size=4)
HOSTILE = st.text(min_size=0, max_size=60)


@st.composite
def transcripts(draw: st.DrawFn) -> tuple[Segment, ...]:
    """Random segments of up to three speakers that may overlap, with words of one script in any rhythm."""
    texts = draw(st.sampled_from([LATIN, HANGUL, HAN, HOSTILE]))
    duration = st.floats(0, 3) if draw(st.booleans()) else st.floats(0.05, 0.6)
    segments = []
    at_s = 0.0
    for index in range(draw(st.integers(0, 6))):
        speaker = draw(st.sampled_from(["A", "B", None]))
        at_s = max(0.0, at_s + draw(st.floats(-3, 2)))
        start_s = at_s
        words = []
        for text in draw(st.lists(texts, min_size=1, max_size=25)):
            at_s += draw(st.sampled_from([0.0, 0.05, 0.4, 1.5]))
            word_s = draw(duration)
            words.append(SpokenWord(text=text, start_s=at_s, end_s=at_s + word_s, speaker=speaker))
            at_s += word_s
        text = " ".join(word.text for word in words)
        segments.append(Segment(id=index, start_s=start_s, end_s=at_s, speaker=speaker, text=text, words=tuple(words)))
    return tuple(segments)


def letters(text: str) -> str:
    """`text` without spaces, for comparing what was said with what is shown."""
    return "".join(text.split())


@settings(max_examples=80, deadline=None)
@given(transcripts())
def test_every_cue_keeps_the_bounds(segments: tuple[Segment, ...]) -> None:
    """Lines fit, there are at most two, cues last up to 7 s, and between two is a gap that can be seen."""
    for mode in NAMES:
        _check_bounds(cues(segments, CueSettings(names=mode)))


def _check_bounds(found: tuple[Cue, ...]) -> None:
    bounds = CueSettings()
    for cue in found:
        assert 1 <= len(cue.lines) <= 2
        assert all(width(text, bounds.wide) <= bounds.line_width + 1e-6 for text in cue.texts)
        assert 0.25 < cue.end_s - cue.start_s <= bounds.max_s + 1e-6
        assert len(cue.speakers) == 1 or len(cue.speakers) == len(cue.lines)
        assert all(len({word.speaker for word in line}) == 1 for line in cue.lines)
    for before, after in pairwise(found):
        gap_s = after.start_s - before.end_s
        assert gap_s >= bounds.min_gap_s - 1e-6


@settings(max_examples=80, deadline=None)
@given(transcripts())
def test_every_word_is_shown_once_and_in_order(segments: tuple[Segment, ...]) -> None:
    """Each speaker's visible words appear exactly once, in the order in which they were said."""
    found = cues(segments)
    ordered = sorted(segments, key=lambda segment: segment.start_s)
    for speaker in ("A", "B", None):
        own = [segment for segment in ordered if segment.speaker == speaker]
        said = [letters(clean(word.text)) for segment in own for word in segment.words]
        shown = [letters(word.text) for cue in found for word in cue.words if word.speaker == speaker]
        overlapping = any(b.start_s < a.end_s for a, b in combinations(own, 2))
        if overlapping:  # one speaker's own segments at the same time: all is there, in some order
            assert sorted("".join(shown)) == sorted("".join(said))
        else:
            assert "".join(shown) == "".join(said)


@settings(max_examples=20, deadline=None)
@given(transcripts())
def test_cueing_is_repeatable(segments: tuple[Segment, ...]) -> None:
    """The same segments give the same cues."""
    assert cues(segments) == cues(segments)


def texts(found: tuple[Cue, ...]) -> list[tuple[str, ...]]:
    """What is on screen, cue by cue."""
    return [cue.texts for cue in found]


def test_long_sentence_turns_at_clause_and_balances(talk: Talk) -> None:
    """A sentence of two lines turns at its comma, not after an article or inside a name."""
    found = cues((talk("When I finally met Mr. John Smith, he had the key to the house in his hand.", word_s=0.35),))
    assert texts(found) == [("When I finally met Mr. John Smith,", "he had the key to the house in his hand.")]


@pytest.mark.parametrize("phrase", ["New York City", "3,500 40 %", "Dr. Watson", "$ 20"])
def test_names_and_numbers_stay_together(talk: Talk, phrase: str) -> None:
    """No cue and no line ends inside a name or a number."""
    filler = "we talked for quite a while before going "
    for repeats in range(1, 4):
        for shift in range(6):
            text = "so " * shift + filler * repeats + phrase + " and then came home again with nothing"
            shown = [line for cue in cues((talk(text),)) for line in cue.texts]
            assert any(phrase in line for line in shown), shown


def test_pause_ends_a_cue(talk: Talk) -> None:
    """Words on either side of a long silence are not shown together."""
    found = cues((talk("this is before"), talk("and this after", 4.0)))
    assert texts(found) == [("this is before",), ("and this after",)]
    assert found[0].end_s < 2.5


def test_short_segments_of_one_speaker_share_a_cue(talk: Talk) -> None:
    """What one speaker says without a pause is one caption, however recognition cut it."""
    found = cues((talk("Yes.", 0.0), talk("I know him.", 0.5)))
    assert texts(found) == [("Yes. I know him.",)]


def test_two_at_once_share_a_cue_with_dashes(talk: Talk) -> None:
    """Two people who speak at the same time get a line and a dash each."""
    found = cues((talk("I never said that at all", 0.0, speaker="A"), talk("Oh yes you did", 0.6, speaker="B")))
    assert texts(found) == [("- A: I never said that at all", "- B: Oh yes you did")]
    assert found[0].speakers == ("A", "B")


def test_interjection_leaves_the_rest_in_two_lines(talk: Talk) -> None:
    """Somebody's "mhm" in a long speech is shown beside the words it falls on; the others keep their two lines."""
    speech = " ".join(["we should think about what that means for everybody here"] * 4)
    found = cues((talk(speech, 0.0, speaker="A"), talk("mhm", 6.0, speaker="B")))
    assert [cue.speakers for cue in found].count(("A", "B")) == 1
    (shared,) = [cue for cue in found if cue.dashed]
    assert shared.start_s <= 6.0 <= shared.end_s
    assert any(len(cue.lines) == 2 for cue in found if not cue.dashed)


def test_quick_exchange_shares_a_cue(talk: Talk) -> None:
    """A word too brief to be read alone is shown with its answer."""
    found = cues((talk("Really?", 0.0, speaker="A"), talk("Yes, really.", 0.4, speaker="B")))
    assert texts(found) == [("- A: Really?", "- B: Yes, really.")]


def test_speaker_change_ends_a_cue(talk: Talk) -> None:
    """One after the other, two speakers are never in one cue."""
    found = cues((talk("and that is all I know", 0.0, speaker="A"), talk("thank you very much", 2.2, speaker="B")))
    assert [cue.speakers for cue in found] == [("A",), ("B",)]


def test_chinese_runs_on_and_counts_wide(talk: Talk) -> None:
    """Chinese characters are set without spaces, 16 to a line."""
    said = talk("今 天 天 气 很 好 我 们 一 起 去 公 园 散 步 然 后 回 家 吃 饭", word_s=0.2, pause_s=0)
    found = cues((said.model_copy(update={"text": said.text.replace(" ", "")}),))
    assert all(len(line) <= 16 and " " not in line for cue in found for line in cue.texts)
    assert "".join(line for cue in found for line in cue.texts) == "今天天气很好我们一起去公园散步然后回家吃饭"


def test_korean_keeps_its_spaces(talk: Talk) -> None:
    """Korean words are apart."""
    assert texts(cues((talk("안녕하세요 저는 학생입니다"),))) == [("안녕하세요 저는 학생입니다",)]


def test_word_wider_than_a_line_is_cut_between_characters(talk: Talk) -> None:
    """A word of 100 letters goes on in pieces, whose times are marked as interpolated; accents stay on their letter."""
    word = "e\u0300\u0323\u0334" * 100
    found = cues((talk(word, word_s=4.0),))
    pieces = [piece for cue in found for piece in cue.words]
    assert "".join(piece.text for piece in pieces) == clean(word)
    assert {piece.timing for piece in pieces} == {"interpolated"}
    assert not any(unicodedata.combining(piece.text[0]) for piece in pieces)


def test_segment_without_words_is_still_shown() -> None:
    """Text whose words could not be timed is spread over its segment, and says that its times are interpolated."""
    bare = Segment(id=0, start_s=2.0, end_s=4.0, speaker="A", text="nobody timed this", words=())
    (cue,) = cues((bare,))
    assert cue.texts == ("nobody timed this",)
    assert {word.timing for word in cue.words} == {"interpolated"}
    assert (cue.words[0].start_s, cue.words[-1].end_s) == (2.0, pytest.approx(4.0))


def test_words_keep_their_measurements(talk: Talk) -> None:
    """A cue's words carry the voice of the words they show, and their segment's emotion."""
    heard = Emotion(label="joy", confidence=0.8, model="m")
    segment = talk("so glad", emotion=heard)
    (cue,) = cues((segment,))
    assert [word.start_s for word in cue.words] == [word.start_s for word in segment.words]
    assert {word.emotion for word in cue.words} == {heard}


def test_no_segments_no_cues() -> None:
    """Silence has no captions."""
    assert cues(()) == ()
    assert cues((make_segment("\u202e\u0007"),)) == ()


@settings(max_examples=80, deadline=None)
@given(transcripts())
def test_nobody_speaks_unnamed(segments: tuple[Segment, ...]) -> None:
    """Read from the top, the last name before any word is that of its speaker; none stands there twice in a row."""
    last = None
    found = cues(segments)
    if not any(cue.labels for cue in found):
        assert len({word.speaker for cue in found for word in cue.words}) < 2
        return
    for cue in found:
        for label, line in zip(cue.labels, cue.lines, strict=True):
            assert label != last or not label
            last = label or last
            assert last == displayed(line[0].speaker)


def test_names_are_shown_when_they_are_asked_for(talk: Talk) -> None:
    """At a change only where there are two speakers; always for one as well; never at all."""
    talks = (talk("good morning", 0, speaker="SPEAKER_00"), talk("and welcome", 3, speaker="SPEAKER_00"))
    answered = (*talks, talk("thank you", 6, speaker="SPEAKER_01"))

    def firsts(segments: tuple[Segment, ...], mode: Names) -> list[str]:
        return [cue.texts[0] for cue in cues(segments, CueSettings(names=mode))]

    assert firsts(talks, "change") == ["good morning", "and welcome"]
    assert firsts(talks, "always") == ["Speaker 1: good morning", "Speaker 1: and welcome"]
    assert firsts(answered, "change") == ["Speaker 1: good morning", "and welcome", "Speaker 2: thank you"]
    assert firsts(answered, "never") == ["good morning", "and welcome", "thank you"]


def test_a_name_before_arabic_leaves_it_running_leftwards(talk: Talk) -> None:
    """A line whose name is Latin and whose words are Arabic begins with a mark, so that it still runs leftwards."""
    found = cues((talk("مرحبا بكم", 0, speaker="A"), talk("hello", 4, speaker="B")))
    assert [cue.texts[0] for cue in found] == ["\u200fA: مرحبا بكم", "B: hello"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 14), min_size=2, max_size=12), st.floats(0.2, 0.5))
def test_no_sentence_begins_in_the_last_words_of_a_cue(lengths: list[int], word_s: float) -> None:
    """A sentence's first one to three words never hang at the end of a cue while the rest waits for the next one."""
    sentences = [" ".join(["something"] * (length - 1) + ["done."]) for length in lengths]
    found = cues((make_segment(" ".join(sentences), word_s=word_s),))
    for cue in found[:-1]:
        said = [word.text.endswith(".") for word in cue.words]
        assert said[-1] or not any(said[-4:-1]), cue.texts


def test_cues_come_and_go_with_frames(talk: Talk) -> None:
    """With a frame rate every time is a frame's, and two frames part cues that follow each other."""
    bounds = CueSettings(frames_per_s=24, min_gap_s=2 / 24)
    found = cues((talk("we talked for quite a while before going home again and then came back. " * 4),), bounds)
    for cue in found:
        for time_s in (cue.start_s, cue.end_s):
            assert abs(time_s * 24 - round(time_s * 24)) < 1e-6
    assert [round((b.start_s - a.end_s) * 24) for a, b in pairwise(found)] == [2] * (len(found) - 1)


def test_korean_is_read_more_slowly() -> None:
    """Reading speed is a matter of the language."""
    assert CueSettings.for_language("ko").target_cps < CueSettings.for_language("en").target_cps


def test_spaces_in_cues_are_those_of_the_text() -> None:
    """Thai words run together but for the end of a phrase, Japanese ones altogether."""
    for texts, written in (
        (["สวัสดี", "ครับ", "วันนี้"], "สวัสดีครับ วันนี้"),
        (["今日", "は", "晴れ"], "今日は晴れ"),
        (["我", "love", "你"], "我 love你"),
    ):
        words = tuple(
            SpokenWord(text=text, start_s=index * 0.4, end_s=index * 0.4 + 0.3) for index, text in enumerate(texts)
        )
        segment = Segment(id=0, start_s=0.0, end_s=1.2, speaker=None, text=written, words=words)
        assert [cue.texts for cue in cues((segment,))] == [(written,)]


def looped(talk: Talk) -> Segment:
    """A segment of which the recogniser repeated the end, with a doubtful word that is no loop."""
    segment = talk("so we go on and on and on and on and on and on")
    words = [
        word.model_copy(update={"suspect": LOOPING if index > 5 else "outside voiced speech" if index == 1 else None})
        for index, word in enumerate(segment.words)
    ]
    return segment.model_copy(update={"words": tuple(words)})


def test_loops_are_left_out_and_counted(talk: Talk) -> None:
    """What a recogniser wrote going in circles is not shown, other doubtful words are; asked for, all are."""
    segment = looped(talk)
    assert [text for cue in cues((segment,)) for text in cue.texts] == ["so we go on and on"]
    assert left_out((segment,)) == 8
    everything = CueSettings(loops=True)
    assert " ".join(word.text for cue in cues((segment,), everything) for word in cue.words) == segment.text
    assert left_out((segment,), everything) == 0


def test_spaces_stay_where_loops_are_left_out(talk: Talk) -> None:
    """Words around what is not shown stand apart."""
    segment = talk("yes no well")
    words = segment.words
    words = (words[0], words[1].model_copy(update={"suspect": LOOPING}), words[2])
    (cue,) = cues((segment.model_copy(update={"words": words}),))
    assert cue.texts == ("yes well",)


def test_a_looping_segment_without_timed_words_is_left_out() -> None:
    """A segment that has only text goes as a whole."""
    bare = Segment(id=0, start_s=2.0, end_s=4.0, speaker="A", text="on and on and on", words=(), suspect=LOOPING)
    assert cues((bare,)) == ()
    assert left_out((bare,)) == 5


THAI = "กำลังจะเกิดขึ้นในสัปดาห์หน้าที่กรุงเทพมหานครและเชียงใหม่ซึ่งมีผู้เข้าร่วมจากหลายประเทศ"


@given(st.integers(8, 42))
def test_no_line_begins_with_a_combining_mark(line_width: int) -> None:
    """A Thai text that a recogniser returned as one word is cut between letters, whatever the width."""
    word = SpokenWord(text=THAI, start_s=0.0, end_s=9.0)
    segment = Segment(id=0, start_s=0.0, end_s=9.0, speaker=None, text=THAI, words=(word,))
    lines = [text for cue in cues((segment,), CueSettings(line_width=line_width)) for text in cue.texts]
    assert letters("".join(lines)) == THAI
    assert not any(unicodedata.category(line[0]) in ("Mn", "Mc") for line in lines)
    assert not any(line[-1] in "เแโใไ" for line in lines)


def test_a_cue_waits_a_little_so_that_the_one_before_it_is_read(talk: Talk) -> None:
    """A hurried cue is given up to 0.3 s by one that has time to spare, and nothing by one that has none."""
    hurried = talk("extraordinarily complicated circumstances.", 0.0, word_s=0.5, pause_s=0.0)
    unhurried = talk("so it really is today", 1.55, word_s=0.2, speaker="B")
    never = CueSettings(names="never")
    first, second = cues((hurried, unhurried), never)
    assert second.start_s - unhurried.start_s == pytest.approx(0.3, abs=0.01)
    assert first.end_s == pytest.approx(second.start_s - never.min_gap_s)
    _, pressed, _ = cues((hurried, unhurried, talk("then we left for home", 2.85, word_s=0.2)), never)
    assert pressed.start_s == unhurried.start_s
