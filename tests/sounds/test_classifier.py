"""Sounds by a model: its labels in our kinds, its windows in one event, nothing downloaded unless it is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.child import Child
from ecg_audio.errors import ModelLoadingFailed, ProcessingTimeout
from ecg_audio.sounds import classifier, classifier_process
from ecg_audio.sounds.classifier import SoundClassifier
from ecg_audio.speech.engine import LocalEngine
from tests.support import child_work
from tests.support.models import emotion as emotion_models


def test_the_best_label_of_a_kind_is_its_score() -> None:
    """Laughter by any of its names; speech is no event."""
    found = classifier_process.scored(["Speech", "Giggle", "Belly laugh", "Music"], [0.9, 0.3, 0.6, 0.2])
    assert found == {"laughter": 0.6, "music": 0.2}


def test_windows_one_after_the_other_are_one_event() -> None:
    """From the first window's start to the last one's end, within the recording, with the best score."""
    scores = [{}, {"laughter": 0.5}, {"laughter": 0.8}, {"laughter": 0.1}, {"music": 0.9}]
    found = list(classifier_process.events(scores, 5.5))  # type: ignore[arg-type]
    assert [(e.kind, e.start_s, e.end_s, e.score) for e in found] == [
        ("laughter", 1.0, 4.0, 0.8),
        ("music", 4.0, 5.5, 0.9),
    ]


def test_without_a_name_no_model_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, or an empty one."""
    for value in ("", " "):
        monkeypatch.setenv("ECG_EVENT_MODEL", value)
        assert classifier.configured() is None


def test_a_hung_model_is_ended_and_the_next_recording_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that does not return ends by name when its time is over, and its process with it."""
    monkeypatch.setattr(classifier_process, "classify", child_work.classify_when_there)
    recording, model = tmp_path / "recording.wav", tmp_path / "model"
    soundfile.write(recording, np.zeros(16_000, np.float32), 16_000)
    child = Child("the sound classifier")
    hearing = SoundClassifier(str(model), process=child)
    with monkeypatch.context() as limited:
        limited.setenv("ECG_TIME_LIMIT_LEAST_S", "3")
        limited.setenv("ECG_TIME_LIMIT_PER_S", "0")
        limited.setenv("ECG_TIME_LIMIT_GPU_PER_S", "0")
        with pytest.raises(ProcessingTimeout, match="the sound classifier took longer than 3 s"):
            hearing.classify(recording)
    assert not child.running
    model.touch()
    assert hearing.classify(recording) == ()
    hearing.close()


@pytest.mark.slow
def test_any_classifier_of_transformers_will_do(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """A model by directory that hears laughter in everything: one event from end to end."""
    model, recording = tmp_path / "laughing-model", tmp_path / "recording.wav"
    child = tiny_engine.process.child
    child.call(emotion_models.build, str(model), ["Speech", "Laughter", "Rain"], "Laughter")
    soundfile.write(recording, np.random.default_rng(1).normal(0, 0.1, 5 * 16_000).astype(np.float32), 16_000)
    (found,) = SoundClassifier(str(model), process=child).classify(recording)
    assert (found.kind, found.found_by, found.start_s, found.end_s) == ("laughter", "classifier", 0.0, 5.0)
    assert found.score is not None and found.score > 0.8


@pytest.mark.slow
def test_a_model_of_other_things_is_refused(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """None of its labels is in the table: the error says so and what to do."""
    model, recording = tmp_path / "emotion-model", tmp_path / "recording.wav"
    child = tiny_engine.process.child
    child.call(emotion_models.build, str(model), ["neu", "hap", "ang"], "ang")
    soundfile.write(recording, np.zeros(16_000, np.float32), 16_000)
    with pytest.raises(ModelLoadingFailed, match="none of its labels") as caught:
        SoundClassifier(str(model), process=child).classify(recording)
    assert "ECG_EVENT_MODEL" in str(caught.value.hint)
