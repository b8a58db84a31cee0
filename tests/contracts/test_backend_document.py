"""The wire document, read by the programs that read it today."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ecg_audio.analysis import Analysis, Emotion, Notice, StageRecord, VoiceFeatures
from ecg_audio.captions import html
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.results import backend, tables
from tests.support.callbacks import readers
from tests.support.results import factory
from tests.support.results.strategies import analyses


def _sent(analysis: Analysis) -> dict[str, Any]:
    """What arrives on the other side."""
    return json.loads(json.dumps(backend.document(analysis), allow_nan=False))


def test_both_readers_find_the_same_words_and_the_right_figures() -> None:
    """Flat or nested, start or start_time: one text, one time, one voice, and those of the analysis."""
    analysis = factory.analysis()
    flat, nested = (read(_sent(analysis)) for read in (readers.read_flat, readers.read_nested))
    assert flat == nested
    for word, read in zip(analysis.words, flat, strict=True):
        assert word.voice is not None
        assert (read.text, read.start_s, read.end_s) == (word.text, word.start_s, word.end_s)
        assert read.volume_db == pytest.approx(word.voice.rms_dbfs, abs=0.006)
        assert read.pitch_hz == pytest.approx(word.voice.f0_mean_hz, abs=0.006)
        assert read.spectral_centroid_hz == pytest.approx(word.voice.spectral_centroid_hz, abs=0.06)


def test_an_unvoiced_word_has_no_pitch_at_all() -> None:
    """The key is absent: null breaks a reader, and a default would be a lie."""
    unvoiced = [word.voice is not None and word.voice.f0_mean_hz is None for word in factory.analysis().words]
    sent = [word for segment in _sent(factory.analysis())["segments"] for word in segment["words"]]
    assert any(unvoiced)
    assert [("pitch_hz" in word, "pitch_hz" in word["acoustic_features"]) for word in sent] == [
        (not missing, not missing) for missing in unvoiced
    ]


def test_an_unmeasured_word_has_no_features() -> None:
    """Where measuring failed there is text and time, and an empty place for features."""
    (segment,) = _sent(factory.analysis([factory.word("hello", 0.5, 1.0, "A")]))["segments"]
    (word,) = segment["words"]
    assert word["acoustic_features"] == {}
    assert not {"volume_db", "pitch_hz", "spectral_centroid"} & word.keys()
    assert "acoustic_features" not in segment


@given(analyses())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_analysis_has_the_receivers_shape(analysis: Analysis) -> None:
    """Whatever was found or is missing, the receiver takes it and both readers agree on it."""
    # probabilities are the model's own affair; here they are any number
    analysis = analysis.model_copy(
        update={
            "segments": tuple(
                segment.model_copy(update={"emotion": None, "words": tuple(_sure(word) for word in segment.words)})
                for segment in analysis.segments
            )
        }
    )
    sent = _sent(analysis)
    readers.check_shape(sent)
    assert readers.read_flat(sent) == readers.read_nested(sent)


def _sure(word: Any) -> Any:
    return word.model_copy(update={"confidence": None if word.confidence is None else 0.5})


def test_an_empty_result_has_the_receivers_shape() -> None:
    """Silence is a result: no segments, no speakers, no statistics, and a warning that says so."""
    sent = _sent(factory.empty())
    readers.check_shape(sent)
    assert (sent["segments"], sent["speakers"], sent["text"]) == ([], {}, "")
    assert not {"volume_statistics", "pitch_statistics"} & sent.keys()
    assert [warning["code"] for warning in sent["metadata"]["warnings"]] == ["NO_SPEECH"]


def test_nan_and_infinity_are_left_out() -> None:
    """A figure that is none is not sent."""
    broken = VoiceFeatures(rms_dbfs=-math.inf, f0_mean_hz=math.nan, spectral_centroid_hz=1500.0)
    analysis = factory.analysis()
    segment = analysis.segments[0]
    word = segment.words[0].model_copy(update={"voice": broken})
    changed = segment.model_copy(update={"words": (word,), "voice": broken})
    (sent,) = _sent(analysis.model_copy(update={"segments": (changed,)}))["segments"]
    assert sent["words"][0]["acoustic_features"] == {"spectral_centroid": 1500.0}
    assert sent["acoustic_features"] == {"spectral_centroid": 1500.0}


def test_the_caption_renderer_can_tell_loud_from_quiet() -> None:
    """Volume and pitch statistics are the recording's own: minimum, maximum, mean, median, quartiles and thirds."""
    analysis = factory.analysis(60)
    volume, pitch = analysis.volume, analysis.pitch
    assert volume is not None
    assert pitch is not None
    sent = _sent(analysis)
    assert sent["volume_statistics"] == {
        "global_min_db": volume.min_dbfs,
        "global_max_db": volume.max_dbfs,
        "global_mean_db": volume.mean_dbfs,
        "baseline_db": volume.median_dbfs,
        "whisper_threshold_db": volume.p25_dbfs,
        "loud_threshold_db": volume.p75_dbfs,
    }
    assert sent["pitch_statistics"] == {
        "global_min_hz": pitch.min_hz,
        "global_max_hz": pitch.max_hz,
        "global_mean_hz": pitch.mean_hz,
        "baseline_range": {"min": pitch.p33_hz, "max": pitch.p67_hz},
    }
    words = [word for segment in sent["segments"] for word in segment["words"]]
    named = [readers.volume_of(word, sent["volume_statistics"]) for word in words]
    assert [named.count(name) for name in ("quiet", "normal", "loud")] == [15, 30, 15]


def test_a_segment_carries_emotion_and_features_when_they_are_known() -> None:
    """The renderer's per-segment keys, from the segment's own voice."""
    voice = VoiceFeatures(
        rms=0.1,
        f0_mean_hz=120.0,
        f0_std_hz=8.5,
        spectral_centroid_hz=1500.0,
        spectral_rolloff_hz=3000.0,
        zero_crossing_rate=0.08,
    )
    emotion = Emotion(label="joy", confidence=0.7, valence=0.5, model="m")
    segment = factory.analysis().segments[0].model_copy(update={"voice": voice, "emotion": emotion})
    (sent,) = _sent(factory.analysis().model_copy(update={"segments": (segment,)}))["segments"]
    assert sent["emotion"] == {"emotion": "joy", "confidence": 0.7, "valence": 0.5}
    assert sent["acoustic_features"] == {
        "energy": 0.1,
        "pitch_mean": 120.0,
        "pitch_std": 8.5,
        "spectral_centroid": 1500.0,
        "spectral_rolloff": 3000.0,
        "zero_crossing_rate": 0.08,
    }


def test_speakers_are_totalled_and_nobody_is_invented() -> None:
    """Each voice by its turns; words of nobody known go to UNKNOWN, which is not counted as a speaker."""
    analysis = factory.analysis()
    sent = _sent(analysis)
    for speaker in analysis.speakers:
        assert sent["speakers"][speaker.id] == {
            "total_duration": speaker.speaking_s,
            "segment_count": speaker.segments,
        }
    assert sent["speakers"]["UNKNOWN"]["segment_count"] == 1
    assert sent["metadata"]["unique_speakers"] == 2
    known = factory.analysis([factory.word("hi", 0, 1, "SPEAKER_00")])
    assert "UNKNOWN" not in _sent(known)["speakers"]


def test_confidence_is_the_engines_or_absent() -> None:
    """An interpolated word has none, and says where its times come from."""
    sent = _sent(factory.analysis())
    words = factory.analysis().words
    assert [word.get("confidence") for word in sent["word_segments"]] == [word.confidence for word in words]
    assert words[2].confidence is None
    assert sent["segments"][0]["words"][2]["timing"] == "interpolated"
    assert sent["segments"][-1]["words"][-1]["suspect"] == "looping"


@pytest.mark.parametrize(("requested", "mode"), [("auto", "auto-detect"), ("ko", "targeted")])
def test_metadata_says_what_was_asked_and_what_ran(requested: str, mode: str) -> None:
    """The language asked for and found, the model that really ran, and the work it took."""
    metadata = _sent(factory.analysis(language_requested=requested, language="ko"))["metadata"]
    assert metadata["processing_mode"] == mode
    assert (metadata["language_requested"], metadata["language_detected"]) == (requested, "ko")
    assert metadata["model_version"] == "large-v3-turbo"
    assert metadata["processing_time"] == 6.75
    assert metadata["processed_at"] == "2026-03-14T09:26:53Z"
    assert metadata["missing"] == []


def test_metadata_says_what_is_missing_and_why() -> None:
    """A partial result names the stage that failed, and the warning that explains it, once."""
    notice = Notice(code="DIARIZATION_ERROR", message="The speakers could not be told apart.")
    analysis = factory.analysis(
        status="partial",
        stages=(StageRecord(name="diarize", status="failed", duration_s=1.0, error_code="DIARIZATION_ERROR"),),
        notices=(notice,),
        recording=factory.recording().model_copy(update={"notices": (notice,)}),
    )
    metadata = _sent(analysis)["metadata"]
    assert (metadata["status"], metadata["missing"]) == ("partial", ["diarize"])
    assert metadata["warnings"] == [{"code": "DIARIZATION_ERROR", "message": "The speakers could not be told apart."}]


def test_three_hours_fit_the_receivers_body() -> None:
    """The densest three hours of talk, 30 000 words, stay below the receiver's 50 MB."""
    body = json.dumps(backend.document(factory.analysis(3_000)), ensure_ascii=False).encode()
    assert 10 * len(body) < readers.MAX_BODY_BYTES


def test_nobody_speaks_in_no_language() -> None:
    """Where nothing was said the language is undetermined: the wire, the tables, the page and the cues take it."""
    silence = factory.empty(language="und")
    sent = _sent(silence)
    readers.check_shape(sent)
    assert (sent["language"], sent["metadata"]["language_detected"]) == ("und", "und")
    assert tables.rows_of(silence)["recordings"][0]["language"] == "und"
    assert '"language":"und"' in html.page(silence, None, media_href=None, media_kind="audio").replace(": ", ":")
    assert cues(silence.segments, CueSettings.for_language("und")) == ()


def test_a_translation_is_told_apart_from_what_was_spoken() -> None:
    """The language is the spoken one, the task says that the text is not in it, and captions keep to English bounds."""
    translated = factory.analysis(language="ko", task="translate")
    sent = _sent(translated)
    readers.check_shape(sent)
    assert (sent["language"], sent["metadata"]["language_detected"], sent["metadata"]["task"]) == (
        "ko",
        "ko",
        "translate",
    )
    assert tables.rows_of(translated)["recordings"][0]["task"] == "translate"
    assert (translated.text_language, factory.analysis(language="ko").text_language) == ("en", "ko")


def test_dimensions_without_a_label_are_no_emotion_to_readers() -> None:
    """Readers take an emotion for one with a name: valence and arousal alone go beside it."""
    felt = Emotion(valence=-0.4, arousal=0.8, model="dimensions")
    analysis = factory.analysis()
    segments = tuple(segment.model_copy(update={"emotion": felt}) for segment in analysis.segments)
    sent = _sent(analysis.model_copy(update={"segments": segments}))
    readers.check_shape(sent)
    assert all("emotion" not in segment for segment in sent["segments"])
    assert all(segment["emotion_dimensions"] == {"valence": -0.4, "arousal": 0.8} for segment in sent["segments"])
