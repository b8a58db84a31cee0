"""Small, realistic analyses for tests: two voices that talk over each other, in three scripts, with gaps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from ecg_audio.analysis import (
    FRAME_COLUMNS,
    FRAME_HOP_S,
    Analysis,
    Emotion,
    Emphasis,
    Event,
    Notice,
    PitchStatistics,
    Recording,
    RelativeVoice,
    Segment,
    Speaker,
    SpokenWord,
    StageRecord,
    Turn,
    VoiceFeatures,
    VolumeStatistics,
)
from ecg_audio.voice import conversation

WORDS_A_SEGMENT = 6
TEXTS = (
    "So", "what", "do", "you", "think,", "서울에서", "Well…", "I", "really", "love", "it", "🎉",
    "안녕하세요", "naïve", "<b>bold</b>", "“quoted”", "rock", "&", "roll", "über", "three", "o'clock", "ja", "okay.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """A person: how high, how loud and how fast they speak. `seed` decides their embedding."""

    f0_hz: float
    rms_dbfs: float
    words_per_s: float
    seed: int


VOICES = (
    Voice(118.0, -21.0, 2.6, 1),
    Voice(207.0, -26.0, 3.1, 2),
    Voice(165.0, -18.0, 2.2, 3),
    Voice(96.0, -30.0, 2.9, 4),
)


def analysis(
    words: int | Sequence[SpokenWord] = 24,
    speakers: int | Sequence[Voice] = 2,
    *,
    seed: int = 0,
    **changes: Any,
) -> Analysis:
    """Make an analysis that holds together.

    Segments are six words long and alternate between the speakers; the fourth of every eight has no known speaker.
    Every seventh word is unvoiced, the third is interpolated without confidence, the last is suspect. Each turn runs
    0.2 s into the next one.

    Args:
        words: how many words, or the words themselves, in order of time (segments are cut where the speaker changes).
        speakers: how many of `VOICES`, or the voices themselves; they are called SPEAKER_00, SPEAKER_01...
        seed: decides the small differences between words.
        **changes: fields of `Analysis` to replace.
    """
    random = Random(seed)
    voices = tuple(VOICES[index % len(VOICES)] for index in range(speakers)) if isinstance(speakers, int) else speakers
    names = [f"SPEAKER_{index:02d}" for index in range(len(voices))]
    groups = _spoken(words, voices, names, random) if isinstance(words, int) else _grouped(words)
    segments = tuple(_segment(index, group) for index, group in enumerate(groups))
    spoken = [word for segment in segments for word in segment.words]
    duration_s = round(max((word.end_s for word in spoken), default=2.0) + 0.5, 3)
    turns = _turns(segments, duration_s)
    found = sorted({turn.speaker for turn in turns})
    people = dict(zip(names, voices, strict=True))
    fields: dict[str, Any] = {
        "job_id": f"550e8400-e29b-41d4-a716-{seed:012d}",
        "run_id": f"6ba7b810-9dad-11d1-80b4-{seed:012d}",
        "status": "completed",
        "created_at": "2026-03-14T09:26:53Z",
        "source": "s3://media/videos/anonymous/20260314_092600_1a2b3c4d_회의 기록.mp4",
        "title": "회의 기록.mp4",
        "software_version": "0.1.0",
        "recording": recording(duration_s),
        "models_requested": "auto",
        "transcription_model": "large-v3-turbo",
        "diarization_model": "pyannote/speaker-diarization-community-1",
        "emotion_model": "tiny-emotion",
        "language": "en",
        "language_requested": "auto",
        "language_probability": 0.97,
        "segments": segments,
        "turns": turns,
        "speakers": tuple(_speaker(name, people.get(name), segments, turns, random) for name in found),
        "events": (
            Event(kind="pause", start_s=0.0, end_s=0.1, found_by="frames"),
            Event(kind="laughter", start_s=duration_s - 0.5, end_s=duration_s, found_by="recogniser", score=0.5),
        ),
        "event_kinds": ("pause", "laughter"),
        "voice": _joined([word.voice for word in spoken if word.voice]),
        "volume": _volume([word.voice.rms_dbfs for word in spoken if word.voice and word.voice.rms_dbfs is not None]),
        "pitch": _pitch([word.voice.f0_mean_hz for word in spoken if word.voice and word.voice.f0_mean_hz is not None]),
        "stages": (
            StageRecord(name="download", status="cached"),
            StageRecord(name="transcribe", status="completed", duration_s=4.5, real_time_ratio=2.6),
            StageRecord(name="diarize", status="completed", duration_s=2.0, real_time_ratio=6.0),
            StageRecord(name="measure", status="completed", duration_s=0.25, real_time_ratio=48.0),
        ),
        "notices": (
            Notice(code="WORDS_INTERPOLATED", message="1 word could not be aligned; its times are estimated."),
        ),
    }
    fields |= changes
    fields.setdefault("exchanges", conversation.exchanges(fields["turns"]) if fields["turns"] else None)
    return Analysis(**fields)


def empty(**changes: Any) -> Analysis:
    """An analysis of a recording in which nobody speaks and nothing could be measured."""
    silence: dict[str, Any] = {
        "voice": None,
        "volume": None,
        "pitch": None,
        "diarization_model": None,
        "emotion_model": None,
        "language_probability": None,
        "notices": (Notice(code="NO_SPEECH", message="No speech was found."),),
    }
    return analysis(words=0, **(silence | changes))


def recording(duration_s: float = 12.0) -> Recording:
    """A recording as extraction describes it."""
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    return Recording(
        key=f"recordings/9f/{sha256}.flac",
        sha256=sha256,
        duration_s=duration_s,
        sample_rate_hz=16_000,
        samples=round(duration_s * 16_000),
        container="mov,mp4,m4a,3gp,3g2,mj2",
        codec="aac",
        stream_index=1,
        audio_streams=1,
        source_sample_rate_hz=48_000,
        source_channels=2,
        channel_layout="stereo",
        mix="mean",
        channel_weights=(0.5, 0.5),
        source_peak_dbfs=-3.2,
        source_clipped_ratio=0.0,
        active_level_dbfs=-24.5,
        noise_dbfs=-58.25,
        snr_db=33.75,
        bandwidth_hz=7600.0,
    )


def word(text: str, start_s: float, end_s: float, speaker: str | None = None, **voice: Any) -> SpokenWord:
    """One word; `voice` are fields of `VoiceFeatures`, and without any its voice was not measured."""
    features = VoiceFeatures(**voice) if voice else None
    return SpokenWord(text=text, start_s=start_s, end_s=end_s, confidence=0.9, speaker=speaker, voice=features)


def frames(source: Analysis, *, wobble: float = 0.0) -> dict[str, np.ndarray]:
    """The 10 ms frames an analysis could have come from: each word's level and F0, silence between the words.

    Args:
        source: its words' voices are spread over their frames.
        wobble: how far F0 and level swing around the word's figure, as a share of F0 (and ten times as many dB).

    Returns:
        One float32 array a column of `FRAME_COLUMNS`, NaN where there is nothing to measure.
    """
    count = round(source.recording.duration_s / FRAME_HOP_S)
    columns = {name: np.full(count, np.nan, dtype=np.float32) for name in FRAME_COLUMNS}
    columns["rms_dbfs"][:] = -80.0
    for spoken in source.words:
        if spoken.voice is None:
            continue
        part = slice(round(spoken.start_s / FRAME_HOP_S), round(spoken.end_s / FRAME_HOP_S))
        swing = np.sin(np.linspace(0, 2 * np.pi, part.stop - part.start)) * wobble
        voice = spoken.voice
        if voice.rms_dbfs is not None:
            columns["rms_dbfs"][part] = voice.rms_dbfs + 10 * swing
        if voice.f0_mean_hz is not None:
            columns["f0_hz"][part] = voice.f0_mean_hz * (1 + swing)
            columns["f0_strength"][part] = 0.9
            columns["hnr_db"][part] = 12.0
        for name in ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness", "zero_crossing_rate"):
            figure = getattr(voice, name)
            columns[name][part] = np.nan if figure is None else figure
        for index, figure in enumerate(voice.mfcc or ()):
            columns[f"mfcc_{index:02d}"][part] = figure
    columns["rms"][:] = 10 ** (columns["rms_dbfs"] / 20)
    columns["peak"][:] = columns["rms"] * 1.4
    return columns


def _spoken(
    count: int, voices: Sequence[Voice], names: Sequence[str], random: Random
) -> list[tuple[str | None, list[SpokenWord]]]:
    groups: list[tuple[str | None, list[SpokenWord]]] = []
    now_s = 0.5
    for index in range(count):
        segment, place = divmod(index, WORDS_A_SEGMENT)
        who = segment % len(voices)
        speaker = None if segment % 8 == 3 else names[who]
        if place == 0:
            groups.append((speaker, []))
            now_s += 0.4
        length_s = 0.7 / voices[who].words_per_s * random.uniform(0.8, 1.2)
        voice = _voice(voices[who], random, voiced=index % 7 != 6)
        groups[-1][1].append(
            SpokenWord(
                text=TEXTS[index % len(TEXTS)],
                start_s=round(now_s, 3),
                end_s=round(now_s + length_s, 3),
                confidence=None if index == 2 else round(random.uniform(0.6, 0.99), 4),
                timing="interpolated" if index == 2 else "aligned",
                suspect="looping" if index == count - 1 else None,
                speaker=speaker,
                voice=voice,
                relative=_relative(voice, voices[who], random),
                emphasis=_emphasis(voice, voices[who], random),
            )
        )
        now_s += length_s + 0.3 / voices[who].words_per_s
    return groups


def _grouped(words: Sequence[SpokenWord]) -> list[tuple[str | None, list[SpokenWord]]]:
    groups: list[tuple[str | None, list[SpokenWord]]] = []
    for spoken in words:
        if not groups or groups[-1][0] != spoken.speaker:
            groups.append((spoken.speaker, []))
        groups[-1][1].append(spoken)
    return groups


def _voice(voice: Voice, random: Random, *, voiced: bool) -> VoiceFeatures:
    level_dbfs = round(voice.rms_dbfs + random.uniform(-6, 6), 3)
    f0_hz = round(voice.f0_hz * random.uniform(0.85, 1.2), 2)
    pitch = {
        "f0_mean_hz": f0_hz,
        "f0_std_hz": round(f0_hz * 0.05, 2),
        "f0_min_hz": round(f0_hz * 0.9, 2),
        "f0_max_hz": round(f0_hz * 1.1, 2),
        "f0_median_hz": f0_hz,
        "f0_slope_st_per_s": round(random.uniform(-8, 8), 2),
        "f0_range_st": 3.47,
        "hnr_db": 12.5,
        "f0_p20_hz": round(f0_hz * 0.95, 2),
        "f0_p80_hz": round(f0_hz * 1.05, 2),
        "cpp_db": round(15.0 + f0_hz / 100, 3),
        "jitter_local": 0.012,
        "shimmer_local": 0.06,
        "f1_hz": round(300.0 + f0_hz, 1),
        "f2_hz": round(1900.0 - 2 * f0_hz, 1),
    }
    return VoiceFeatures(
        rms=round(10 ** (level_dbfs / 20), 6),
        rms_dbfs=level_dbfs,
        peak_dbfs=round(level_dbfs + 9, 3),
        voiced_fraction=0.8 if voiced else 0.0,
        spectral_centroid_hz=round(random.uniform(900, 3200), 1),
        spectral_rolloff_hz=round(random.uniform(2500, 6000), 1),
        spectral_flatness=0.02,
        loudness_sone=round(2 ** ((level_dbfs + 60) / 10), 3),
        alpha_ratio_db=-12.0,
        zero_crossing_rate=round(random.uniform(0.03, 0.3), 4),
        mfcc=tuple(round(random.gauss(0, 20), 3) for _ in range(13)),
        silence_ratio=0.05,
        volume_category="low" if level_dbfs < -35 else "medium" if level_dbfs < -25 else "high",
        volume_peaks=tuple(round(random.uniform(0, 1), 3) for _ in range(10)),
        **(pitch if voiced else {}),
    )


def _relative(voice: VoiceFeatures, person: Voice, random: Random) -> RelativeVoice:
    """Against the person's own figures; what an unvoiced word has no F0 for is absent."""
    assert voice.rms_dbfs is not None
    louder_z = (voice.rms_dbfs - person.rms_dbfs) / 3.5
    higher_st = None if voice.f0_mean_hz is None else 12 * math.log2(voice.f0_mean_hz / person.f0_hz)
    steps = zip((-1.2, -0.5, 0.5, 1.2, math.inf), ("whisper", "soft", "normal", "loud", "shout"), strict=True)
    return RelativeVoice(
        loudness_z=round(louder_z, 3),
        loudness_percentile=round(50 * (1 + math.erf(louder_z / math.sqrt(2))), 1),
        f0_z=None if higher_st is None else round(higher_st / 1.8, 3),
        f0_shift_st=None if higher_st is None else round(higher_st, 2),
        rate_z=round(random.gauss(0, 1), 3),
        volume=next(name for below_z, name in steps if louder_z < below_z),
    )


def _emphasis(voice: VoiceFeatures, person: Voice, random: Random) -> Emphasis:
    """One word in four stands out, by loudness or by length; what an unvoiced word has no F0 for is absent."""
    assert voice.rms_dbfs is not None
    return Emphasis(
        loudness_db=round(voice.rms_dbfs - person.rms_dbfs, 3),
        pitch_st=None if voice.f0_median_hz is None else round(12 * math.log2(voice.f0_median_hz / person.f0_hz), 2),
        length_ratio=round(math.exp(random.gauss(0, 0.3)), 3),
        louder=random.choice((0.0, 0.0, 0.0, 0.7)),
        higher=None if voice.f0_median_hz is None else 0.0,
        slower=random.choice((0.0, 0.0, 0.0, 0.6)),
    )


def _segment(index: int, group: tuple[str | None, list[SpokenWord]]) -> Segment:
    speaker, words = group
    return Segment(
        id=index,
        start_s=words[0].start_s,
        end_s=max(word.end_s for word in words),
        speaker=speaker,
        text=" ".join(word.text for word in words),
        words=tuple(words),
        voice=_joined([word.voice for word in words if word.voice]),
        emotion=Emotion(label="joy", confidence=0.71, valence=0.6, arousal=0.5, model="tiny-emotion")
        if index % 2 == 0
        else None,
    )


def _joined(voices: Sequence[VoiceFeatures]) -> VoiceFeatures | None:
    """Means over words: not how the voice room pools them, but consistent with the words."""
    if not voices:
        return None

    def mean(name: str) -> float | None:
        figures = [getattr(voice, name) for voice in voices if getattr(voice, name) is not None]
        return round(float(np.mean(figures)), 4) if figures else None

    scalars = ("rms", "rms_dbfs", "peak_dbfs", "f0_mean_hz", "f0_std_hz", "f0_median_hz", "voiced_fraction")
    scalars += (
        "hnr_db",
        "cpp_db",
        "jitter_local",
        "shimmer_local",
        "f1_hz",
        "f2_hz",
        "loudness_sone",
        "alpha_ratio_db",
    )
    spectral = ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness", "zero_crossing_rate")
    return VoiceFeatures(**{name: mean(name) for name in (*scalars, *spectral)}, words_per_s=2.5)


def _turns(segments: Sequence[Segment], duration_s: float) -> tuple[Turn, ...]:
    known = [segment for segment in segments if segment.speaker is not None]
    turns = [
        Turn(speaker=one.speaker or "", start_s=one.start_s, end_s=round(other.start_s + 0.2, 3))
        if other.start_s - one.end_s < 1.0
        else Turn(speaker=one.speaker or "", start_s=one.start_s, end_s=one.end_s)
        for one, other in pairwise(known)
    ]
    last = [Turn(speaker=one.speaker or "", start_s=one.start_s, end_s=one.end_s) for one in known[-1:]]
    return tuple(turns + last)


def _speaker(
    name: str, voice: Voice | None, segments: Sequence[Segment], turns: Sequence[Turn], random: Random
) -> Speaker:
    own = [segment for segment in segments if segment.speaker == name]
    words = [word for segment in own for word in segment.words]
    speaking_s = round(sum(turn.end_s - turn.start_s for turn in turns if turn.speaker == name), 3)
    voices = [word.voice for word in words if word.voice]
    return Speaker(
        id=name,
        speaking_s=speaking_s,
        segments=len(own),
        words=len(words),
        words_per_minute=round(60 * len(words) / speaking_s, 2) if speaking_s else None,
        tempo=conversation.tempo(words, conversation.pauses_s(words).get(name, []), 3.0 * len(words)),
        voice=_joined(voices),
        volume=_volume([voice.rms_dbfs for voice in voices if voice.rms_dbfs is not None]),
        pitch=_pitch([voice.f0_mean_hz for voice in voices if voice.f0_mean_hz is not None]),
        embedding=_embedding(voice, random) if voice else None,
    )


def _embedding(voice: Voice, random: Random) -> tuple[float, ...]:
    """A unit vector that is close to the same voice's in another recording."""
    person = np.random.default_rng(voice.seed).normal(size=32)
    moment = np.random.default_rng(random.randrange(2**32)).normal(size=32)
    vector = person + 0.3 * moment
    return tuple(float(value) for value in np.round(vector / np.linalg.norm(vector), 6))


def _volume(levels_dbfs: Sequence[float]) -> VolumeStatistics | None:
    if not levels_dbfs:
        return None
    p25, median, p75 = (round(float(value), 3) for value in np.percentile(levels_dbfs, (25, 50, 75)))
    return VolumeStatistics(
        min_dbfs=min(levels_dbfs),
        max_dbfs=max(levels_dbfs),
        mean_dbfs=round(float(np.mean(levels_dbfs)), 3),
        std_db=round(float(np.std(levels_dbfs)), 3),
        median_dbfs=median,
        p25_dbfs=p25,
        p75_dbfs=p75,
    )


def _pitch(f0_hz: Sequence[float]) -> PitchStatistics | None:
    if not f0_hz:
        return None
    p33, median, p67 = (round(float(value), 3) for value in np.percentile(f0_hz, (33, 50, 67)))
    return PitchStatistics(
        min_hz=min(f0_hz),
        max_hz=max(f0_hz),
        mean_hz=round(float(np.mean(f0_hz)), 3),
        std_hz=round(float(np.std(f0_hz)), 3),
        median_hz=median,
        p33_hz=p33,
        p67_hz=p67,
    )
