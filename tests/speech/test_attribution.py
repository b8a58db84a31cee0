"""Words get speakers by turns, sentences, pauses and voices, and segments get cut by stated rules only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Diarization, Transcript, Turn, Utterance, VoiceTrack, Word
from ecg_audio.speech.attribution import LONGEST_SEGMENT_S, PAUSE_S, attribute


def transcript(*utterances: list[tuple[str, float, float]], suspect: str | None = None) -> Transcript:
    """Utterances of (text, start_s, end_s)."""
    return Transcript(
        model="test",
        language="en",
        speech=(),
        utterances=tuple(
            Utterance(
                start_s=words[0][1],
                end_s=words[-1][2],
                text=" ".join(text for text, _, _ in words),
                words=tuple(Word(text=text, start_s=start, end_s=end) for text, start, end in words),
                suspect=suspect,
            )
            for words in utterances
        ),
    )


def spoken(text: str, word_s: float = 0.3, start_s: float = 0.0) -> list[tuple[str, float, float]]:
    """Words one after the other, each as long."""
    return [
        (word, round(start_s + index * word_s, 3), round(start_s + (index + 1) * word_s, 3))
        for index, word in enumerate(text.split())
    ]


def diarization(*turns: tuple[str, float, float], voices: VoiceTrack | None = None) -> Diarization:
    """Exclusive turns of (speaker, start_s, end_s)."""
    exclusive = tuple(Turn(speaker=speaker, start_s=start, end_s=end) for speaker, start, end in turns)
    return Diarization(model="test", turns=exclusive, exclusive=exclusive, voices=voices)


def track(duration_s: float, *heard: tuple[str, float, float]) -> VoiceTrack:
    """Windows of 0.25 s in which the one who is heard is 0.9 like their voice, everybody else 0.6."""
    names = sorted({name for name, _, _ in heard})
    times_s = [0.25 * index for index in range(int(duration_s / 0.25) + 1)]
    similarity = {
        name: tuple(
            0.9 if any(one == name and start_s <= at_s < end_s for one, start_s, end_s in heard) else 0.6
            for at_s in times_s
        )
        for name in names
    }
    return VoiceTrack(hop_s=0.25, window_s=1.6, similarity=similarity)


def texts(said: Transcript, who: Diarization | None) -> list[tuple[str | None, str]]:
    """Speaker and text of each segment."""
    return [(segment.speaker, segment.text) for segment in attribute(said, who)]


def test_a_sentence_stays_whole_where_a_turn_ends_a_word_early() -> None:
    """The turn's edge cuts a sentence before its last word and no voice says so: the word stays with its sentence."""
    said = transcript(spoken("This is the whole of it. That is what I think."))
    late = diarization(("A", 0.0, 1.55), ("B", 1.55, 3.3))
    early = diarization(("A", 0.0, 2.05), ("B", 2.05, 3.3))
    whole = [("A", "This is the whole of it."), ("B", "That is what I think.")]
    assert texts(said, late) == whole
    assert texts(said, early) == whole


def test_a_change_comes_at_the_end_of_a_sentence() -> None:
    """Where turns change with the sentence, so does the speaker, though nobody pauses."""
    said = transcript(spoken("Did you see it? No I did not. Neither did I."))
    who = diarization(("A", 0.0, 1.2), ("B", 1.2, 2.4), ("A", 2.4, 3.3))
    assert texts(said, who) == [("A", "Did you see it?"), ("B", "No I did not."), ("A", "Neither did I.")]


def test_a_remark_in_the_middle_of_a_sentence_is_its_speakers() -> None:
    """A "yeah" put into another's sentence without punctuation, in a turn of its own."""
    said = transcript(spoken("We went down to yeah the river and then home. It was late."))
    who = diarization(("A", 0.0, 1.2), ("B", 1.2, 1.5), ("A", 1.5, 4.0))
    assert texts(said, who) == [
        ("A", "We went down to"),
        ("B", "yeah"),
        ("A", "the river and then home. It was late."),
    ]


def test_a_voice_overrules_a_turn() -> None:
    """A sentence that the turns give to one and whose sound is plainly the other's is the other's."""
    said = transcript(spoken("I will go. You will stay here now. He will come."))
    heard = track(4.0, ("A", 0.0, 0.9), ("B", 0.9, 2.4), ("A", 2.4, 4.0))
    missed = diarization(("A", 0.0, 0.9), ("A", 2.4, 3.4), ("B", 3.7, 4.0), voices=heard)
    assert texts(said, missed) == [("A", "I will go."), ("B", "You will stay here now."), ("A", "He will come.")]


def test_words_that_no_turn_covers_have_the_speaker_whose_voice_they_are() -> None:
    """A phrase that the diarization lost, far from any turn, is known by its voice; a sound like nobody is not."""
    said = transcript(spoken("hello there my friend", start_s=10.0))
    heard = track(20.0, ("A", 0.0, 5.0), ("B", 10.0, 12.0))
    assert texts(said, diarization(("A", 0.0, 5.0), ("B", 15.0, 16.0), voices=heard))[0][0] == "B"
    like_nobody = VoiceTrack(hop_s=0.25, window_s=1.6, similarity={"A": (0.4,) * 80, "B": (0.5,) * 80})
    assert texts(said, diarization(("A", 0.0, 5.0), ("B", 15.0, 16.0), voices=like_nobody))[0][0] is None


def test_a_change_within_a_phrase_needs_evidence() -> None:
    """Without punctuation a turn of several words is enough, a turn's stray tenth of a second is not."""
    said = transcript(spoken("one two three four five six"))
    assert texts(said, diarization(("A", 0.0, 0.9), ("B", 0.9, 1.8))) == [
        ("A", "one two three"),
        ("B", "four five six"),
    ]
    stray = diarization(("A", 0.0, 0.7), ("B", 0.7, 0.8), ("A", 0.8, 1.8))
    assert texts(said, stray) == [("A", "one two three four five six")]


def test_suspect_words_follow_their_neighbours() -> None:
    """What was not said there speaks for nobody, however well a turn fits it."""
    words = spoken("we go on. Thanks. and then we rest.")
    said = transcript(words)
    invented = tuple(
        word.model_copy(update={"suspect": "outside voiced speech"}) if word.text == "Thanks." else word
        for word in said.utterances[0].words
    )
    said = said.model_copy(update={"utterances": (said.utterances[0].model_copy(update={"words": invented}),)})
    who = diarization(("A", 0.0, 0.9), ("B", 0.9, 1.2), ("A", 1.2, 2.4))
    assert {word.speaker for segment in attribute(said, who) for word in segment.words} == {"A"}


def test_confidence_is_high_within_a_turn_and_low_at_an_uncertain_edge() -> None:
    """A probability for each word that has a speaker, and none for one that has not."""
    said = transcript([*spoken("one two three four five six"), ("far", 20.0, 20.3)])
    who = diarization(("A", 0.0, 0.9), ("B", 0.9, 1.8))
    words = [word for segment in attribute(said, who) for word in segment.words]
    confidences = [word.speaker_confidence for word in words]
    assert confidences[-1] is None and words[-1].speaker is None
    known = [value for value in confidences[:-1] if value is not None]
    assert len(known) == 6 and all(0.5 <= value <= 1 for value in known)
    assert known[0] > known[2] and known[-1] > known[3]


def test_segments_are_cut_where_the_speaker_changes() -> None:
    """Words are given to the turn they lie in, and a new speaker begins a new segment."""
    said = transcript([("how", 0.0, 0.3), ("are", 0.3, 0.6), ("you", 0.6, 1.0), ("fine", 1.1, 1.5)])
    segments = attribute(said, diarization(("A", 0.0, 1.05), ("B", 1.05, 2.0)))
    assert [(segment.id, segment.speaker, segment.text) for segment in segments] == [
        (0, "A", "how are you"),
        (1, "B", "fine"),
    ]
    assert [word.speaker for word in segments[0].words] == ["A", "A", "A"]
    assert (segments[1].start_s, segments[1].end_s) == (1.1, 1.5)


def test_a_word_across_two_turns_goes_to_the_longer_overlap() -> None:
    """Overlap in seconds decides, summed over a speaker's turns."""
    word = transcript([("word", 1.0, 2.0)])
    assert attribute(word, diarization(("A", 0.0, 1.3), ("B", 1.3, 3.0)))[0].speaker == "B"
    assert attribute(word, diarization(("A", 0.9, 1.3), ("B", 1.3, 1.75), ("A", 1.75, 2.2)))[0].speaker == "A"


def test_a_single_word_put_in_by_another_speaker_stays_theirs() -> None:
    """A one-word turn inside another's talk is its own segment, though nobody writes punctuation."""
    said = transcript([("and", 0.0, 0.5), ("yes", 0.6, 0.9), ("then", 1.0, 1.5)])
    segments = attribute(said, diarization(("A", 0.0, 0.55), ("B", 0.55, 0.95), ("A", 0.95, 2.0)))
    assert [segment.speaker for segment in segments] == ["A", "B", "A"]


@pytest.mark.parametrize(
    ("gap_s", "speaker"),
    [pytest.param(0.4, "A", id="near"), pytest.param(0.6, None, id="far")],
)
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_word_outside_all_turns_takes_a_near_one_or_none(gap_s: float, speaker: str | None, side: str) -> None:
    """Within half a second the nearest turn is taken; further away nobody is known."""
    turn = ("A", 0.0, 10.0 - gap_s) if side == "after" else ("A", 11.0 + gap_s, 20.0)
    assert attribute(transcript([("word", 10.0, 11.0)]), diarization(turn))[0].speaker == speaker


def test_the_nearer_of_two_turns_gets_a_word_between_them() -> None:
    """A word in a pause goes to the neighbour that is closer."""
    said = transcript([("word", 1.0, 1.2)])
    assert attribute(said, diarization(("A", 0.0, 0.6), ("B", 1.3, 2.0)))[0].speaker == "B"
    assert attribute(said, diarization(("A", 0.0, 0.9), ("B", 1.6, 2.0)))[0].speaker == "A"


def test_without_diarization_nobody_is_known() -> None:
    """A transcript alone still becomes segments, with speaker None throughout."""
    segments = attribute(transcript([("one", 0.0, 0.5), ("two", 0.5, 1.0)]), None)
    assert len(segments) == 1
    assert segments[0].speaker is None
    assert all(word.speaker is None for word in segments[0].words)


def test_pauses_and_utterances_end_segments() -> None:
    """A pause of 0.8 s and the end of an utterance cut; a shorter pause does not."""
    said = transcript(
        [("a", 0.0, 1.0), ("b", 1.0 + PAUSE_S - 0.01, 2.0), ("c", 2.01 + PAUSE_S, 3.0)], [("d", 3.0, 3.5)]
    )
    assert [segment.text for segment in attribute(said, None)] == ["a b", "c", "d"]


def test_no_segment_is_longer_than_the_bound() -> None:
    """Talk without a pause is cut before it would pass 30 s."""
    words = [(f"w{second}", float(second), second + 1.0) for second in range(100)]
    lengths = [segment.end_s - segment.start_s for segment in attribute(transcript(words), None)]
    assert max(lengths) <= LONGEST_SEGMENT_S
    assert lengths == [30.0, 30.0, 30.0, 10.0]


def test_what_is_known_of_words_and_utterances_is_kept() -> None:
    """Confidence, timing and suspicion travel from the transcript to the segments."""
    word = Word(text="hm", start_s=0.0, end_s=0.4, confidence=0.25, timing="aligned", suspect="looping")
    utterance = Utterance(start_s=0.0, end_s=0.4, text="hm", words=(word,), suspect="looping")
    said = Transcript(model="test", language="en", utterances=(utterance,), speech=())
    (segment,) = attribute(said, None)
    assert segment.suspect == "looping"
    spoken = segment.words[0]
    assert (spoken.confidence, spoken.timing, spoken.suspect) == (0.25, "aligned", "looping")


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Transcript, Diarization]:
    """Utterances of one or more words in time order, and exclusive turns that need not match them."""
    utterances, now = [], 0.0
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for _ in range(draw(st.integers(1, 8))):
            start = now + draw(st.floats(0, 2))
            now = start + draw(st.floats(0, 12))
            words.append((draw(st.sampled_from(["ah", "be", "cee"])), start, now))
        utterances.append(words)
    turns, at = [], 0.0
    for _ in range(draw(st.integers(0, 8))):
        start = at + draw(st.floats(0, 3))
        at = start + draw(st.floats(0.01, 10))
        turns.append((draw(st.sampled_from(["A", "B", "C"])), start, at))
    return transcript(*utterances), diarization(*turns)


@given(conversations())
def test_any_conversation_keeps_its_words(conversation: tuple[Transcript, Diarization]) -> None:
    """No word is lost, changed or moved; segments have one speaker, cover their words and number from 0."""
    said, who = conversation
    segments = attribute(said, who)
    kept = [(word.text, word.start_s, word.end_s) for segment in segments for word in segment.words]
    assert kept == [(w.text, w.start_s, w.end_s) for utterance in said.utterances for w in utterance.words]
    assert [segment.id for segment in segments] == list(range(len(segments)))
    names = {turn.speaker for turn in who.exclusive} | {None}
    for segment in segments:
        assert segment.words
        assert {word.speaker for word in segment.words} == {segment.speaker} <= names
        assert segment.start_s == min(word.start_s for word in segment.words)
        assert segment.end_s == max(word.end_s for word in segment.words)
        assert segment.text == " ".join(word.text for word in segment.words)


@given(conversations())
def test_one_speaker_says_all_that_is_near_a_turn(conversation: tuple[Transcript, Diarization]) -> None:
    """Where one person speaks, every word within 0.5 s of a turn is theirs, surely, and no word further away."""
    said, who = conversation
    alone = diarization(*(("A", turn.start_s, turn.end_s) for turn in who.exclusive))
    for segment in attribute(said, alone):
        for word in segment.words:
            away_s = [max(turn.start_s - word.end_s, word.start_s - turn.end_s) for turn in alone.exclusive]
            near = min(away_s, default=float("inf")) <= 0.5
            assert word.speaker == ("A" if near else None)
            assert word.speaker_confidence == (1.0 if near else None)


def test_a_long_segment_is_cut_where_a_sentence_ends() -> None:
    """40 s without a pause: the cut comes after the last sentence that fits, or at the longest pause, not at 30 s."""
    words = [(f"w{second}" + ("." if second in (4, 22) else ""), float(second), second + 1.0) for second in range(40)]
    assert [len(segment.words) for segment in attribute(transcript(words), None)] == [23, 17]
    paused = [(f"w{second}", float(second), second + (0.6 if second == 19 else 1.0)) for second in range(40)]
    assert [len(segment.words) for segment in attribute(transcript(paused), None)] == [20, 20]


def test_text_keeps_the_spaces_of_the_recogniser() -> None:
    """Japanese words run together, Thai ones but for the end of a phrase; Korean ones do not. Cuts do not matter."""
    for words, text, expected in (
        (["今日", "は", "晴れ", "です"], "今日は晴れです", ["今日は", "晴れです"]),
        (["สวัสดี", "ครับ", "วันนี้", "ดี"], "สวัสดีครับ วันนี้ดี", ["สวัสดีครับ", "วันนี้ดี"]),
        (["오늘", "회의를", "시작", "합니다"], "오늘 회의를 시작 합니다", ["오늘 회의를", "시작 합니다"]),
    ):
        said = transcript([(word, index, index + 0.9) for index, word in enumerate(words)])
        written = said.utterances[0].model_copy(update={"text": text})
        said = said.model_copy(update={"utterances": (written,)})
        turns = diarization(("A", 0.0, 2.0), ("B", 2.0, 4.0))
        assert [segment.text for segment in attribute(said, turns)] == expected
