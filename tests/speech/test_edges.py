import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecg_audio.analysis import Timing, Transcript, Utterance, Word
from ecg_audio.speech import edges, islands

NOISE_DBFS, SPEECH_DBFS = -60.0, -20.0


def frames(duration_s: float, *sounds: tuple[float, float], level_dbfs: float = SPEECH_DBFS) -> NDArray[np.float32]:
    """Levels of a quiet room in which there is sound from and to these times."""
    level = np.random.default_rng(0).normal(NOISE_DBFS, 0.7, round(duration_s * 100) + 1)
    for start_s, end_s in sounds:
        level[round(start_s * 100) : round(end_s * 100)] = level_dbfs
    return level.astype(np.float32)


def said(*words: tuple[str, float, float], timing: Timing = "engine") -> Transcript:
    """A transcript of one utterance."""
    spoken = tuple(Word(text=text, start_s=start_s, end_s=end_s, timing=timing) for text, start_s, end_s in words)
    utterance = Utterance(
        start_s=spoken[0].start_s if spoken else 0.0,
        end_s=spoken[-1].end_s if spoken else 0.0,
        text=" ".join(word.text for word in spoken),
        words=spoken,
    )
    return Transcript(model="m", language="en", utterances=(utterance,), speech=())


def words_of(transcript: Transcript) -> list[Word]:
    """All words in order."""
    return [word for utterance in transcript.utterances for word in utterance.words]


def settle(transcript: Transcript, level_dbfs: NDArray[np.float32]) -> list[Word]:
    """The words with their edges settled."""
    return words_of(edges.refined(transcript, level_dbfs).transcript)


def silence_s(word: Word, silent: NDArray[np.bool_]) -> float:
    """Seconds of silent frames in a word."""
    first, end = int(np.ceil(word.start_s * 100 - 1e-6)), int(np.floor(word.end_s * 100 + 1e-6)) + 1
    return float(silent[first:end].sum()) / 100


def test_a_word_that_swallowed_a_pause_begins_where_it_sounds() -> None:
    """A word timed over the end of one phrase, a pause and its own sound, is the first of the second phrase."""
    level = frames(4.0, (0.5, 1.3), (2.5, 3.2))
    words = settle(said(("not", 0.5, 1.2), ("what", 1.2, 2.66), ("your", 2.66, 2.9), ("land.", 2.9, 3.3)), level)
    assert [word.start_s for word in words] == pytest.approx([0.5, 2.5, 2.66, 2.9], abs=0.011)
    assert [word.end_s for word in words] == pytest.approx([1.3, 2.66, 2.9, 3.2], abs=0.011)


def test_a_pause_that_is_swallowed_at_the_end_is_given_back() -> None:
    """The last word of a phrase ends with its sound, and the silence after it is the next word's `pause_before_s`."""
    level = frames(4.0, (0.5, 1.3), (2.5, 3.2))
    words = settle(said(("my", 0.5, 0.8), ("friends,", 0.8, 2.5), ("ask", 2.5, 3.2)), level)
    assert words[1].end_s == pytest.approx(1.3, abs=0.011)
    assert words[2].pause_before_s == pytest.approx(1.2, abs=0.021)
    assert words[0].pause_before_s is None
    assert words[1].pause_before_s == 0.0


def test_lengths_decide_where_a_word_without_sound_belongs() -> None:
    """Two words timed in a pause, nearer to the phrase before it, go to the one after it, where there is room."""
    level = frames(4.0, (0.5, 0.8), (1.6, 3.2))
    words = settle(
        said(("yes", 0.5, 0.8), ("extraordinary", 1.0, 1.2), ("circumstances", 1.2, 1.4), ("so", 1.7, 3.2)), level
    )
    assert words[0].end_s == pytest.approx(0.8, abs=0.011)
    assert words[1].start_s == pytest.approx(1.6, abs=0.011)
    assert all(word.end_s - word.start_s >= 0.2 for word in words[1:3])


def test_a_closure_is_no_pause() -> None:
    """Silence of 100 ms inside a word stays inside it."""
    level = frames(2.0, (0.5, 0.8), (0.9, 1.2))
    (word,) = settle(said(("apple", 0.5, 1.2), timing="aligned"), level)
    assert (word.start_s, word.end_s) == pytest.approx((0.5, 1.2), abs=0.011)


def test_aligned_words_inside_their_sound_are_left_alone() -> None:
    """An aligner's inner edges are not moved."""
    level = frames(3.0, (0.5, 2.0))
    words = settle(said(("one", 0.51, 0.9), ("two", 0.95, 1.4), ("three", 1.4, 1.98), timing="aligned"), level)
    assert [(word.start_s, word.end_s) for word in words[1:2]] == [(0.95, 1.4)]
    assert words[0].start_s == pytest.approx(0.5, abs=0.011)


def test_sound_before_the_first_word_is_not_always_its() -> None:
    """A word timed a second after a sound begins does not begin with it: something else was said there."""
    level = frames(4.0, (0.5, 3.0))
    (word,) = settle(said(("yes", 2.0, 2.4), timing="aligned"), level)
    assert word.start_s == 2.0


def test_words_outside_all_sound_are_told_and_left() -> None:
    """A word where nothing is heard keeps its time, is reported, and the silence around it is not known."""
    level = frames(6.0, (0.5, 1.0), (4.5, 5.0))
    found = edges.refined(said(("hi", 0.5, 1.0), ("thanks", 2.5, 3.0), ("bye", 4.5, 5.0)), level)
    words = words_of(found.transcript)
    assert found.outside == {1}
    assert (words[1].start_s, words[1].end_s) == (2.5, 3.0)
    assert words[1].pause_before_s is None
    assert words[2].pause_before_s is None


def test_digital_silence_does_not_make_noise_a_sound() -> None:
    """Half a second of zeros put into a pause does not change what counts as sound around it."""
    level = frames(4.0, (0.5, 1.3), (2.5, 3.2))
    longer = np.concatenate([level[:190], np.full(50, np.nan, np.float32), level[190:]])
    before = settle(said(("so", 0.5, 1.9), ("what", 1.9, 3.2)), level)
    after = settle(said(("so", 0.5, 1.9), ("what", 1.9, 3.7)), longer)
    assert after[0] == before[0]
    assert after[1].start_s == pytest.approx(before[1].start_s + 0.5, abs=0.011)


def test_quiet_speech_beside_loud_speech_is_sound() -> None:
    """Somebody 20 dB fainter than another is heard; a breath 35 dB below them is not."""
    level = frames(20.0, (1.0, 3.0), (12.0, 14.0))
    level[1200:1400] = SPEECH_DBFS - 20
    level[500:530] = SPEECH_DBFS - 35
    found = islands.found(level)
    assert found.start_s == pytest.approx([1.0, 12.0], abs=0.011)


def test_an_utterance_holds_its_words() -> None:
    """Where a word's sound begins before its utterance did, the utterance begins earlier too."""
    level = frames(3.0, (0.5, 2.0))
    transcript = said(("hello", 0.6, 1.0), ("there", 1.0, 1.9))
    utterance = edges.refined(transcript, level).transcript.utterances[0]
    assert utterance.start_s == utterance.words[0].start_s == pytest.approx(0.5, abs=0.011)
    assert utterance.end_s == utterance.words[-1].end_s == pytest.approx(2.0, abs=0.011)


def test_utterances_that_overlap_are_put_in_order() -> None:
    """Where one utterance is timed into the next, words keep the order in which they are written."""
    level = frames(4.0, (0.5, 1.3), (1.8, 3.0))
    first, second = said(("one", 0.5, 0.9), ("two", 2.0, 2.4)), said(("three", 1.9, 2.2), ("four", 2.2, 2.9))
    both = first.model_copy(update={"utterances": first.utterances + second.utterances})
    words = settle(both, level)
    assert [word.text for word in words] == ["one", "two", "three", "four"]
    assert all(before.end_s <= after.start_s for before, after in itertools.pairwise(words))


@pytest.mark.parametrize("level", [np.zeros(0, np.float32), np.full(300, np.nan, np.float32)])
def test_without_sound_every_word_is_outside(level: NDArray[np.float32]) -> None:
    """No frames, or digital silence alone: nothing is moved, and all is told."""
    transcript = said(("hello", 0.5, 1.0), ("there", 1.0, 1.5))
    found = edges.refined(transcript, level)
    assert found.outside == {0, 1}
    assert [(word.start_s, word.end_s) for word in words_of(found.transcript)] == [(0.5, 1.0), (1.0, 1.5)]


def test_nothing_said_is_nothing_settled() -> None:
    """A transcript without words comes back as it was."""
    transcript = said()
    assert edges.refined(transcript, frames(1.0)).transcript == transcript


# Properties


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Transcript, NDArray[np.float32]]:
    """Words in order, timed anyhow, and sound anywhere."""
    sounds, at = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(1, 90), st.integers(2, 150)), max_size=6)):
        sounds.append(((at + gap) / 100, (at + gap + length) / 100))
        at += gap + length
    duration_s = (at + draw(st.integers(0, 100))) / 100
    times = sorted(draw(st.lists(st.integers(0, round(duration_s * 100)), min_size=0, max_size=24)))
    texts = st.sampled_from(["a", "word", "extraordinary", "25%", "네", "I'm"])
    timings = st.sampled_from(["aligned", "engine", "interpolated"])
    words = [
        Word(text=draw(texts), start_s=start / 100, end_s=end / 100, timing=draw(timings))
        for start, end in zip(times[::2], times[1::2], strict=False)
    ]
    cut = draw(st.integers(0, len(words)))
    utterances = [
        Utterance(start_s=part[0].start_s, end_s=part[-1].end_s, text="", words=tuple(part))
        for part in (words[:cut], words[cut:])
        if part
    ]
    transcript = Transcript(model="m", language="en", utterances=tuple(utterances), speech=())
    return transcript, frames(duration_s, *sounds)


@settings(deadline=None)
@given(recordings())
def test_order_is_kept_and_nothing_leaves_the_recording(case: tuple[Transcript, NDArray[np.float32]]) -> None:
    """The same words in the same order, none overlapping, none before the start or after the end."""
    transcript, level = case
    before, after = words_of(transcript), settle(transcript, level)
    assert [word.text for word in after] == [word.text for word in before]
    at_s = 0.0
    for word in after:
        assert at_s <= word.start_s <= word.end_s
        at_s = word.end_s
    assert at_s <= len(level) / 100


@settings(deadline=None)
@given(recordings())
def test_no_word_in_sound_holds_a_pause(case: tuple[Transcript, NDArray[np.float32]]) -> None:
    """Every word that is not reported outside lies in one stretch of sound, mute for no more than 150 ms in all."""
    transcript, level = case
    found = edges.refined(transcript, level)
    sound = islands.found(level)
    for index, word in enumerate(words_of(found.transcript)):
        if index in found.outside:
            continue
        assert silence_s(word, sound.mute) <= islands.LONGEST_CLOSURE_S + 1e-9
        held = (sound.start_s - 0.001 <= word.start_s) & (word.end_s <= sound.end_s + 0.001)
        assert held.any()


@settings(deadline=None)
@given(recordings())
def test_settling_again_changes_nothing(case: tuple[Transcript, NDArray[np.float32]]) -> None:
    """What is settled is settled."""
    transcript, level = case
    once = edges.refined(transcript, level)
    assert edges.refined(once.transcript, level) == once


@settings(deadline=None)
@given(recordings())
def test_pauses_are_the_gaps_between_words(case: tuple[Transcript, NDArray[np.float32]]) -> None:
    """Pauses before words are the gaps between them."""
    transcript, level = case
    found = edges.refined(transcript, level)
    words = words_of(found.transcript)
    for index, (before, word) in enumerate(itertools.pairwise(words), 1):
        if {index, index - 1} & found.outside:
            assert word.pause_before_s is None
        else:
            assert word.pause_before_s == pytest.approx(word.start_s - before.end_s, abs=0.0011)
