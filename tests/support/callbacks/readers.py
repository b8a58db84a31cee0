"""The programs on the other side of the wire, as far as they read a result.

Two readers of word features that disagree, the caption renderer, and the receiver's rules for the shape. They were
written from those programs' published behaviour and are deliberately strict: they index, they do not `get`.
"""

from dataclasses import dataclass
from typing import Any

CATEGORIES = ("low", "medium", "high", "emphasis")
EMOTIONS = {"joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"}
MAX_BODY_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """What both readers make of a word."""

    text: str
    start_s: float
    end_s: float
    speaker: str
    volume_db: float | None
    pitch_hz: float | None
    spectral_centroid_hz: float | None


def read_flat(result: dict[str, Any]) -> list[CaptionWord]:
    """The reader that looks for features on the word itself, and for times as start/end."""
    return [
        CaptionWord(
            text=word["word"],
            start_s=word["start"],
            end_s=word["end"],
            speaker=segment["speaker"]["speaker_id"],
            volume_db=_number(word, "volume_db"),
            pitch_hz=_number(word, "pitch_hz"),
            spectral_centroid_hz=_number(word, "spectral_centroid"),
        )
        for segment in result["segments"]
        for word in segment["words"]
    ]


def read_nested(result: dict[str, Any]) -> list[CaptionWord]:
    """The reader that looks for features under acoustic_features, and for times as start_time/end_time."""
    return [
        CaptionWord(
            text=word["word"],
            start_s=word["start_time"],
            end_s=word["end_time"],
            speaker=segment["speaker"]["speaker_id"],
            volume_db=_number(word["acoustic_features"], "volume_db"),
            pitch_hz=_number(word["acoustic_features"], "pitch_hz"),
            spectral_centroid_hz=_number(word["acoustic_features"], "spectral_centroid"),
        )
        for segment in result["segments"]
        for word in segment["words"]
    ]


def _number(holder: dict[str, Any], name: str) -> float | None:
    """A present feature is formatted with two decimals, which None cannot be."""
    return float(f"{holder[name]:.2f}") if name in holder else None


def volume_of(word: dict[str, Any], statistics: dict[str, Any]) -> str:
    """The renderer's words for loudness, against the recording's own baseline."""
    level_db = word["volume_db"]
    if level_db < statistics["whisper_threshold_db"]:
        return "quiet"
    return "loud" if level_db > statistics["loud_threshold_db"] else "normal"


def check_shape(result: dict[str, Any]) -> None:
    """The receiver's rules: what breaks them is answered with 422."""
    assert isinstance(result["text"], str)
    assert isinstance(result["language"], str)
    _seconds(result["duration"])
    for segment in result["segments"]:
        _span(segment, "start", "end")
        _span(segment, "start_time", "end_time")
        assert isinstance(segment["text"], str)
        assert segment["speaker"]["speaker_id"] in result["speakers"]
        for word in segment["words"]:
            assert isinstance(word["word"], str)
            _span(word, "start", "end")
            _span(word, "start_time", "end_time")
            assert None not in word.values()
            assert None not in word["acoustic_features"].values()
        if "emotion" in segment:
            assert segment["emotion"]["emotion"] in EMOTIONS
            assert 0 <= segment["emotion"]["confidence"] <= 1
    for word in result["word_segments"]:
        _span(word, "start", "end")
        assert isinstance(word["word"], str)
        assert word["speaker_id"] in result["speakers"]
        assert "confidence" not in word or 0 <= word["confidence"] <= 1
    for speaker in result["speakers"].values():
        _seconds(speaker["total_duration"])
        assert isinstance(speaker["segment_count"], int)
    metadata = result["metadata"]
    for name in ("model_version", "language_requested", "language_detected", "processed_at"):
        assert isinstance(metadata[name], str)
    _seconds(metadata["processing_time"])
    assert metadata["processing_mode"] in {"targeted", "auto-detect"}
    assert metadata["total_segments"] == len(result["segments"])
    assert isinstance(metadata["unique_speakers"], int)


def _span(holder: dict[str, Any], start: str, end: str) -> None:
    _seconds(holder[start])
    _seconds(holder[end])
    assert holder[start] <= holder[end]


def _seconds(value: object) -> None:
    assert isinstance(value, float)
    assert value >= 0
