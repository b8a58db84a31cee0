"""The transcript with its voice: every word, segment and speaker with how they sounded."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ecg_audio.analysis import (
    Exchange,
    PitchStatistics,
    RelativeVoice,
    Segment,
    Speaker,
    SpokenWord,
    Tempo,
    Turn,
    VoiceFeatures,
    VolumeStatistics,
)
from ecg_audio.voice.conversation import exchanges, pauses_s, tempo
from ecg_audio.voice.emphasis import judge, measure_words
from ecg_audio.voice.filled_pauses import is_filled_pause
from ecg_audio.voice.spans import Aggregator, describe, edges, frame_ranges
from ecg_audio.voice.statistics import compare, pitch_statistics, volume_statistics

Array = Any


@dataclass(frozen=True, slots=True)
class Expression:
    """How a recording was spoken. `voice`, `volume` and `pitch` are of the whole; None: nothing to measure."""

    segments: tuple[Segment, ...]
    turns: tuple[Turn, ...]
    speakers: tuple[Speaker, ...]
    exchanges: tuple[Exchange, ...] | None = None
    tempo: Tempo | None = None
    voice: VoiceFeatures | None = None
    volume: VolumeStatistics | None = None
    pitch: PitchStatistics | None = None


def express(
    segments: tuple[Segment, ...], turns: tuple[Turn, ...], frames: Mapping[str, Array], duration_s: float
) -> Expression:
    """Give words, segments, speakers and the recording their voices.

    Args:
        segments: what was said, words inside; their `voice`, `relative` and `emphasis` are replaced.
        turns: who spoke when; empty where nobody was told apart, and speakers are then measured over their segments.
        frames: the columns of `analysis.FRAME_COLUMNS`, float32 (frames,), NaN where not measurable.
        duration_s: of the recording.
    """
    aggregator = Aggregator(frames)
    f0_hz = np.asarray(frames["f0_hz"])
    words = [word for segment in segments for word in segment.words]
    usual_hz = _usual_pitches(segments, turns, aggregator, f0_hz)
    word_voices = _voices(aggregator, words, usual_hz)
    segment_voices = _voices(
        aggregator,
        segments,
        usual_hz,
        words=[len(segment.words) for segment in segments],
        peaks=[aggregator.draw(segment.start_s, segment.end_s) for segment in segments],
    )
    word_relatives = _compare(words, word_voices, [_letters_per_s(word) for word in words])
    segment_relatives = _compare(
        segments,
        segment_voices,
        [voice.words_per_s if voice else None for voice in segment_voices],
        [len(segment.words) for segment in segments],
    )

    languages = [segment.language for segment in segments for _ in segment.words]
    emphases = judge(words, measure_words(words, frames), languages)

    spoken = iter(
        word.model_copy(update={"voice": voice, "relative": relative, "emphasis": emphasis})
        for word, voice, relative, emphasis in zip(words, word_voices, word_relatives, emphases, strict=True)
    )
    voiced_segments = tuple(
        segment.model_copy(
            update={"words": tuple(next(spoken) for _ in segment.words), "voice": voice, "relative": relative}
        )
        for segment, voice, relative in zip(segments, segment_voices, segment_relatives, strict=True)
    )
    whole = describe(
        aggregator.over(np.array([0.0]), np.array([duration_s])),
        np.array([duration_s]),
        words=[len(words)],
        peaks=[aggregator.draw(0.0, duration_s)],
    )[0]
    silences = pauses_s(words)
    turn_voices = _voices(aggregator, turns, usual_hz)
    return Expression(
        segments=voiced_segments,
        turns=tuple(turn.model_copy(update={"voice": voice}) for turn, voice in zip(turns, turn_voices, strict=True)),
        speakers=_speakers(voiced_segments, turns, aggregator, f0_hz, silences),
        exchanges=exchanges(turns) if turns else None,
        tempo=tempo(
            words,
            [one for lengths in silences.values() for one in lengths],
            _syllables(aggregator, words),
            _filled(segments),
        ),
        voice=whole,
        volume=volume_statistics([voice.rms_dbfs if voice else None for voice in word_voices]),
        pitch=pitch_statistics(f0_hz),
    )


@dataclass(frozen=True, slots=True)
class Track:
    """The channel of one speaker, with its frames."""

    speaker: str
    channel: int
    frames: Mapping[str, Array]


def express_apart(whole: Expression, turns: tuple[Turn, ...], tracks: Iterable[Track], duration_s: float) -> Expression:
    """Give words, segments and speakers the voices of their own channels, which overlapping speech does not disturb.

    Args:
        whole: the recording as its mix was expressed; its `voice` stays.
        turns: who spoke when.
        tracks: taken one at a time, so that the frames of one alone need be in memory.
        duration_s: of the recording.
    """
    segments = {segment.id: segment for segment in whole.segments}
    speakers: list[Speaker] = []
    heard_turns: dict[str, tuple[Turn, ...]] = {}
    pitches_hz: list[Array] = []
    for track in tracks:
        said = tuple(segment for segment in whole.segments if segment.speaker == track.speaker)
        own = express(said, tuple(turn for turn in turns if turn.speaker == track.speaker), track.frames, duration_s)
        segments |= {segment.id: segment for segment in own.segments}
        heard_turns[track.speaker] = own.turns
        speakers += [speaker.model_copy(update={"channel": track.channel}) for speaker in own.speakers]
        pitches_hz.append(np.asarray(track.frames["f0_hz"]))
    voices = [word.voice for segment in segments.values() for word in segment.words]
    return replace(
        whole,
        segments=tuple(segments.values()),
        turns=_in_their_places(whole.turns, heard_turns),
        speakers=tuple(speakers),
        volume=volume_statistics([voice.rms_dbfs if voice else None for voice in voices]),
        pitch=pitch_statistics(np.concatenate(pitches_hz)),
    )


def _filled(segments: Iterable[Segment]) -> list[SpokenWord]:
    """The words that fill pauses, of segments whose language is known and has a list."""
    return [
        word
        for segment in segments
        for word in segment.words
        if segment.language and is_filled_pause(word.text, segment.language)
    ]


def _syllables(aggregator: Aggregator, words: Sequence[SpokenWord]) -> float | None:
    """Syllable-like peaks inside the words; None where there is nothing to count in."""
    found = aggregator.over_unions([edges(words)]).syllables[0] if words else math.nan
    return float(found) if math.isfinite(found) else None


def _in_their_places(turns: tuple[Turn, ...], heard: Mapping[str, tuple[Turn, ...]]) -> tuple[Turn, ...]:
    """All turns in their order, those of the speakers that were heard apart as they were heard there."""
    own = {name: iter(voiced) for name, voiced in heard.items()}
    return tuple(next(own[turn.speaker]) if turn.speaker in own else turn for turn in turns)


def _usual_pitches(
    segments: tuple[Segment, ...], turns: tuple[Turn, ...], aggregator: Aggregator, f0_hz: Array
) -> dict[str | None, float]:
    """The median F0 of each speaker, by which their vocal tract is guessed; under None that of the whole recording."""
    found: dict[str | None, float] = {}
    for name, union in _unions(segments, turns).items():
        pitch = pitch_statistics(f0_hz[_mask(union, len(aggregator))])
        found[name] = pitch.median_hz if pitch else math.nan
    whole = pitch_statistics(f0_hz)
    return {**found, None: whole.median_hz if whole else math.nan}


def _voices(
    aggregator: Aggregator,
    spans: Sequence[SpokenWord] | Sequence[Segment] | Sequence[Turn],
    usual_hz: Mapping[str | None, float],
    **options: Any,
) -> list[VoiceFeatures | None]:
    starts_s, ends_s = edges(spans)
    voices_hz = np.array([usual_hz.get(span.speaker, math.nan) for span in spans], np.float64)
    return describe(aggregator.over(starts_s, ends_s), ends_s - starts_s, voices_hz=voices_hz, **options)


def _letters_per_s(word: SpokenWord) -> float | None:
    """How fast a word was said; None where its times were not observed but shared out."""
    letters = sum(character.isalnum() for character in word.text)
    duration_s = word.end_s - word.start_s
    if word.timing == "interpolated" or not letters or duration_s <= 0.0:
        return None
    return letters / duration_s


def _compare(
    spans: Sequence[SpokenWord | Segment],
    voices: Sequence[VoiceFeatures | None],
    rates: Sequence[float | None],
    words: Sequence[int] | None = None,
) -> list[RelativeVoice | None]:
    """Compare each span with those of its own speaker; a span that is nobody's is compared with none."""
    own: dict[str, list[int]] = defaultdict(list)
    for index, span in enumerate(spans):
        if span.speaker is not None:
            own[span.speaker].append(index)
    relatives: list[RelativeVoice | None] = [None] * len(voices)
    for indices in own.values():
        held = None if words is None else [words[index] for index in indices]
        silences_s = [0.0, *(spans[late].start_s - spans[early].end_s for early, late in pairwise(indices))]
        compared = compare([voices[index] for index in indices], [rates[index] for index in indices], held, silences_s)
        for index, relative in zip(indices, compared, strict=True):
            relatives[index] = relative
    return relatives


def _speakers(
    segments: tuple[Segment, ...],
    turns: tuple[Turn, ...],
    aggregator: Aggregator,
    f0_hz: Array,
    silences: Mapping[str | None, Sequence[float]],
) -> tuple[Speaker, ...]:
    """Every speaker that a turn, segment or word names, in the order of their names."""
    said: dict[str, list[SpokenWord]] = defaultdict(list)
    filled = _filled(segments)
    for segment in segments:
        for word in segment.words:
            if word.speaker is not None:
                said[word.speaker].append(word)
    unions_of = _unions(segments, turns)
    nothing = (np.empty(0), np.empty(0))
    names = sorted(unions_of.keys() | said.keys())
    unions = [unions_of.get(name, nothing) for name in names]
    durations_s = [float((ends_s - starts_s).sum()) for starts_s, ends_s in unions]
    counts = [len(said[name]) for name in names]
    voices = describe(aggregator.over_unions(unions), np.array(durations_s), words=counts)
    return tuple(
        Speaker(
            id=name,
            speaking_s=duration_s,
            segments=sum(segment.speaker == name for segment in segments),
            words=count,
            words_per_minute=60.0 * count / duration_s if duration_s > 0.0 else None,
            tempo=tempo(
                said[name],
                silences.get(name, ()),
                _syllables(aggregator, said[name]),
                [word for word in filled if word.speaker == name],
            ),
            voice=voice,
            volume=volume_statistics([word.voice.rms_dbfs if word.voice else None for word in said[name]]),
            pitch=pitch_statistics(f0_hz[_mask(union, len(aggregator))]),
        )
        for name, duration_s, count, voice, union in zip(names, durations_s, counts, voices, unions, strict=True)
    )


def _unions(segments: tuple[Segment, ...], turns: tuple[Turn, ...]) -> dict[str, tuple[Array, Array]]:
    """Starts and ends of all turns of each speaker, or of their segments where there are no turns."""
    spans: dict[str, list[Turn | Segment]] = defaultdict(list)
    for segment in segments:
        if segment.speaker is not None:
            spans[segment.speaker].extend([] if turns else [segment])
    for turn in turns:
        spans[turn.speaker].append(turn)
    return {name: edges(own) for name, own in spans.items()}


def _mask(union: tuple[Array, Array], frames: int) -> Array:
    mask = np.zeros(frames, np.bool_)
    for first, end in zip(*frame_ranges(*union, frames), strict=True):
        mask[first:end] = True
    return mask
