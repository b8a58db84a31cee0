"""Emotion: a model's labels in our words, absent where it has none, and a task of its own in the flow."""

import math
from pathlib import Path

import pytest

from ecg_audio.analysis import Emotion, Span
from ecg_audio.errors import MeasurementFailed, ModelLoadingFailed
from ecg_audio.request import AnalysisRequest
from ecg_audio.results import document
from ecg_audio.speech import engine as engines
from ecg_audio.speech.engine import LocalEngine
from ecg_audio.voice.emotion import EmotionClassifier, configured
from ecg_audio.voice.emotion_process import felt, mapped
from flows.analyze import analyze
from tests.support import models
from tests.support.models import emotion as emotion_models

LABELS = ["neu", "hap", "ang"]
CONFIDENCE = math.exp(3) / (math.exp(3) + 2)


@pytest.mark.parametrize(
    ("probabilities", "label", "confidence"),
    [
        ({"hap": 0.7, "ang": 0.2, "neu": 0.1}, "joy", 0.7),
        ({"Happy": 0.3, "excited": 0.3, "angry": 0.4}, "joy", 0.6),
        ({"SURPRISED": 0.9, "other": 0.1}, "surprise", 0.9),
        ({"분노": 0.8, "중립": 0.2}, "anger", 0.8),
        ({"calm": 0.4, "neutral": 0.3, "sad": 0.3}, "neutral", 0.7),
    ],
)
def test_labels_are_mapped_to_the_seven(probabilities: dict[str, float], label: str, confidence: float) -> None:
    """However a model spells them; labels of one meaning count together, with the model's own probability."""
    found = mapped(probabilities, "a model")
    assert found is not None
    assert (found.label, found.model) == (label, "a model")
    assert found.confidence == pytest.approx(confidence)
    assert (found.valence, found.arousal) == (None, None)


def test_a_label_outside_the_seven_is_no_emotion() -> None:
    """Where "other" is likeliest there is no emotion, not the second best."""
    assert mapped({"other": 0.6, "hap": 0.4}, "a model") is None


def test_dimensions_are_no_label() -> None:
    """Valence goes from -1 to 1, arousal from 0 to 1, slight excess is cut; an emotion is not made up from them."""
    found = felt({"arousal": 1.04, "dominance": 0.5, "valence": 0.3}, "a model")
    assert (found.label, found.confidence, found.valence, found.arousal) == (None, None, -0.4, 1.0)


def test_dimensions_on_another_scale_are_refused() -> None:
    """Figures from 1 to 7 are not squeezed into 0 to 1."""
    with pytest.raises(MeasurementFailed, match=r"says arousal 4\.2: its scale is not 0 to 1"):
        felt({"arousal": 4.2, "valence": 3.0}, "a model")


def test_without_a_model_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, or an empty one: emotion is absent."""
    monkeypatch.delenv("ECG_EMOTION_MODEL", raising=False)
    assert configured() is None
    monkeypatch.setenv("ECG_EMOTION_MODEL", " ")
    assert configured() is None


@pytest.fixture
def angry(tiny_engine: LocalEngine, tmp_path: Path) -> Path:
    """A model that hears anger in everything."""
    path = tmp_path / "angry-model"
    tiny_engine.process.child.call(emotion_models.build, str(path), LABELS, "ang")
    return path


@pytest.mark.slow
def test_each_span_has_its_emotion(tiny_engine: LocalEngine, angry: Path) -> None:
    """Label and probability come from the model; a span too short to judge has none."""
    classifier = EmotionClassifier(str(angry), process=tiny_engine.process.child)
    spans = [Span(start_s=0.4, end_s=3.0), Span(start_s=3.9, end_s=4.1), Span(start_s=0.0, end_s=17.0)]
    reports: list[float] = []
    found = classifier.classify(models.CONVERSATION, spans, report=reports.append)
    assert [one and one.label for one in found] == ["anger", None, "anger"]
    assert found[0] is not None and found[0].confidence == pytest.approx(CONFIDENCE, abs=1e-3)
    assert found[0].model == "angry-model"
    assert reports[-1] == 1.0
    assert classifier.classify(models.CONVERSATION, []) == ()


@pytest.mark.slow
def test_a_model_without_emotions_is_refused(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """An audio classifier of something else, or a name without a hub, is a loading error that says so."""
    tiny_engine.process.child.call(emotion_models.build, str(tmp_path / "animals"), ["cat", "dog"], "dog")
    spans = [Span(start_s=0.4, end_s=3.0)]
    with pytest.raises(ModelLoadingFailed, match="is not an emotion model: its labels are cat, dog"):
        EmotionClassifier(str(tmp_path / "animals"), process=tiny_engine.process.child).classify(
            models.CONVERSATION, spans
        )
    with pytest.raises(ModelLoadingFailed, match="nobody/nothing is not on this machine"):
        EmotionClassifier("nobody/nothing", process=tiny_engine.process.child).classify(models.CONVERSATION, spans)


@pytest.mark.slow
def test_a_model_of_dimensions_gives_those(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """A regression head over arousal, dominance and valence, in the form in which such models are published."""
    path = str(tmp_path / "dimensions")
    tiny_engine.process.child.call(
        emotion_models.build_regressor, path, {"arousal": 0.8, "dominance": 0.5, "valence": 0.3}
    )
    found = EmotionClassifier(path, process=tiny_engine.process.child).classify(
        models.CONVERSATION, [Span(start_s=0.4, end_s=3.0)]
    )
    assert found == (Emotion(valence=-0.4, arousal=0.8, model="dimensions"),)


@pytest.mark.slow
def test_a_head_that_would_be_filled_with_noise_is_refused(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """Emotion labels over a head that transformers does not know are random figures: a loading error, by name."""
    path = str(tmp_path / "headless")
    tiny_engine.process.child.call(emotion_models.build_regressor, path, {"angry": 0.8, "happy": 0.5})
    with pytest.raises(ModelLoadingFailed, match="its head is not the one that transformers knows"):
        EmotionClassifier(path, process=tiny_engine.process.child).classify(
            models.CONVERSATION, [Span(start_s=0.4, end_s=3.0)]
        )


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server", "tiny")
def test_a_configured_model_gives_each_segment_its_emotion(
    tiny_engine: LocalEngine, angry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the whole flow: published with every segment; a model that cannot be had leaves a partial result."""
    from tasks import classify_emotion

    monkeypatch.setattr(engines, "shared", lambda _models: tiny_engine)
    monkeypatch.setattr(
        classify_emotion, "_classifier", lambda model: EmotionClassifier(model, process=tiny_engine.process.child)
    )

    def ask() -> AnalysisRequest:
        return AnalysisRequest.checked(source=str(models.CONVERSATION), store=str(tmp_path / "store"))

    monkeypatch.setenv("ECG_EMOTION_MODEL", str(angry))
    ended = analyze(ask())
    assert ended.status == "completed" and ended.outputs
    found = document.loads(Path(ended.outputs.analysis).read_bytes())
    assert found.emotion_model == "angry-model"
    assert {segment.emotion.label for segment in found.segments if segment.emotion} == {"anger"}
    assert all(segment.emotion for segment in found.segments)
    monkeypatch.setenv("ECG_EMOTION_MODEL", "nobody/nothing")
    ended = analyze(ask())
    assert ended.status == "partial" and ended.outputs
    found = document.loads(Path(ended.outputs.analysis).read_bytes())
    assert found.emotion_model is None and not any(segment.emotion for segment in found.segments)
    assert any(notice.code == "MODEL_LOADING_ERROR" for notice in found.notices)
