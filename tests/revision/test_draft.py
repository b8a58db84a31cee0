"""Corrections put into a result: what is not touched stays as it was, what is new has a place and a writer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import Analysis, Edits, Segment, SegmentEdit, Speaker, Turn, Word
from ecg_audio.errors import InvalidRequest
from ecg_audio.revision import draft
from tests.support.results import factory


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Four segments of six words, of two speakers; the fourth of nobody."""
    return factory.analysis(words=24, speakers=2)


def retold(analysis: Analysis, number: int, text: str) -> Segment:
    """A segment after its text was corrected."""
    after = draft.drafted(analysis, Edits(segments={number: SegmentEdit(text=text)}))
    return after.segments[number]


def test_one_changed_word_is_a_persons_and_the_others_stay(analysis: Analysis) -> None:
    """The new word takes the place of the old one; all others are the very same, and the machine's text is kept."""
    before = analysis.segments[0]
    texts = [word.text for word in before.words]
    texts[2] = "why"
    after = retold(analysis, 0, " ".join(texts))
    assert [word.text for word in after.words] == texts and after.recognised == before.text
    assert [*after.words[:2], *after.words[3:]] == [*before.words[:2], *before.words[3:]]
    new = after.words[2]
    assert (new.written_by, new.timing, new.confidence, new.voice) == ("person", "interpolated", None, None)
    assert (new.start_s, new.end_s, new.speaker) == (
        before.words[2].start_s,
        pytest.approx(before.words[2].end_s),
        before.words[2].speaker,
    )


def test_words_are_split_joined_deleted_and_inserted(analysis: Analysis) -> None:
    """Whatever happens to the words, they stay in order, disjoint, and inside their neighbours."""
    words = [word.text for word in analysis.segments[0].words]
    for texts in (
        ["a", "lot", *words[1:]],
        ["".join(words[:2]), *words[2:]],
        words[:1] + words[3:],
        [*words[:3], "really", "and", "truly", *words[3:]],
        ["First", *words, "last"],
    ):
        after = retold(analysis, 0, " ".join(texts))
        assert [word.text for word in after.words] == texts
        assert all(one.end_s <= after.words[index + 1].start_s + 1e-9 for index, one in enumerate(after.words[:-1]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcdef ", max_size=12), max_size=8))
def test_any_text_becomes_its_words(texts: list[str]) -> None:
    """The words of a corrected segment are the words of the text, and nothing else changes."""
    analysis = factory.analysis(words=24, speakers=2)
    text = " ".join(texts)
    after = draft.drafted(analysis, Edits(segments={1: SegmentEdit(text=text)}))
    others = [segment for segment in analysis.segments if segment.id != 1]
    assert [segment for segment in after.segments if segment.id != 1] == others
    assert [word.text for segment in after.segments if segment.id == 1 for word in segment.words] == text.split()


def test_an_emptied_segment_goes(analysis: Analysis) -> None:
    """Nothing is said there, a person says."""
    after = draft.drafted(analysis, Edits(segments={1: SegmentEdit(text="  ")}))
    assert [segment.id for segment in after.segments] == [0, 2, 3]


def test_scripts_without_spaces_keep_the_words_that_are_still_there() -> None:
    """One wrong word in Japanese is one new word."""
    words = [factory.word(text, at, at + 0.4) for at, text in enumerate(("今日", "は", "雨", "です"))]
    before = factory.analysis(words)
    text = "".join(word.text for word in words)
    segment = before.segments[0].model_copy(update={"text": text})
    after = draft.rewritten(segment, text.replace("雨", "晴れ"))
    assert [word.text for word in after.words] == ["今日", "は", "晴れ", "です"]
    assert [word.written_by for word in after.words] == ["machine", "machine", "person", "machine"]


def test_a_new_name_is_everywhere(analysis: Analysis) -> None:
    """Segments, words and turns say the new name; probabilities and times are those of before."""
    after = draft.drafted(analysis, Edits(speakers={"SPEAKER_00": " Sheila  O'Hara "}))
    told = {word.speaker for word in after.words} | {turn.speaker for turn in after.turns}
    assert "Sheila O'Hara" in told and "SPEAKER_00" not in told
    assert [word.start_s for word in after.words] == [word.start_s for word in analysis.words]
    assert [word.speaker_confidence for word in after.words] == [word.speaker_confidence for word in analysis.words]


def test_two_speakers_with_one_name_are_one(analysis: Analysis) -> None:
    """Their turns that overlap become one turn, their vectors one of length 1, nearer to who spoke longer."""
    after = draft.drafted(analysis, Edits(speakers={"SPEAKER_00": "Ana", "SPEAKER_01": "Ana"}))
    assert {turn.speaker for turn in after.turns} == {"Ana"}
    assert all(one.end_s < two.start_s for one, two in zip(after.turns, after.turns[1:], strict=False))
    speakers = [
        Speaker(id="A", speaking_s=3.0, segments=1, words=1, embedding=(1.0, 0.0)),
        Speaker(id="B", speaking_s=1.0, segments=1, words=1, embedding=(0.0, 1.0)),
    ]
    vector = draft.merged(speakers, {"A": "Ana", "B": "Ana"})["Ana"]
    assert sum(value * value for value in vector) == pytest.approx(1.0) and vector[0] > vector[1]


def test_a_segment_changes_hands(analysis: Analysis) -> None:
    """Its words and its time go to the other speaker, who may be new; how sure the machine was is gone."""
    segment = analysis.segments[0]
    after = draft.drafted(analysis, Edits(segments={segment.id: SegmentEdit(speaker="Guest")}))
    assert {word.speaker for word in after.segments[0].words} == {"Guest"}
    assert {word.speaker_confidence for word in after.segments[0].words} == {None}
    assert Turn(speaker="Guest", start_s=segment.start_s, end_s=segment.end_s) in after.turns
    for turn in after.turns:
        if turn.speaker == segment.speaker:
            assert turn.end_s <= segment.start_s or segment.end_s <= turn.start_s


def test_aligned_words_stay_between_those_that_are_kept(analysis: Analysis) -> None:
    """An aligner's times are taken for new words, as far as their neighbours leave them room."""
    before = analysis.segments[0]
    texts = [word.text for word in before.words]
    texts[2] = "why"
    drafted = retold(analysis, 0, " ".join(texts))
    wide = [Word(text=word.text, start_s=word.start_s, end_s=word.end_s, timing="aligned") for word in drafted.words]
    wide[2] = wide[2].model_copy(update={"start_s": max(0.0, wide[2].start_s - 9.0), "end_s": wide[2].end_s + 9.0})
    after = draft.placed(drafted, wide, (0.0, 99.0))
    assert after.words[2].timing == "aligned"
    assert (after.words[2].start_s, after.words[2].end_s) == (before.words[1].end_s, before.words[3].start_s)
    assert draft.placed(drafted, wide[1:], (0.0, 99.0)) == drafted


def test_a_persons_earlier_word_is_placed_anew(analysis: Analysis) -> None:
    """It was placed among words that were wrong; once they are right, the sound says where it is."""
    before = analysis.segments[0]
    misplaced = before.words[1].model_copy(
        update={"written_by": "person", "start_s": before.words[1].end_s - 0.01, "timing": "aligned"}
    )
    earlier = before.model_copy(update={"words": (before.words[0], misplaced, *before.words[2:])})
    texts = [word.text for word in earlier.words]
    drafted = draft.rewritten(earlier, " ".join(["Why", *texts[1:]]))
    found = [Word(text=word.text, start_s=word.start_s, end_s=word.end_s) for word in drafted.words]
    found[1] = found[1].model_copy(update={"start_s": before.words[1].start_s})
    after = draft.placed(drafted, found, (0.0, 99.0))
    assert after.words[1].start_s == before.words[1].start_s
    assert after.words[2:] == before.words[2:]


def test_the_first_word_stays_in_the_room_that_others_leave(analysis: Analysis) -> None:
    """A new word at the edge of a segment does not reach into what somebody else says."""
    drafted = retold(analysis, 1, "Why " + " ".join(word.text for word in analysis.segments[1].words[1:]))
    early = [Word(text=word.text, start_s=0.0, end_s=word.end_s, timing="aligned") for word in drafted.words]
    room = (analysis.segments[1].start_s - 0.1, analysis.segments[1].end_s)
    assert draft.placed(drafted, early, room).words[0].start_s == room[0]


def test_a_word_that_was_heard_elsewhere_goes_where_it_is_said(analysis: Analysis) -> None:
    """The machine's word beside a person's, if the sound has it more than a second away; any other one stays."""
    before = analysis.segments[1]
    texts = [word.text for word in before.words]
    drafted = retold(analysis, 1, " ".join(["Why", *texts[1:]]))
    for earlier_s, stays in ((0.9, True), (1.1, False)):
        found = [
            Word(text=word.text, start_s=word.start_s - earlier_s, end_s=word.end_s - earlier_s, timing="aligned")
            for word in drafted.words
        ]
        after = draft.placed(drafted, found, (0.0, 99.0))
        assert (after.words[1].start_s == before.words[1].start_s) == stays
        assert after.words[1].written_by == "machine" and after.words[2:] == before.words[2:]
        assert after.words[0].end_s <= after.words[1].start_s


def test_words_that_are_the_machines_again_are_its_own(analysis: Analysis) -> None:
    """A text that is taken back has its words, times, pauses and segment again; what differs is a person's."""
    texts = [word.text for word in analysis.segments[0].words]
    wrong = draft.drafted(analysis, _texts("Why", "how", *texts[2:]), analysis)
    back = draft.drafted(wrong, _texts(*texts), analysis)
    assert back.segments == analysis.segments and draft.changed(wrong, back) == ()
    half = draft.drafted(wrong, _texts(texts[0], "how", *texts[2:]), analysis)
    assert half.segments[0].words[0] == analysis.segments[0].words[0]
    assert [word.written_by for word in half.segments[0].words[:3]] == ["machine", "person", "machine"]
    assert half.segments[0].recognised == analysis.segments[0].text
    assert [one.id for one in draft.changed(wrong, half)] == [analysis.segments[0].id]


def test_a_words_twin_is_not_taken_for_it(analysis: Analysis) -> None:
    """Where a word is said twice, none comes back before one that stands before it."""
    first = analysis.segments[0]
    words = tuple(word.model_copy(update={"text": text}) for word, text in zip(first.words, "aababb", strict=True))
    machine = analysis.model_copy(
        update={"segments": (first.model_copy(update={"words": words}), *analysis.segments[1:])}
    )
    now = machine
    for texts in ("bxa", "axbab", "ba", "aababb"):
        now = draft.drafted(now, _texts(*texts), machine)
        starts = [word.start_s for word in now.segments[0].words if word.written_by == "machine"]
        assert starts == sorted(starts) and len(starts) == len(set(starts))


def _texts(*words: str) -> Edits:
    return Edits(segments={0: SegmentEdit(text=" ".join(words))})


def test_pauses_are_told_anew_only_around_new_words(analysis: Analysis) -> None:
    """A new word knows the silence before it, and so does the word after it; all others keep what was measured."""
    before = analysis.segments[0]
    texts = [word.text for word in before.words]
    texts[2] = "why"
    drafted = retold(analysis, 0, " ".join(texts))
    new = drafted.words[2].model_copy(update={"start_s": before.words[1].end_s + 0.01, "timing": "aligned"})
    placed = [
        drafted.model_copy(update={"words": (*drafted.words[:2], new, *drafted.words[3:])}),
        *analysis.segments[1:],
    ]
    after = draft.paused(analysis, placed)
    assert after[0].words[2].pause_before_s == pytest.approx(0.01)
    assert after[0].words[3].pause_before_s == pytest.approx(before.words[3].start_s - new.end_s, abs=1e-3)
    assert after[1:] == analysis.segments[1:] and after[0].words[4:] == before.words[4:]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (Edits(speakers={"SPEAKER_07": "Ana"}), "no speaker SPEAKER_07"),
        (Edits(segments={99: SegmentEdit(text="a")}), "no segment 99"),
        (Edits(speakers={"SPEAKER_00": " \n"}), "1 to 80 characters"),
        (Edits(segments={0: SegmentEdit(text="a" * 10_001)}), "at most 10000"),
        (Edits(segments={0: SegmentEdit(text="\ud800")}), "characters that are none"),
    ],
)
def test_corrections_that_make_no_sense_are_named(analysis: Analysis, edits: Edits, message: str) -> None:
    """What is wrong, and nothing is changed."""
    with pytest.raises(InvalidRequest, match=message):
        draft.drafted(analysis, edits)
