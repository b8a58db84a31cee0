"""Words that should not be trusted are marked, and no others; speech without words is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import LOOPING, Notice, Speech, Transcript, Utterance, Word
from ecg_audio.speech.suspect import (
    INVENTED,
    OUTSIDE,
    TOO_FAST,
    TOO_LONG,
    UNLIKELY,
    UNSOUNDED,
    _loops,
    examined,
    repetitive,
    syllables,
    wordless,
)


def heard(start_s: float, end_s: float, segmentation: float = 0.95, silero: float = 0.9) -> Speech:
    """Speech, which both detectors hear unless said otherwise."""
    return Speech(start_s=start_s, end_s=end_s, segmentation=segmentation, silero=silero)


def looping(texts: list[str]) -> set[int]:
    """Indices of words that repeat the phrase before them."""
    return {index for loop in _loops(texts) for index in loop.repeats}


SPEECH = (heard(1.0, 3.0), heard(8.0, 9.0))


def said(text: str, start_s: float = 1.0, each_s: float = 0.3, log_probability: float | None = -0.2) -> Utterance:
    """An utterance whose words follow each other."""
    words = tuple(
        Word(text=word, start_s=start_s + index * each_s, end_s=start_s + (index + 1) * each_s)
        for index, word in enumerate(text.split())
    )
    return Utterance(
        start_s=start_s,
        end_s=start_s + len(words) * each_s,
        text=text,
        words=words,
        log_probability=log_probability,
    )


def transcript(*utterances: Utterance, speech: tuple[Speech, ...] = SPEECH) -> Transcript:
    """What was recognised in a recording."""
    return Transcript(model="test", language="en", utterances=utterances, speech=speech)


def reasons(*utterances: Utterance, speech: tuple[Speech, ...] = (heard(0.0, 60.0),)) -> list[str | None]:
    """The reason on each word."""
    found = examined(transcript(*utterances, speech=speech))
    return [word.suspect for utterance in found.utterances for word in utterance.words]


def codes(found: Transcript) -> list[str]:
    """The codes of the notices."""
    return [notice.code for notice in found.notices]


def test_ordinary_speech_is_not_suspect() -> None:
    """Neither the words nor the whole of a plain sentence are marked, and nothing is to be told."""
    found = examined(transcript(said("we will send the final report"), speech=(heard(1.0, 2.8),)))
    assert found == transcript(said("we will send the final report"), speech=(heard(1.0, 2.8),))


def test_words_where_nobody_speaks_are_marked() -> None:
    """Words in the silence between two voices are suspect; their neighbours inside speech are not."""
    utterance = said("yes thank you well", start_s=2.0, each_s=1.4)
    found = examined(transcript(utterance, speech=(heard(1.0, 3.0), heard(6.5, 9.0))))
    assert [word.suspect for word in found.utterances[0].words] == [None, OUTSIDE, OUTSIDE, None]
    assert found.utterances[0].suspect is None


def test_an_utterance_of_suspect_words_alone_is_suspect() -> None:
    """Text over music or silence is kept, and marked as a whole; the transcript says that it has nothing else."""
    found = examined(transcript(said("thanks for watching", start_s=5.0)))
    assert found.utterances[0].suspect == OUTSIDE
    assert found.utterances[0].text == "thanks for watching"
    assert "TRANSCRIPT_SUSPECT" in codes(found)


def test_words_without_sound_are_marked() -> None:
    """Whoever settles the edges of words knows which of them lie in silence, counted through the transcript."""
    found = examined(
        transcript(said("well then"), said("go on now", 2.0), speech=(heard(1, 3),)), unsounded=frozenset({1, 2})
    )
    assert [[word.suspect for word in one.words] for one in found.utterances] == [
        [None, UNSOUNDED],
        [UNSOUNDED, None, None],
    ]


# Times


def test_a_sentence_in_a_click_is_marked() -> None:
    """'Thank you very much.' within a quarter of a second: nobody speaks that fast."""
    words = tuple(
        Word(text=text, start_s=start_s, end_s=end_s)
        for text, start_s, end_s in (
            ("Thank", 0.0, 0.22),
            ("you", 0.22, 0.22),
            ("very", 0.22, 0.22),
            ("much.", 0.22, 0.22),
        )
    )
    utterance = Utterance(start_s=0, end_s=0.25, text="Thank you very much.", words=words, log_probability=-0.8)
    assert reasons(utterance, speech=(heard(0.0, 0.25),)) == [TOO_FAST] * 4


def test_the_times_that_words_were_found_at_tell_how_fast_they_were() -> None:
    """Four words that were squeezed into 0.1 s are suspect, however they were spread over the sound afterwards."""
    spread, squeezed = said("that is so nice", each_s=0.2), said("that is so nice", each_s=0.025)
    speech = (heard(0.0, 60.0),)
    found = examined(transcript(spread, speech=speech), recognised=transcript(squeezed, speech=speech))
    assert [word.suspect for word in found.utterances[0].words] == [TOO_FAST] * 4
    assert [word.end_s for word in found.utterances[0].words] == [word.end_s for word in spread.words]


def test_one_word_without_time_is_no_proof() -> None:
    """Recognisers lose the edges of a short word among others; a fast talker says twelve syllables a second."""
    words = said("so I told him that").words
    lost = words[1].model_copy(update={"end_s": words[1].start_s})
    utterance = said("so I told him that").model_copy(update={"words": (words[0], lost, *words[2:])})
    assert reasons(utterance) == [None] * 5
    assert reasons(said("I do not know that", each_s=0.08)) == [None] * 5


def test_a_word_far_longer_than_its_letters_allow_is_marked() -> None:
    """Four seconds of 'Please' are not one word; two seconds of a name of five syllables, or of a cry, are."""
    assert reasons(said("Please", each_s=4.2)) == [TOO_LONG]
    assert reasons(said("Czechoslovakia", each_s=2.0)) == [None]
    assert reasons(said("No", each_s=1.4)) == [None]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a", 1),
        ("Thank", 1),
        ("report", 2),
        ("naïve", 2),
        ("위원회는", 4),
        ("よさん", 3),
        ("会議", 2),
        ("1984", 4),
        ("Привет", 2),
        ("hm", 1),
    ],
)
def test_syllables_are_counted_roughly(text: str, count: float) -> None:
    """Groups of vowels, and one for each letter of scripts that write syllables."""
    assert syllables(text) == count


# The recogniser's own figure


def test_a_text_that_the_recogniser_itself_doubts_is_marked() -> None:
    """Below Whisper's own bound always; above it, not."""
    assert reasons(said("let us go now", log_probability=-1.3)) == [UNLIKELY] * 4
    assert reasons(said("let us go now", log_probability=-0.9)) == [None] * 4
    assert reasons(said("let us go now", log_probability=None)) == [None] * 4


def test_a_doubtful_text_that_one_detector_alone_hears_is_marked() -> None:
    """Two witnesses against it are enough; a sure text that one detector hears is speech."""
    far = (heard(0.0, 60.0, 0.9, 0.1),)
    assert reasons(said("let us go now", log_probability=-0.9), speech=far) == [UNLIKELY] * 4
    assert reasons(said("let us go now", log_probability=-0.3), speech=far) == [None] * 4


@pytest.mark.parametrize("text", ["Thank you.", "Thanks for watching!", "you"])
def test_known_inventions_are_marked_where_little_supports_them(text: str) -> None:
    """What Whisper writes over noise counts as said if both detectors hear it and the recogniser is sure."""
    count = len(text.split())
    assert reasons(said(text, log_probability=-0.3)) == [None] * count
    assert reasons(said(text, log_probability=-0.8)) == [INVENTED] * count
    assert reasons(said(text, log_probability=-0.3), speech=(heard(0, 60, 0.1, 0.6),)) == [INVENTED] * count


def test_an_invention_inside_a_sentence_is_none() -> None:
    """'Thank you' among other words is spared."""
    assert reasons(said("thank you for the report", log_probability=-0.8)) == [None] * 5


# Loops


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("no no no no no no", 5),
        ("go on and on and on and on and stop", 6),
        ("I know. I know, I know I know!", 6),
        ("no no no", 0),
        ("never, never, never, never", 0),
        ("row row row your boat", 0),
        ("a b c a b c a b c", 0),
        ("a b c a b c a b c a b c d", 9),
    ],
)
def test_phrases_that_come_again_and_again_are_found(text: str, repeats: int) -> None:
    """From the fourth time on all repetitions are found, the first saying is not; what people do say is spared."""
    found = looping(text.split())
    assert len(found) == repeats
    assert 0 not in found


def test_loops_are_marked_on_words_and_whole() -> None:
    """A recogniser in circles, over sound that lasts: the repeated words and the utterance say so."""
    found = examined(transcript(said("you know the thing is " * 12, each_s=0.02), speech=(heard(0, 5),)))
    assert found.utterances[0].suspect == LOOPING
    assert {word.suspect for word in found.utterances[0].words[5:]} == {LOOPING}
    assert codes(found)[0] == "TRANSCRIPT_SUSPECT"


def test_who_says_the_same_again_and_again_is_believed() -> None:
    """'No' twenty times, each as long as the last, heard by both detectors, then 'Please stop': all of it was said."""
    assert reasons(said("No, " * 20 + "please stop.", each_s=0.2)) == [None] * 22
    assert reasons(said("I said no. " * 5, each_s=0.25)) == [None] * 15


@pytest.mark.parametrize(
    ("speech", "each_s"),
    [
        ((heard(0, 60, 0.9, 0.1),), 0.2),  # one detector alone
        ((heard(0, 60),), 0.02),  # fifty a second
        ((heard(0, 60),), 2.5),  # as long as a sentence each
    ],
)
def test_a_loop_without_evidence_is_one(speech: tuple[Speech, ...], each_s: float) -> None:
    """Repetitions that are too fast, too slow or hardly heard are marked, from the second on."""
    assert reasons(said("no " * 20, each_s=each_s), speech=speech)[1:] == [LOOPING] * 19


def test_an_unsteady_loop_is_one() -> None:
    """Nobody says a thing twenty times at times all over the place: a recogniser that goes in circles does."""
    starts_s = [0.5 * index + 0.35 * (index % 3) for index in range(20)]
    steps = [0.0]
    for index in range(1, 20):
        steps.append(steps[-1] + (0.12 if index % 3 else 1.4))
    words = tuple(Word(text="no", start_s=at_s, end_s=at_s + 0.1) for at_s in steps)
    utterance = Utterance(start_s=0, end_s=20, text="no " * 20, words=words, log_probability=-0.2)
    assert reasons(utterance)[1:] == [LOOPING] * 19, starts_s


def test_one_word_can_go_in_circles() -> None:
    """'4-4-4-4-...' is one word by its spaces, and a loop."""
    assert reasons(said("4-" * 40, each_s=5.0)) == [LOOPING]
    assert repetitive("1.5" + ".5" * 40)
    assert not repetitive("hahahaha")
    assert reasons(said("banana Mississippi 1,000,000")) == [None] * 3


def test_the_same_sentence_from_stretch_to_stretch_is_a_loop() -> None:
    """Three times the same words, each an utterance, are one; said twice they are not, nor is a short 'yeah'."""
    sentence = [said("we will see you soon", start_s=2.0 * index) for index in range(3)]
    assert reasons(*sentence) == [None] * 5 + [LOOPING] * 10
    assert reasons(*sentence[:2]) == [None] * 10
    assert reasons(*[said("Yeah.", start_s=float(index)) for index in range(8)]) == [None] * 8
    doubtful = [said("Yeah.", start_s=float(index), log_probability=-0.8) for index in range(3)]
    assert reasons(*doubtful) == [None, LOOPING, LOOPING]


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_only_repetitions_are_marked(texts: list[str]) -> None:
    """Every marked word stands somewhere before, too."""
    for index in looping(texts):
        assert texts[index] in texts[:index]


# Notices


def test_a_transcript_that_is_mostly_suspect_says_so() -> None:
    """Half of the words is most of them; a few are not worth a notice."""
    good, bad = said("we will send the report", 1.0), said("let us go", 20.0, log_probability=-1.5)
    speech = (heard(1.0, 2.5), heard(20.0, 21.0))
    assert "TRANSCRIPT_SUSPECT" not in codes(examined(transcript(good, bad, speech=speech)))
    found = examined(transcript(good, bad, said("so it is", 40.0), speech=speech))
    assert "TRANSCRIPT_SUSPECT" in codes(found)
    assert "5 of its 11 words" in found.notices[0].message


def test_notices_that_were_there_stay() -> None:
    """What earlier stages had to say comes first."""
    before = Notice(code="ALIGNER_MISSING", message="none")
    found = transcript(said("thanks", 50.0)).model_copy(update={"notices": (before,)})
    assert examined(found).notices[0] == before


def test_speech_in_which_no_word_was_recognised_is_named() -> None:
    """Four seconds of 'No' that Whisper left out are told, with the scores of both detectors."""
    speech = (heard(0.1, 4.2, 0.9, 0.8), heard(4.2, 5.0, 0.95, 0.9))
    found = examined(transcript(said("Please stop.", 4.3), speech=speech))
    (notice,) = found.notices
    assert notice.code == "SPEECH_WITHOUT_WORDS"
    assert notice.message == "3.9 s of speech have no words: 0.1-4.0 s (segmentation 0.90, Silero 0.80)"


def test_a_word_over_lost_speech_does_not_hide_it() -> None:
    """'Please' from 0.03 to 4.29 s, over twenty lost 'No', is too long, and the speech under it is named."""
    words = (Word(text="Please", start_s=0.03, end_s=4.29), Word(text="stop.", start_s=4.3, end_s=4.9))
    one = Utterance(start_s=0.03, end_s=4.9, text="Please stop.", words=words, log_probability=-0.2)
    found = examined(transcript(one, speech=(heard(0.1, 5.0),)))
    assert [word.suspect for word in found.utterances[0].words] == [TOO_LONG, None]
    assert "SPEECH_WITHOUT_WORDS" in codes(found)


def test_speech_without_any_word_is_named_whole() -> None:
    """Spans that touch are one; what is shorter than a second is a cough."""
    speech = (heard(0.0, 0.6, 0.9, 0.1), heard(0.6, 1.6, 0.9, 0.9), heard(3.0, 3.8))
    (found,) = wordless(speech, ())
    assert (found.start_s, found.end_s) == (0.0, 1.6)
    assert found.segmentation == pytest.approx(0.9)
    assert found.silero == pytest.approx((0.6 * 0.1 + 1.0 * 0.9) / 1.6, abs=1e-3)
    assert codes(examined(transcript(speech=speech))) == ["SPEECH_WITHOUT_WORDS"]


spans_s = st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 5)), max_size=12)


@given(spans_s, spans_s)
def test_speech_without_words_has_none(speech_s: list[tuple[float, float]], words_s: list[tuple[float, float]]) -> None:
    """Whatever is named lies within speech and overlaps no word; with no words all long speech is named."""
    speech: list[Speech] = []
    now_s = 0.0
    for pause_s, length_s in speech_s:
        speech.append(heard(now_s + pause_s, now_s + pause_s + length_s))
        now_s = speech[-1].end_s
    words = [Word(text="w", start_s=start_s, end_s=start_s + length_s) for start_s, length_s in words_s]
    for span in wordless(speech, words):
        assert any(one.start_s <= span.start_s and span.end_s <= speech[-1].end_s for one in speech)
        assert not any(word.start_s < span.end_s and span.start_s < word.end_s for word in words)
    total_s = sum(span.end_s - span.start_s for span in wordless(speech, []))
    assert total_s >= sum(one.end_s - one.start_s for one in speech if one.end_s - one.start_s >= 1.0) - 1e-6
