"""Emphasis: a changed word is found, and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import Emphasis, SpokenWord
from ecg_audio.voice import emphasis
from ecg_audio.voice.emphasis import FEWEST_WORDS, LOUDNESS, WordMeasures, measure_words
from ecg_audio.voice.frames import measure
from ecg_audio.voice.function_words import function_words, is_function_word

RATE_HZ = 16_000
COUNT, CHANGED = 24, 13
STRENGTHS = ("louder", "higher", "slower")


def judge(words, measured, language="en"):
    """What stands out among words of one language."""
    return emphasis.judge(words, measured, [language] * len(words))


def synthetic(gain_db=0.0, raised_st=0.0, stretched=1.0, whole_db=0.0, offset=0.0):
    """A voice that says four-letter words, with one changed: its words and its frames.

    Four phrases of six words; loudness and pitch fall in each, and every word glides between two vowels.
    """
    sound, words, at_s = [np.zeros(RATE_HZ // 2)], [], 0.5
    for index in range(COUNT):
        place = index % 6
        length_s = 0.3 * (stretched if index == CHANGED else 1.0)
        t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
        f0_hz = 120.0 * 2 ** ((-0.25 * place + (raised_st if index == CHANGED else 0.0)) / 12)
        level_db = -0.4 * place + (gain_db if index == CHANGED else 0.0) + whole_db
        glide = t / length_s
        centre_hz = 500 + (900 if index % 2 else 1500) * glide
        voice = sum(
            np.exp(-(((k * f0_hz - centre_hz) / 400) ** 2)) * np.sin(2 * np.pi * k * f0_hz * t) for k in range(1, 30)
        )
        sound.append(0.05 * 10 ** (level_db / 20) * voice * np.minimum(1, np.minimum(glide, 1 - glide) * 12))
        words.append(
            SpokenWord(
                text="word." if place == 5 else "word",
                start_s=at_s,
                end_s=at_s + length_s,
                timing="aligned",
                speaker="A",
            )
        )
        at_s += length_s
        if place == 5:
            sound.append(np.zeros(RATE_HZ // 2))
            at_s += 0.5
    samples = np.concatenate(sound).astype(np.float32) + np.float32(offset)
    batches = list(measure([samples]))
    return words, {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def judged(**change):
    """What stands out in the synthetic voice."""
    words, frames = synthetic(**change)
    return judge(words, measure_words(words, frames))


def marks(emphases):
    """Which words stand out, and how."""
    return {
        (index, name): getattr(found, name)
        for index, found in enumerate(emphases)
        for name in STRENGTHS
        if getattr(found, name)
    }


def test_an_even_voice_has_no_emphasis():
    """The fall of loudness and pitch through each phrase is none."""
    assert marks(judged()) == {}


@pytest.mark.parametrize(
    ("change", "name"),
    [({"gain_db": 6.0}, "louder"), ({"raised_st": 4.0}, "higher"), ({"stretched": 1.5}, "slower")],
)
def test_one_changed_word_is_found_and_no_other(change, name):
    """6 dB, 4 semitones, or half as long again: that word shows it, and nothing else shows anything."""
    assert set(marks(judged(**change))) == {(CHANGED, name)}


def test_the_change_is_measured_in_its_own_unit():
    """Decibels, semitones and a ratio of lengths, less what the neighbours cannot tell."""
    assert judged(gain_db=6.0)[CHANGED].loudness_db == pytest.approx(6.0, abs=1.0)
    assert judged(raised_st=4.0)[CHANGED].pitch_st == pytest.approx(4.0, abs=0.6)
    assert judged(stretched=1.5)[CHANGED].length_ratio == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("offset", [0.05, -0.4])
def test_direct_current_changes_nothing(offset):
    """The same word stands out by as much where the line has an offset, and no other does."""
    changed = marks(judged(gain_db=6.0, offset=offset))
    assert set(changed) == {(CHANGED, "louder")}
    assert changed == pytest.approx(marks(judged(gain_db=6.0)), abs=0.02)


def test_the_gain_of_the_recording_changes_nothing():
    """The same voice 20 dB softer has the same emphases."""
    loud, soft = judged(gain_db=6.0), judged(gain_db=6.0, whole_db=-20.0)
    assert marks(loud) == pytest.approx(marks(soft), abs=0.02)


def said(texts, speaker="A"):
    """Words one after the other, a quarter of a second each."""
    return [
        SpokenWord(text=text, start_s=0.25 * index, end_s=0.25 * index + 0.24, timing="aligned", speaker=speaker)
        for index, text in enumerate(texts)
    ]


def heard(unusual_db, texts=None):
    """Words so much louder than their place in one phrase lets expect, each as high, long and quick as the others."""
    count = len(unusual_db)
    same, levels_db = np.zeros(count), np.array(unusual_db, np.float64)
    levels_db += LOUDNESS.fall * np.arange(count) / max(1, count - 1)
    levels_db[-1:] += LOUDNESS.final
    levels_db += [LOUDNESS.function * is_function_word(text, "en") for text in texts or ["word"] * count]
    return WordMeasures(levels_db, same.copy(), np.full(count, math.log(0.24)), same.copy())


LEVELS = st.lists(st.floats(-15, 15), min_size=12, max_size=40)


@given(LEVELS, st.data(), st.floats(0.1, 12))
@settings(deadline=None, max_examples=60)
def test_strength_grows_with_the_change(levels_db, data, more_db):
    """A word that is said louder is never less emphatic for it; strengths lie in -1 to 1."""
    index = data.draw(st.integers(0, len(levels_db) - 1))
    words = said(["word"] * len(levels_db))
    before = judge(words, heard(levels_db))[index]
    levels_db[index] += more_db
    after = judge(words, heard(levels_db))[index]
    assert after.loudness_db >= before.loudness_db - 1e-9
    if before.louder == 0.0:
        assert after.louder >= 0.0
    assert -1 <= after.louder <= 1


@given(LEVELS, st.floats(-60, 60))
@settings(deadline=None, max_examples=60)
def test_only_differences_count(levels_db, gain_db):
    """A gain over all words changes no judgement."""
    words = said(["word"] * len(levels_db))
    shifted = judge(words, heard([level_db + gain_db for level_db in levels_db]))
    for one, other in zip(judge(words, heard(levels_db)), shifted, strict=True):
        assert one.loudness_db == pytest.approx(other.loudness_db, abs=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=12, max_size=40))
@settings(deadline=None, max_examples=60)
def test_the_dead_zone_is_plain(levels_db):
    """Words within a decibel of each other are all as usual, however many there are."""
    emphases = judge(said(["word"] * len(levels_db)), heard(levels_db))
    assert {emphasis.louder for emphasis in emphases} == {0.0}


def test_the_steadiest_voice_has_a_dead_zone():
    """A thousand words of one level narrow the zone, but not to nothing."""
    levels_db = [0.0] * 1000
    levels_db[500] = LOUDNESS.up * LOUDNESS.spread / 2 - 0.1
    assert marks(judge(said(["word"] * 1000), heard(levels_db))) == {}


def test_a_lively_speaker_needs_more():
    """What stands out of an even voice is usual in a lively one."""
    even, lively = [0.0] * 60, [0.0, 7.0, -7.0] * 20
    even[30] = lively[30] = 3.0
    words = said(["word"] * 60)
    assert judge(words, heard(even))[30].louder > 0
    assert judge(words, heard(lively))[30].louder == 0


def test_a_phrase_is_its_own_measure():
    """A softly spoken aside has no soft words, and a usual one in it is loud."""
    words = said((["word"] * 7 + ["end."]) * 3)
    levels_db = np.concatenate([heard([level_db] * 8).level_db for level_db in (0.0, -5.0, 0.0)])
    levels_db[11] += 6.0
    emphases = judge(words, heard([0.0] * 24)._replace(level_db=levels_db))
    assert set(marks([emphasis.model_copy(update={"higher": 0, "slower": 0}) for emphasis in emphases])) == {
        (11, "louder")
    }


def test_function_words_stand_out_less():
    """They vary more, so the same loudness that marks another word does not mark an article."""
    unusual_db = [0.0] * 20
    unusual_db[10] = 2.5
    texts = ["word"] * 20
    assert judge(said(texts), heard(unusual_db, texts))[10].louder > 0
    texts[10] = "The"
    assert judge(said(texts), heard(unusual_db, texts))[10].louder == 0


@pytest.mark.parametrize(("language", "is_one"), [(None, False), ("ko", False), ("en", False), ("de", True)])
def test_function_words_are_those_of_the_words_own_language(language, is_one):
    """An article of German is one in German, where it is said more softly; elsewhere it is a word like any other."""
    unusual_db, texts = [0.0] * 20, ["word"] * 20
    unusual_db[10], texts[10] = 2.5 + LOUDNESS.function * is_one, "Die"
    assert (judge(said(texts), heard(unusual_db), language)[10].louder == 0) == is_one


def test_the_lists_are_as_words_are_compared():
    """Every word of every list is found again, written large and with its full stop."""
    for language, words in function_words().items():
        assert len(words) > 50
        assert all(is_function_word(f"{word.capitalize()}.", language) for word in words), language


def test_nobody_known_and_too_few_words_are_not_judged():
    """Without a speaker, or without enough words of one, there is no emphasis rather than a usual one."""
    few = FEWEST_WORDS - 1
    assert judge(said(["word"] * 9, speaker=None), heard([0.0] * 9)) == [None] * 9
    assert judge(said(["word"] * few), heard([0.0] * few)) == [None] * few
    assert judge([], heard([])) == []


def test_what_was_not_measured_is_absent():
    """Digital silence has no level, noise no pitch, and a word whose times were shared out no length."""
    random = np.random.default_rng(3)
    sound = np.concatenate([np.zeros(RATE_HZ), 0.1 * random.normal(size=RATE_HZ)]).astype(np.float32)
    (frames,) = measure([sound])
    silent = SpokenWord(text="word", start_s=0.2, end_s=0.6, timing="aligned", speaker="A")
    noise = SpokenWord(text="word", start_s=1.2, end_s=1.6, timing="interpolated", speaker="A")
    found = measure_words([silent, noise], frames)
    assert np.isnan(found.level_db).tolist() == [True, False]
    assert np.isnan(found.pitch_st).all()
    assert np.isnan(found.log_length).tolist() == [False, True]
    unknown = WordMeasures(*np.full((4, 12), np.nan))
    assert judge(said(["word"] * 12), unknown) == [None] * 12
    assert Emphasis().louder is None


@pytest.mark.parametrize(("text", "is_one"), [("The", True), ("“don’t”", True), ("of,", True), ("word", False)])
def test_function_words_are_known_with_their_marks(text, is_one):
    """Case, quotes and punctuation do not hide them."""
    assert is_function_word(text, "en") == is_one
