"""Arbitrary analyses for hypothesis: any text, any time, any figure, anything absent."""

from typing import Any, get_args

from hypothesis import strategies as st

from ecg_audio.analysis import (
    Analysis,
    Emotion,
    EmotionLabel,
    Emphasis,
    Notice,
    RelativeVoice,
    RelativeVolume,
    SpokenWord,
    Timing,
    Turn,
    VoiceFeatures,
    VolumeCategory,
)
from tests.support.results import factory

FIGURES = st.floats(allow_nan=False, allow_infinity=False, width=32)
TIMES_S = st.floats(min_value=0, max_value=86_400)
SPEAKERS = st.sampled_from(["SPEAKER_00", "SPEAKER_01", "화자", "a b", "🎙️"])


def _optional(kind: type[Any], /, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    figures = {name: st.none() | FIGURES for name in kind.model_fields if name not in others}
    return st.builds(kind, **(figures | others))


voices = _optional(
    VoiceFeatures,
    mfcc=st.none() | st.tuples(*[FIGURES] * 13),
    volume_category=st.none() | st.sampled_from(get_args(VolumeCategory)),
    volume_peaks=st.none() | st.lists(FIGURES, max_size=5).map(tuple),
)
emphases = _optional(Emphasis)
relatives = _optional(RelativeVoice, volume=st.none() | st.sampled_from(get_args(RelativeVolume)))
emotions = _optional(
    Emotion, label=st.sampled_from(get_args(EmotionLabel)), confidence=FIGURES, model=st.text(max_size=5)
)


@st.composite
def words(draw: st.DrawFn) -> SpokenWord:
    """One word whose times run forward."""
    start_s, end_s = sorted(draw(st.tuples(TIMES_S, TIMES_S)))
    return SpokenWord(
        text=draw(st.text(max_size=12)),
        start_s=start_s,
        end_s=end_s,
        confidence=draw(st.none() | FIGURES),
        timing=draw(st.sampled_from(get_args(Timing))),
        suspect=draw(st.none() | st.text(max_size=5)),
        speaker=draw(st.none() | SPEAKERS),
        voice=draw(st.none() | voices),
        relative=draw(st.none() | relatives),
        emphasis=draw(st.none() | emphases),
    )


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    """One turn, of any length, zero too."""
    start_s, end_s = sorted(draw(st.tuples(TIMES_S, TIMES_S)))
    return Turn(speaker=draw(SPEAKERS), start_s=start_s, end_s=end_s)


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    """A whole analysis; its turns and words need not agree."""
    spoken = sorted(draw(st.lists(words(), max_size=6)), key=lambda word: word.start_s)
    made = factory.analysis(spoken, turns=tuple(draw(st.lists(turns(), max_size=5))))
    segments = tuple(
        segment.model_copy(update={"voice": draw(st.none() | voices), "emotion": draw(st.none() | emotions)})
        for segment in made.segments
    )
    notices = tuple(Notice(code="ANY", message=message) for message in draw(st.lists(st.text(), max_size=2)))
    return made.model_copy(update={"segments": segments, "notices": notices, "title": draw(st.text())})
