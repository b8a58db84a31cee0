"""Emotion models, and other classifiers of transformers, behind the model server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Span
from ecg_audio.child import Child
from ecg_audio.errors import MeasurementFailed, ModelLoadingFailed, ProcessingTimeout
from ecg_audio.progress import Progress, tracked
from ecg_audio.serving.client import RemoteClassifiers, RemoteEngine
from ecg_audio.serving.server import ModelServer
from ecg_audio.sounds import classifier_process
from ecg_audio.sounds.classifier import SoundClassifier
from ecg_audio.voice.emotion import EmotionClassifier
from tests.serving.test_server import Serve, serve, stub, told_by
from tests.support import child_work, models
from tests.support.models import emotion as emotion_models
from tests.support.stub_models import StubModels
from tests.support.waiting import until

__all__ = ["serve", "stub"]

SPANS = (Span(start_s=0.4, end_s=3.0),)


@pytest.fixture
def server(serve: Serve, stub: StubModels, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """A server that ECG_MODEL_SERVER names, with a process of classifiers that ends with it."""
    found = serve(stub)
    monkeypatch.setenv("ECG_MODEL_SERVER", found.address)
    return found


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second of silence, for a classifier that hangs until there is a file of its model's name."""
    monkeypatch.setattr(classifier_process, "classify", child_work.classify_when_there)
    path = tmp_path / "recording.wav"
    soundfile.write(path, np.zeros(16_000, np.float32), 16_000)
    return path


@pytest.mark.slow
def test_jobs_share_one_emotion_model(server: ModelServer, tmp_path: Path) -> None:
    """Two jobs hear what the model hears; it was loaded once, in the server's process, and an error keeps its name."""
    path = str(tmp_path / "angry-model")
    Child.call(server.classifiers, emotion_models.build, path, ["neu", "hap", "ang"], "ang")
    progress = Progress(("classify_emotion",))
    for _job in range(2):
        classifier = EmotionClassifier(path)
        assert isinstance(classifier._process, RemoteClassifiers)
        reports: list[float] = []
        with progress.stage("classify_emotion"):
            [found] = classifier.classify(models.CONVERSATION, SPANS, report=reports.append)
        classifier.close()
        assert found is not None and (found.label, found.model) == ("anger", "angry-model")
        assert reports == [1.0]
    assert (progress.states()[0].taken.peak_resident_bytes or 0) > 0
    assert Child.call(server.classifiers, emotion_models.loads) == {"emotion": 1}
    until(lambda: server.slot.length == 0)  # it counts after it has answered
    assert told_by(server, "/health").json()["classifiers_resident_bytes"] > 0
    counted = told_by(server, "/metrics").text
    assert 'ecg_models_jobs_total{ended="completed",stage="emotion_process"} 2.0' in counted
    with pytest.raises(ModelLoadingFailed, match="nobody/nothing is not on this machine"):
        EmotionClassifier("nobody/nothing").classify(models.CONVERSATION, SPANS)


def test_a_hung_classifier_is_ended_and_leaves_the_speech_models(
    server: ModelServer, stub: StubModels, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its own time is over, or its job's; the slot is free, and the next recording is heard."""
    hearing = SoundClassifier(str(tmp_path / "model"))
    with monkeypatch.context() as limited:
        for name in ("LEAST_S", "PER_S", "GPU_PER_S"):
            limited.setenv(f"ECG_TIME_LIMIT_{name}", "2" if name == "LEAST_S" else "0")
        with pytest.raises(ProcessingTimeout, match="the classifiers took longer than 2 s"):
            hearing.classify(recording)
    assert not server.classifiers.running
    with tracked(Progress(("find_events",))) as progress:
        progress.deadline.begin(2.0)
        with pytest.raises(ProcessingTimeout, match="took longer"):  # than the job may, as it or the server sees first
            hearing.classify(recording)
    until(lambda: server.slot.length == 0, seconds=10)
    (tmp_path / "model").touch()
    assert hearing.classify(recording) == ()
    assert (stub.warmed, stub.closed) == (0, 0)


def test_classifiers_wait_in_the_one_line(server: ModelServer, stub: StubModels, recording: Path) -> None:
    """A recognition and a classification do not share the card: the second begins when the first has ended."""
    with ThreadPoolExecutor() as pool, stub.held():
        speaking = pool.submit(RemoteEngine().transcribe, Path("0.1.flac"))
        until(lambda: server.slot.length == 1)
        hearing = pool.submit(SoundClassifier(str(recording)).classify, recording)
        until(lambda: server.slot.length == 2)
        assert not server.classifiers.running
        threading.Timer(0.1, stub._free.set).start()
        assert (hearing.result(), speaking.result().model) == ((), "0.1")


def test_a_broken_classifier_is_a_failed_measurement(
    server: ModelServer, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw in the server's process has the name that it has without a server."""
    monkeypatch.setattr(classifier_process, "classify", child_work.allocate)
    with pytest.raises(MeasurementFailed, match="the sound classifier failed: TypeError"):
        SoundClassifier(str(recording)).classify(recording)
    until(lambda: dict(server.jobs) == {("child_work", "PROCESSING_ERROR"): 1})
