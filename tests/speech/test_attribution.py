"""Words get speakers, and segments get cut, by stated rules only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Diarization, Transcript, Turn, Utterance, Word
from ecg_audio.speech.attribution import LONGEST_SEGMENT_S, PAUSE_S, attribute


def transcript(*utterances: list[tuple[str, float, float]], suspect: str | None = None) -> Transcript:
    """Utterances of (text, start_s, end_s)."""
    return Transcript(
        engine="offline",
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


def diarization(*turns: tuple[str, float, float]) -> Diarization:
    """Exclusive turns of (speaker, start_s, end_s)."""
    exclusive = tuple(Turn(speaker=speaker, start_s=start, end_s=end) for speaker, start, end in turns)
    return Diarization(model="test", turns=exclusive, exclusive=exclusive)


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
    """Nothing is smoothed: a one-word turn inside another's talk is its own segment."""
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
    said = Transcript(engine="whisperx", model="test", language="en", utterances=(utterance,), speech=())
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
def test_each_word_goes_to_a_speaker_who_overlaps_it_longest(conversation: tuple[Transcript, Diarization]) -> None:
    """Against brute force over all turns: no other speaker overlaps the word for longer."""
    said, who = conversation
    for segment in attribute(said, who):
        for word in segment.words:
            shares: dict[str, float] = {}
            for turn in who.exclusive:
                overlap = min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s)
                if overlap > 0:
                    shares[turn.speaker] = shares.get(turn.speaker, 0.0) + overlap
            if shares:
                assert word.speaker is not None
                assert shares.get(word.speaker, 0.0) == pytest.approx(max(shares.values()))


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
