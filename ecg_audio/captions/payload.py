"""What the report page is made of: the analysis, its captions and its curves, packed small.

A recording of an hour has ten thousand words and 360 000 frames: words travel as columns of small integers, curves as a
byte a point.
"""

import base64
from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ecg_audio import spacing
from ecg_audio.analysis import FRAME_HOP_S, Analysis, Notice, RelativeVoice, Segment, SpokenWord, VoiceFeatures
from ecg_audio.captions import boundaries
from ecg_audio.captions.cues import Cue, CueSettings, CueWord, cues, left_out
from ecg_audio.captions.sounds import label
from ecg_audio.captions.styling import Look, Style, accent, hues, look, strengths
from ecg_audio.captions.text import clean, joined, omission
from ecg_audio.sound_quality import sound_quality

LOUDNESS_DBFS = (-75.0, 0.0)  # what the curve spans; quieter frames are drawn at its foot
F0_HZ = (50.0, 600.0)
POINTS = 200_000  # at most, in each curve: 20 ms apart in an hour

Looks = dict[tuple[Any, ...], int]
_FIELDS = attrgetter(*(field.name for field in fields(Look)))
Frames = Mapping[str, npt.NDArray[np.float32]]


def payload(analysis: Analysis, frames: Frames | None, style: Style) -> dict[str, Any]:
    """Everything that the page shows, as JSON values; see `page/data.js` for the reading side."""
    shown = cues(analysis.segments, CueSettings.for_language(analysis.text_language))
    order = list(hues(shown, style.palette.dark))
    known = [speaker.id for speaker in analysis.speakers] + [turn.speaker for turn in analysis.turns]
    speakers: dict[str | None, int] = {name: index for index, name in enumerate(dict.fromkeys([*order, *known]))}
    omitted = left_out(analysis.segments)
    looks: Looks = {_look(CueWord(text="", start_s=0, end_s=0), style): 0}  # the first is plain
    words, segments = _words(analysis.segments, speakers, style, looks)
    return {
        "title": clean(analysis.title) or "Recording",
        "language": analysis.language,
        "written": analysis.text_language,
        "duration": analysis.recording.duration_s,
        "speakers": [_speaker(name, analysis) for name in speakers],
        "hues": len(style.palette.dark),
        "words": words,
        "segments": segments,
        "cues": [_cue(cue, speakers, style, looks) for cue in shown],
        "omitted": omission(omitted) if omitted else "",
        "looks": list(looks),  # the rows above fill the table
        "style": style.model_dump(exclude={"palette"}),
        "turns": [[speakers[turn.speaker], _ms(turn.start_s), _ms(turn.end_s)] for turn in analysis.turns],
        "events": _events(analysis),
        "curves": _curves(frames),
        "notices": [[notice.code, clean(notice.message)] for notice in _notices(analysis)],
        "facts": _facts(analysis),
        "stages": [
            [stage.name, stage.status, stage.duration_s, stage.real_time_ratio, stage.error_code]
            for stage in analysis.stages
        ],
    }


def _words(
    segments: tuple[Segment, ...], speakers: dict[str | None, int], style: Style, looks: Looks
) -> tuple[dict[str, Any], list[list[Any]]]:
    """The transcript's words as columns, and the segments as rows that point into them."""
    rows: list[tuple[Any, ...]] = []
    suspect: dict[int, str] = {}
    table: list[list[Any]] = []
    for segment in segments:
        first = len(rows)
        said = segment.words or _plain_words(segment)
        for one in boundaries.written(said, spacing.before_each([word.text for word in said], segment.text)):
            word = one.word
            if word.suspect:
                suspect[len(rows)] = clean(word.suspect)
            set_as = looks.setdefault(_look(_cue_word(word, segment), style), len(looks))
            glued = 0 if one.spaced or len(rows) == first else 1 if one.turns else 2
            rows.append((word.text, _ms(word.start_s), _ms(word.end_s), set_as, glued, *_measures(word)))
        emotion = segment.emotion and [segment.emotion.label, segment.emotion.confidence, segment.emotion.valence]
        reason = clean(segment.suspect) if segment.suspect else None
        start_s, end_s = _ms(segment.start_s), _ms(segment.end_s)
        table.append([speakers.get(segment.speaker, -1), first, len(rows), start_s, end_s, reason, emotion])
    names = ("text", "start", "end", "look", "glued", "timing", "confidence", "level", "rank", "f0", "shift", "rate")
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {**dict(zip(names, map(list, columns), strict=True)), "suspect": suspect}, table


def _plain_words(segment: Segment) -> tuple[SpokenWord, ...]:
    if not clean(segment.text):
        return ()
    word = SpokenWord(text=segment.text, start_s=segment.start_s, end_s=segment.end_s, timing="interpolated")
    return (word.model_copy(update={"speaker": segment.speaker}),)


def _cue_word(word: SpokenWord, segment: Segment) -> CueWord:
    fields = {name: getattr(word, name) for name in SpokenWord.model_fields}
    return CueWord.model_construct(**fields, emotion=segment.emotion)


def _look(word: CueWord, style: Style) -> tuple[Any, ...]:
    """How a word is set, and what a reader's own mapping needs to set it otherwise."""
    measured = strengths(word, style)
    drawn = [round(measured[name], 2) for name in ("loudness", "pitch", "tempo", "emotion")]
    return *_FIELDS(look(word, style)), *drawn, accent(word.emotion, style), int(any(drawn) and joined(word.text))


def _measures(word: SpokenWord) -> tuple[Any, ...]:
    """Timing, confidence in percent, dBFS, loudness percentile, F0 in Hz, semitones and rate z; None: not measured."""
    voice, relative = word.voice or VoiceFeatures(), word.relative or RelativeVoice()
    return (
        word.timing[0],
        _rounded(None if word.confidence is None else word.confidence * 100),
        _rounded(voice.rms_dbfs, 1),
        _rounded(relative.loudness_percentile),
        _rounded(voice.f0_median_hz),
        _rounded(relative.f0_shift_st, 1),
        _rounded(relative.rate_z, 1),
    )


def _cue(cue: Cue, speakers: dict[str | None, int], style: Style, looks: Looks) -> list[Any]:
    lines = []
    for lead, line in zip(cue.leads, cue.lines, strict=True):
        words: list[Any] = [speakers.get(line[0].speaker, -1), lead]
        for word in line:
            set_as = looks.setdefault(_look(word, style), len(looks))
            words += [(" " if word.spaced else "") + word.text, _ms(word.start_s), _ms(word.end_s), set_as]
        lines.append(words)
    return [_ms(cue.start_s), _ms(cue.end_s), lines]


def _speaker(name: str | None, analysis: Analysis) -> dict[str, Any]:
    found = next((speaker for speaker in analysis.speakers if speaker.id == name), None)
    if found is None:
        return {"id": clean(name or "")}
    return {
        "id": clean(found.id),
        "speaking": found.speaking_s,
        "words": found.words,
        "segments": found.segments,
        "wpm": _rounded(found.words_per_minute),
        "f0": found.pitch and [round(found.pitch.median_hz), round(found.pitch.p33_hz), round(found.pitch.p67_hz)],
        "level": found.volume
        and [round(found.volume.median_dbfs), round(found.volume.p25_dbfs), round(found.volume.p75_dbfs)],
    }


def _events(analysis: Analysis) -> list[list[Any]] | None:
    """Label, times, and what said so; None: not looked for."""
    if analysis.events is None:
        return None
    return [
        [
            label(event, analysis.text_language),
            _ms(event.start_s),
            _ms(event.end_s),
            event.found_by + ("" if event.score is None else f", {event.score:.0%}"),
        ]
        for event in analysis.events
    ]


def _curves(frames: Frames | None) -> dict[str, Any] | None:
    """Loudness and pitch, a byte a point: 0 is not measured, 1 to 255 span the range (F0 by its logarithm)."""
    if frames is None or not len(frames["rms_dbfs"]):
        return None
    step = max(2, -(-len(frames["rms_dbfs"]) // POINTS))
    with np.errstate(invalid="ignore", divide="ignore"):
        level = _decimated(frames["rms_dbfs"], step, np.fmax)
        f0 = np.log2(_decimated(frames["f0_hz"], step, np.fmax))
    return {
        "step": step * FRAME_HOP_S,
        "level": _bytes(level, *LOUDNESS_DBFS),
        "level_dbfs": LOUDNESS_DBFS,
        "f0": _bytes(f0, *np.log2(F0_HZ)),
        "f0_hz": F0_HZ,
    }


def _decimated(values: npt.NDArray[np.float32], step: int, reduce: np.ufunc) -> npt.NDArray[np.float64]:
    padded = np.pad(np.asarray(values, np.float64), (0, -len(values) % step), constant_values=np.nan)
    return np.asarray(reduce.reduce(padded.reshape(-1, step), axis=1))


def _bytes(values: npt.NDArray[np.float64], low: float, high: float) -> str:
    scaled = 1 + np.round(254 * (np.clip(values, low, high) - low) / (high - low))
    return base64.b64encode(np.nan_to_num(scaled, nan=0.0).astype(np.uint8).tobytes()).decode()


def _notices(analysis: Analysis) -> list[Any]:
    found = [*analysis.notices, *analysis.recording.notices]
    if omitted := left_out(analysis.segments):
        found.append(Notice(code="CAPTIONS_SHORTENED", message=f"{omission(omitted)} in the captions"))
    return list(dict.fromkeys(found))


def _facts(analysis: Analysis) -> dict[str, Any]:
    recording = analysis.recording
    return {
        "job": analysis.job_id,
        "run": analysis.run_id,
        "status": analysis.status,
        "created": analysis.created_at,
        "source": clean(analysis.source),
        "software": analysis.software_version,
        "schema": analysis.schema_version,
        "models_requested": analysis.models_requested,
        "transcription": clean(analysis.transcription_model),
        "diarization": analysis.diarization_model and clean(analysis.diarization_model),
        "emotion": analysis.emotion_model and clean(analysis.emotion_model),
        "events": analysis.event_model and clean(analysis.event_model),
        "language_requested": analysis.language_requested,
        "language_probability": analysis.language_probability,
        "container": recording.container,
        "codec": recording.codec,
        "rate": recording.source_sample_rate_hz,
        "channels": recording.source_channels,
        "quality": sound_quality(recording),
        "sha256": recording.sha256,
    }


def _ms(time_s: float) -> int:
    return round(time_s * 1000)


def _rounded(value: float | None, digits: int = 0) -> float | int | None:
    if value is None:
        return None
    return round(value, digits) if digits else round(value)
