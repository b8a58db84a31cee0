"""Voices are told apart by windows and local speakers together, on vectors whose speakers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecg_audio.speech import voices
from ecg_audio.speech.voices import VoiceEvidence, likeness, runs, tell_apart

FRAME_S = 0.02
CHUNK_S = 10.0
DIMENSION = 32


def unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    """Of length one."""
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def speaker_vectors(count: int, cosine: float) -> list[NDArray[np.float32]]:
    """Unit vectors whose every pair has this cosine."""
    own = np.eye(DIMENSION)
    common = own[-1]
    return [unit(np.sqrt(cosine) * common + np.sqrt(1 - cosine) * own[index]) for index in range(count)]


def heard(
    turns: list[tuple[int, float, float]],
    speakers: list[NDArray[np.float32]],
    *,
    noise: float = 0.0,
    split: bool = True,
    both_s: tuple[float, float] = (0.0, 0.0),
) -> VoiceEvidence:
    """What perfect models hear of turns (speaker, start_s, end_s) in order; unless `split`, the segmentation hears one.

    During `both_s` the first two people of each chunk speak at once.
    """
    random = np.random.default_rng(1)
    duration_s = max(end_s for _, _, end_s in turns)
    count = round(duration_s / FRAME_S)
    who = np.full(count, -1)
    for speaker, start_s, end_s in turns:
        who[round(start_s / FRAME_S) : round(end_s / FRAME_S)] = speaker
    starts = np.arange(0, max(1, count - round(CHUNK_S / FRAME_S) + 1), round(1 / FRAME_S))
    active = np.zeros((len(starts), round(CHUNK_S / FRAME_S), 3), dtype=bool)
    for chunk, start in enumerate(starts):
        said_by = who[start : start + active.shape[1]]
        for local, speaker in enumerate(dict.fromkeys(said_by[said_by >= 0].tolist())):
            active[chunk, : len(said_by), local if split else 0] |= said_by == speaker
        first, last = (max(0, round(at_s / FRAME_S) - int(start)) for at_s in both_s)
        active[chunk, first:last, :2] = True

    def vector(first: float, last: float) -> NDArray[np.float32]:
        said_by = who[max(0, round(first / FRAME_S)) : max(1, round(last / FRAME_S))]
        said_by = said_by[said_by >= 0]
        if not len(said_by):
            return np.full(DIMENSION, np.nan, np.float32)
        mean = np.mean([speakers[speaker] for speaker in said_by.tolist()], axis=0)
        return unit(mean + noise * random.standard_normal(DIMENSION) / np.sqrt(DIMENSION))

    half = voices.WINDOW_S / 2
    centres = np.arange(0, duration_s, voices.HOP_S).tolist()
    spans = runs(who >= 0, active, starts) * FRAME_S
    return VoiceEvidence(
        vectors=np.array([vector(at - half, at + half) for at in centres]),
        run_vectors=np.array([vector(first, last) for first, last in spans.tolist()]).reshape(-1, DIMENSION),
        speech=who >= 0,
        active=active,
        starts=starts,
        frame_s=FRAME_S,
    )


ALTERNATING = [(0, 0.5, 4.0), (1, 4.2, 8.0), (0, 8.3, 12.0), (1, 12.2, 16.0), (0, 16.5, 19.0), (1, 19.0, 23.0)]


def agreement(turns: list[tuple[int, float, float]], speaker: NDArray[np.int64]) -> float:
    """Share of the turns' time given to the speaker whom most of that person's time has."""
    found = [(true, speaker[round(start / FRAME_S) : round(end / FRAME_S)]) for true, start, end in turns]
    right = 0
    for person in {true for true, _ in found}:
        said = np.concatenate([labels for true, labels in found if true == person])
        right += np.bincount(said[said >= 0]).max()
    return float(right / sum(len(labels) for _, labels in found))


@pytest.mark.parametrize("split", [True, False], ids=["the segmentation hears two", "the segmentation hears one"])
def test_two_different_voices_are_two_speakers(split: bool) -> None:
    """Also where the segmentation takes them for one: the windows know better."""
    told = tell_apart(heard(ALTERNATING, speaker_vectors(2, 0.5), noise=0.3, split=split))
    assert len(told.centroids) == 2
    assert agreement(ALTERNATING, told.speaker) > 0.95
    assert (told.speaker[: round(0.4 / FRAME_S)] == -1).all()


def test_one_voice_recorded_twice_is_one_speaker() -> None:
    """Two parts of one reader, 0.85 alike and short, whom the segmentation hears as one person."""
    turns = [(0, 0.0, 9.0), (1, 9.2, 11.2)]
    told = tell_apart(heard(turns, speaker_vectors(2, 0.85), noise=0.3, split=False))
    assert len(told.centroids) == 1


def test_two_like_voices_in_one_conversation_are_two() -> None:
    """As alike as that, but heard apart by the segmentation, turn after turn."""
    told = tell_apart(heard(ALTERNATING, speaker_vectors(2, 0.6), noise=0.3))
    assert len(told.centroids) == 2
    cosine = 0.86
    assert likeness(cosine, 5.0, as_one=1.0, together_s=20.0) > 0
    assert likeness(cosine, 5.0, as_one=0.05, together_s=20.0) < 0


@given(
    cosine=st.floats(-1, 1),
    shorter_s=st.floats(0.1, 100),
    longer_s=st.floats(0.1, 100),
    as_one=st.floats(0, 1),
    together_s=st.floats(0, 100),
)
def test_more_speech_asks_for_more_likeness(
    cosine: float, shorter_s: float, longer_s: float, as_one: float, together_s: float
) -> None:
    """Less speech, a higher cosine, or being heard as one never make two parts less alike; silence is neutral."""
    shorter_s, longer_s = sorted((shorter_s, longer_s))
    score = likeness(cosine, longer_s, as_one, together_s)
    assert likeness(cosine, shorter_s, as_one, together_s) >= score
    assert likeness(cosine, longer_s, 1.0, together_s) >= score
    assert likeness(min(1.0, cosine + 0.1), longer_s, as_one, together_s) >= score
    assert likeness(cosine, longer_s, float("nan"), 0.0) == likeness(cosine, longer_s, 1.0, together_s)


@pytest.mark.parametrize(("least", "most"), [(1, 1), (2, 2), (1, 2), (3, 3)])
def test_bounds_on_the_number_of_voices_are_kept(least: int, most: int) -> None:
    """Three voices that are there become as few, and stay as many, as is asked."""
    turns = [(speaker, 4.0 * n, 4.0 * n + 3.8) for n, speaker in enumerate([0, 1, 2, 0, 1, 2])]
    told = tell_apart(heard(turns, speaker_vectors(3, 0.4), noise=0.2), least=least, most=most)
    assert least <= len(told.centroids) <= most


def test_a_change_lies_where_the_segmentation_hears_one() -> None:
    """Windows of 1.6 s cannot place a change without a pause to 40 ms; the segmentation can."""
    told = tell_apart(heard(ALTERNATING, speaker_vectors(2, 0.5), noise=0.3))
    change = round(19.0 / FRAME_S)
    changes = np.flatnonzero(np.diff(told.speaker[change - 40 : change + 40]))
    assert len(changes) == 1
    assert abs(changes[0] - 39) <= 2


def test_a_second_speaker_is_named_where_two_speak() -> None:
    """Overlap goes to the voice that the second local speaker has elsewhere, and nowhere else."""
    told = tell_apart(heard(ALTERNATING, speaker_vectors(2, 0.5), both_s=(3.0, 4.0)), least=2, most=2)
    both = slice(round(3.0 / FRAME_S), round(4.0 / FRAME_S))
    first_speaker = told.speaker[round(1.0 / FRAME_S)]
    assert (told.second[both] == 1 - first_speaker).mean() > 0.9
    elsewhere = np.delete(told.second, np.arange(both.start, both.stop))
    assert (elsewhere == -1).all()


def test_no_speech_has_no_voices() -> None:
    """Silence: nobody, anywhere."""
    silence = VoiceEvidence(
        vectors=np.full((8, DIMENSION), np.nan, np.float32),
        run_vectors=np.zeros((0, DIMENSION), np.float32),
        speech=np.zeros(100, dtype=bool),
        active=np.zeros((1, 100, 3), dtype=bool),
        starts=np.zeros(1, dtype=np.int64),
        frame_s=FRAME_S,
    )
    told = tell_apart(silence)
    assert told.centroids.shape == (0, DIMENSION)
    assert (told.speaker == -1).all() and (told.second == -1).all()


def test_runs_end_at_pauses_and_where_somebody_begins() -> None:
    """Each run is speech without a pause by one and the same set of people."""
    found = heard(ALTERNATING, speaker_vectors(2, 0.5))
    spans = runs(found.speech, found.active, found.starts) * FRAME_S
    expected = [(start, end) for _, start, end in ALTERNATING]
    assert np.abs(spans - np.array(expected)).max() <= 0.06
