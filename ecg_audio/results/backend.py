"""The backend's wire format: the result as the systems around this one read it today.

The field names here are theirs. Their readers disagree about where a word's features are, so they are given twice,
flat and nested; and none of them can read `null` there, so what was not measured is left out.
"""

import math
from typing import Any

from ecg_audio.analysis import (
    Analysis,
    PitchStatistics,
    Segment,
    SpokenWord,
    VoiceFeatures,
    VolumeStatistics,
)

UNKNOWN_SPEAKER = "UNKNOWN"
"""Where nobody is known to speak. The readers take a string, and a made-up SPEAKER_00 would be a lie."""


def document(analysis: Analysis) -> dict[str, Any]:
    """Translate an analysis into the backend's wire format.

    Returns:
        What `json.dumps(..., allow_nan=False)` takes. Times are seconds to the millisecond, figures have six
        significant digits, and a key whose value was not measured is absent.
    """
    return {
        "segments": [_segment(segment) for segment in analysis.segments],
        "word_segments": [_word_segment(word) for word in analysis.words],
        "speakers": _speakers(analysis),
        "text": analysis.text,
        "language": analysis.language,
        "duration": _seconds(analysis.recording.duration_s),
        **_present(
            volume_statistics=analysis.volume and _volume_statistics(analysis.volume),
            pitch_statistics=analysis.pitch and _pitch_statistics(analysis.pitch),
        ),
        "metadata": _metadata(analysis),
    }


def _segment(segment: Segment) -> dict[str, Any]:
    emotion = segment.emotion and _present(
        emotion=segment.emotion.label,
        confidence=_figure(segment.emotion.confidence),
        valence=_figure(segment.emotion.valence),
        arousal=_figure(segment.emotion.arousal),
    )
    named = emotion is not None and "emotion" in emotion  # readers take an emotion for one with a name
    return {
        **_times(segment.start_s, segment.end_s),
        "speaker": {"speaker_id": segment.speaker or UNKNOWN_SPEAKER},
        "text": segment.text,
        "words": [_word(word) for word in segment.words],
        **_present(
            suspect=segment.suspect,
            emotion=emotion if named else None,
            emotion_dimensions=None if named else emotion or None,
            acoustic_features=_segment_features(segment.voice) or None if segment.voice else None,
        ),
    }


def _word(word: SpokenWord) -> dict[str, Any]:
    features = _word_features(word.voice) if word.voice else {}
    return {
        "word": word.text,
        **_times(word.start_s, word.end_s),
        "timing": word.timing,
        **_present(suspect=word.suspect),
        **features,
        "acoustic_features": features,
    }


def _word_segment(word: SpokenWord) -> dict[str, Any]:
    return {
        "word": word.text,
        **_times(word.start_s, word.end_s),
        "speaker_id": word.speaker or UNKNOWN_SPEAKER,
        **_present(confidence=_figure(word.confidence)),
    }


def _word_features(voice: VoiceFeatures) -> dict[str, Any]:
    return _present(
        volume_db=_figure(voice.rms_dbfs),
        pitch_hz=_figure(voice.f0_mean_hz),
        spectral_centroid=_figure(voice.spectral_centroid_hz),
    )


def _segment_features(voice: VoiceFeatures) -> dict[str, Any]:
    return _present(
        energy=_figure(voice.rms),
        pitch_mean=_figure(voice.f0_mean_hz),
        pitch_std=_figure(voice.f0_std_hz),
        spectral_centroid=_figure(voice.spectral_centroid_hz),
        spectral_rolloff=_figure(voice.spectral_rolloff_hz),
        zero_crossing_rate=_figure(voice.zero_crossing_rate),
    )


def _speakers(analysis: Analysis) -> dict[str, Any]:
    speakers = {
        speaker.id: {"total_duration": _seconds(speaker.speaking_s), "segment_count": speaker.segments}
        for speaker in analysis.speakers
    }
    nobody = [segment for segment in analysis.segments if segment.speaker is None]
    if nobody:
        # readers look every segment's speaker_id up in here
        total_s = sum(segment.end_s - segment.start_s for segment in nobody)
        speakers[UNKNOWN_SPEAKER] = {"total_duration": _seconds(total_s), "segment_count": len(nobody)}
    return speakers


def _volume_statistics(volume: VolumeStatistics) -> dict[str, Any]:
    return _present(
        global_min_db=_figure(volume.min_dbfs),
        global_max_db=_figure(volume.max_dbfs),
        global_mean_db=_figure(volume.mean_dbfs),
        baseline_db=_figure(volume.median_dbfs),
        whisper_threshold_db=_figure(volume.p25_dbfs),
        loud_threshold_db=_figure(volume.p75_dbfs),
    )


def _pitch_statistics(pitch: PitchStatistics) -> dict[str, Any]:
    return _present(
        global_min_hz=_figure(pitch.min_hz),
        global_max_hz=_figure(pitch.max_hz),
        global_mean_hz=_figure(pitch.mean_hz),
        baseline_range={"min": _figure(pitch.p33_hz), "max": _figure(pitch.p67_hz)},
    )


def _metadata(analysis: Analysis) -> dict[str, Any]:
    targeted = analysis.language_requested != "auto"
    return {
        "model_version": analysis.transcription_model,
        # stages that ran side by side both count, and cached ones did no work
        "processing_time": _seconds(math.fsum(stage.duration_s or 0.0 for stage in analysis.stages)),
        "unique_speakers": len(analysis.speakers),
        "total_segments": len(analysis.segments),
        "language_requested": analysis.language_requested,
        "language_detected": analysis.language,
        "processing_mode": "targeted" if targeted else "auto-detect",
        "task": analysis.task,
        "processed_at": analysis.created_at,
        "status": analysis.status,
        "software_version": analysis.software_version,
        "warnings": [notice.model_dump() for notice in dict.fromkeys((*analysis.recording.notices, *analysis.notices))],
        "missing": [stage.name for stage in analysis.stages if stage.status == "failed"],
        **_present(
            revision=analysis.revision.number if analysis.revision else None,
            language_probability=_figure(analysis.language_probability),
            diarization_model=analysis.diarization_model,
            emotion_model=analysis.emotion_model,
        ),
    }


def _times(start_s: float, end_s: float) -> dict[str, float]:
    start, end = _seconds(start_s), _seconds(end_s)
    return {"start": start, "end": end, "start_time": start, "end_time": end}


def _seconds(value: float) -> float:
    return round(value, 3)


def _figure(value: float | None) -> float | None:
    """Six significant digits; NaN and infinity are no measurement."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
