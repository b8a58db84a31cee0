"""Events from everything that may say so: in order, inside the recording, one of a kind at a time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import Diarization, Event, Span, Transcript, Turn, Utterance, Word
from ecg_audio.sound_events import Remark, Remarks
from ecg_audio.sounds import kinds, signals
from ecg_audio.sounds.events import EventSearch

DURATION_S = 20.0


def frames(*sounding: tuple[float, float]) -> dict[str, "np.ndarray"]:
    """Frames of a quiet room in which something voiced and uneven sounds between these times."""
    count = round(DURATION_S * 100)
    rng = np.random.default_rng(4)
    level = -70 + rng.normal(0, 1, count)
    f0 = np.full(count, np.nan)
    for start_s, end_s in sounding:
        here = slice(round(start_s * 100), round(end_s * 100))
        level[here] = -25 + 6 * np.sin(np.arange(here.stop - here.start) / 4)
        f0[here] = 150
    made = {"rms_dbfs": level, "spectral_flatness": np.full(count, 0.005), "f0_hz": f0}
    made["spectral_centroid_hz"] = 1000 + 300 * rng.random(count)
    return {name: values.astype(np.float32) for name, values in made.items()}


def transcript(*words: tuple[float, float]) -> Transcript:
    """Words at these times."""
    said = tuple(Word(text="word", start_s=start_s, end_s=end_s) for start_s, end_s in words)
    one = Utterance(start_s=words[0][0], end_s=words[-1][1], text="", words=said)
    return Transcript(model="m", language="en", utterances=(one,), speech=())


TALK = transcript((1.0, 3.0), (12.0, 14.0))


def test_a_silence_inside_talk_is_a_pause() -> None:
    """Two seconds and more without a sound between two words; before the first and after the last is none."""
    found = EventSearch(TALK, frames((1, 3), (12, 14)), DURATION_S, kinds.ALL).events(None, None)
    assert [(event.kind, event.found_by, event.score) for event in found] == [("pause", "frames", None)]
    assert found[0].start_s == pytest.approx(3.0, abs=0.1) and found[0].end_s == pytest.approx(12.0, abs=0.1)


def test_a_sound_between_words_parts_a_pause() -> None:
    """What sounds in it is no silence, whatever it is."""
    found = EventSearch(TALK, frames((1, 3), (6, 7.8), (12, 14)), DURATION_S, kinds.ALL).events(None, None)
    assert [(round(event.start_s), round(event.end_s + 0.01)) for event in found] == [(3, 6), (8, 12)]


def test_the_recogniser_is_asked_for_what_sounds_without_words() -> None:
    """Not for words, not for silence; what most of its likeliest texts name is an event, with their share as score."""
    search = EventSearch(TALK, frames((1, 3), (6, 7.5), (12, 14)), DURATION_S, kinds.ALL)
    (asked,) = search.unnamed(6.0)
    assert asked.start_s == pytest.approx(6.0, abs=0.1) and asked.end_s == pytest.approx(7.5, abs=0.1)

    def laughter(*texts: tuple[str, float]) -> list[float | None]:
        place = {"start_s": asked.start_s, "end_s": asked.end_s}
        remarks = tuple(Remark(**place, text=text, probability=probability) for text, probability in texts)
        found = search.events(None, Remarks(remarks=remarks))
        assert {event.found_by for event in found if event.kind == "laughter"} <= {"recogniser"}
        return [event.score for event in found if event.kind == "laughter"]

    assert laughter(("(laughs)", 0.05), ("[laughter]", 0.04), ("Okay.", 0.01)) == [0.9]
    assert laughter(("(laughs)", 0.05), ("Okay.", 0.06)) == []
    assert laughter(("(laughs)", 0.001), ("[laughter]", 0.001)) == []
    assert laughter() == []


def test_a_burst_in_a_long_stretch_is_asked_for_by_itself() -> None:
    """A second of laughter in five of rustling is named when it is heard alone."""
    measured = frames((1, 3), (5, 10), (12, 14))
    here = slice(500, 1000)
    measured["rms_dbfs"][here] -= 20
    measured["rms_dbfs"][800:900] += 20
    asked = EventSearch(TALK, measured, DURATION_S, kinds.ALL).unnamed(6.0)
    assert [(round(span.start_s), round(span.end_s)) for span in asked] == [(5, 10), (8, 9)]


@pytest.mark.parametrize(("length_s", "expected"), [(0.6, []), (2.0, ["music"])])
def test_music_lasts_longer_than_a_word(length_s: float, expected: list[str]) -> None:
    """A recogniser takes a short "mm" for music."""
    search = EventSearch(TALK, frames((1, 3), (6, 6 + length_s), (12, 14)), DURATION_S, ("music",))
    (asked,) = search.unnamed(6.0)
    remark = Remark(start_s=asked.start_s, end_s=asked.end_s, text="[Music]", probability=0.4)
    assert [event.kind for event in search.events(None, Remarks(remarks=(remark,)))] == expected


def test_voices_at_once_without_a_word_are_crosstalk() -> None:
    """Where turns overlap and no word was made out for a second; laughter there is laughter."""
    turns = (Turn(speaker="A", start_s=5.0, end_s=8.0), Turn(speaker="B", start_s=6.0, end_s=9.0))
    who = Diarization(model="m", turns=turns, exclusive=())
    search = EventSearch(TALK, frames((1, 3), (5, 9), (12, 14)), DURATION_S, kinds.ALL)
    (crosstalk,) = [event for event in search.events(who, None) if event.kind == "crosstalk"]
    assert (crosstalk.start_s, crosstalk.end_s, crosstalk.found_by) == (6.0, 8.0, "diarization")
    remark = Remark(start_s=5.0, end_s=9.0, text="(laughs)", probability=0.4)
    laughing = search.events(who, Remarks(remarks=(remark,)))
    assert "crosstalk" not in {event.kind for event in laughing}


def test_only_what_is_sought_is_found() -> None:
    """Without a kind that can be asked for, nobody is asked."""
    search = EventSearch(TALK, frames((1, 3), (6, 7.5), (12, 14)), DURATION_S, ("tone",))
    assert search.unnamed(6.0) == () and search.events(None, None) == ()


times_s = st.floats(0, DURATION_S, allow_nan=False)
spans = st.tuples(times_s, times_s).map(sorted).map(lambda pair: Span(start_s=pair[0], end_s=pair[1]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(spans, max_size=6),
    st.lists(st.tuples(spans, st.sampled_from(["(laughs)", "[Music]", "(clapping)", "Yes."])), max_size=6),
    st.lists(st.tuples(spans, st.sampled_from(kinds.ALL), st.floats(0, 1)), max_size=6),
    st.lists(st.tuples(spans, st.sampled_from("ABC")), max_size=6),
)
def test_events_are_inside_in_order_and_one_of_a_kind_at_a_time(
    said: list[Span],
    remarked: list[tuple[Span, str]],
    heard: list[tuple[Span, str, float]],
    turns: list[tuple[Span, str]],
) -> None:
    """Whatever everybody says."""
    words = sorted((span.start_s, span.end_s) for span in said) or [(0.0, 0.5)]
    remarks = tuple(Remark(start_s=s.start_s, end_s=s.end_s, text=text, probability=0.5) for s, text in remarked)
    classified = [
        Event(kind=kind, start_s=s.start_s, end_s=s.end_s, found_by="classifier", score=score)  # type: ignore[arg-type]
        for s, kind, score in heard
    ]
    who = tuple(Turn(speaker=speaker, start_s=s.start_s, end_s=s.end_s) for s, speaker in turns)
    search = EventSearch(transcript(*words), frames((2, 5), (9, 11)), DURATION_S, kinds.ALL)
    found = search.events(Diarization(model="m", turns=who, exclusive=()), Remarks(remarks=remarks), classified)
    assert list(found) == sorted(found, key=lambda event: (event.start_s, event.end_s, event.kind))
    assert all(0 <= event.start_s < event.end_s <= DURATION_S for event in found)
    for kind in kinds.ALL:
        own = [event for event in found if event.kind == kind]
        assert all(one.end_s <= other.start_s for one, other in pairwise(own))


def test_frames_need_only_the_named_columns() -> None:
    """What the task reads is what the rules use."""
    assert set(frames()) == set(signals.COLUMNS)
