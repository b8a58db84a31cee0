"""Whose voice it is, of those who are known: names, questions, and nothing at all."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Turn
from ecg_audio.speech.known_voices import (
    HEARD_S,
    LEAST_S,
    MAYBE,
    MOST_S,
    SHORTEST_S,
    SURE,
    KnownVoice,
    alone,
    namings,
    seconds,
)

LONG_S = 20.0


def at(cosine: float) -> tuple[float, ...]:
    """A unit vector so alike to (1, 0)."""
    return cosine, math.sqrt(1 - cosine * cosine)


def known(name: str, vector: tuple[float, ...] = (1.0, 0.0), encoder: str = "this") -> KnownVoice:
    """A known voice."""
    return KnownVoice(name=name, encoder=encoder, vector=vector, speech_s=LONG_S, remembered_at="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("cosine", "speech_s", "sure"),
    [
        (SURE + 0.01, LONG_S, True),
        (SURE + 0.01, LEAST_S - 0.1, False),  # too little to be sure
        (SURE + 0.01, HEARD_S - 0.1, None),  # too little for anything
        ((SURE + MAYBE) / 2, LONG_S, False),
        (MAYBE - 0.01, LONG_S, None),
    ],
)
def test_a_name_is_sure_a_question_or_nothing(cosine: float, speech_s: float, sure: bool | None) -> None:
    """Above the threshold it is a name, below it "maybe", far below nothing; little speech makes nothing sure."""
    found = namings([known("Sheila")], {"SPEAKER_00": (at(cosine), speech_s)}, "this")
    assert (found["SPEAKER_00"].sure if found else None) is sure
    if found:
        assert found["SPEAKER_00"].name == "Sheila" and found["SPEAKER_00"].by == "voice"
        assert found["SPEAKER_00"].similarity == pytest.approx(cosine, abs=0.001)


def test_vectors_of_another_encoder_say_nothing() -> None:
    """The same numbers made by another encoder are no likeness."""
    assert namings([known("Sheila", encoder="other")], {"A": ((1.0, 0.0), LONG_S)}, "this") == {}


def test_one_voice_names_one_speaker() -> None:
    """The speaker who is most like it has the name; another one who is like it too is a question."""
    heard = {"A": (at(0.9), LONG_S), "B": (at(0.99), LONG_S)}
    found = namings([known("Sheila")], heard, "this")
    assert found["B"].sure and not found["A"].sure and found["A"].name == "Sheila"


def test_a_voice_shows_its_vector_to_no_log() -> None:
    """What is printed of a voice holds no number of its vector."""
    assert "0.123" not in repr(known("Sheila", (0.123, 0.99)))


turns = st.lists(
    st.builds(
        lambda speaker, start_s, length_s: Turn(speaker=speaker, start_s=start_s, end_s=start_s + length_s),
        st.sampled_from("AB"),
        st.floats(0, 200),
        st.floats(0.01, 90),
    ),
    max_size=8,
)


@given(turns)
def test_a_speaker_is_heard_alone(said: list[Turn]) -> None:
    """Stretches are the speaker's, nobody else's, in order, disjoint, long enough each, and not too many."""
    for speaker, spans in alone(said).items():
        own = [turn for turn in said if turn.speaker == speaker]
        others = [turn for turn in said if turn.speaker != speaker]
        for span in spans:
            middle_s = (span.start_s + span.end_s) / 2
            assert span.end_s - span.start_s >= SHORTEST_S - 1e-9
            assert any(turn.start_s <= middle_s <= turn.end_s for turn in own)
            assert not any(turn.start_s < span.end_s and span.start_s < turn.end_s for turn in others)
        assert all(one.end_s <= after.start_s for one, after in itertools.pairwise(spans))
        assert seconds(spans) <= MOST_S + 1e-6
