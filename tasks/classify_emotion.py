"""classify_emotion: how each segment felt, where an emotion model is configured."""

import atexit
import functools

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Diarization, Emotion, Recording, Transcript
from ecg_audio.speech.attribution import attribute
from ecg_audio.voice.emotion import EmotionClassifier
from tasks import caching
from tasks.retrying import RETRYING


@task(name="classify_emotion", tags=["speech"], **RETRYING)
def classify_emotion(
    recording: Recording, store: str, model: str, transcript: Transcript, diarization: Diarization | None
) -> list[Emotion | None]:
    """Hear the emotion of each segment, in their order."""
    with progress.current().stage("classify_emotion") as report, open_store(store).local(recording.key) as path:
        segments = attribute(transcript, diarization)
        return list(_classifier(model).classify(path, segments, report=report))


def classify_emotion_key(
    recording: Recording, model: str, transcript: Transcript, diarization: Diarization | None
) -> str:
    """The same audio, segments and model give the same emotions."""
    return caching.key(
        "classify_emotion",
        "media",
        "speech",
        "voice",
        content=recording.key,
        model=_classifier(model).fingerprint(),
        transcript=transcript.model_dump(mode="json"),
        diarization=diarization and diarization.model_dump(mode="json"),
    )


@functools.cache
def _classifier(model: str) -> EmotionClassifier:
    classifier = EmotionClassifier(model)
    atexit.register(classifier.close)
    return classifier
