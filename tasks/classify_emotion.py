"""classify_emotion: how each segment felt, where an emotion model is configured."""

from ecg_audio import progress
from ecg_audio.analysis import Diarization, Emotion, Recording, Transcript
from ecg_audio.compute.classifier import shared
from ecg_audio.errors import MeasurementFailed
from ecg_audio.speech import channels
from ecg_audio.speech.attribution import attribute
from ecg_audio.voice.emotion import EmotionClassifier
from tasks.stage import Work, stage

_classifier = shared(EmotionClassifier)


@stage(
    "media",
    "compute",
    "speech",
    "voice",
    parts={"model": lambda model: _classifier(model).fingerprint()},
    failure=MeasurementFailed,
    tags=["speech"],
)
def classify_emotion(
    work: Work, recording: Recording, model: str, transcript: Transcript, diarization: Diarization | None
) -> list[Emotion | None]:
    """Hear the emotion of each segment, in their order, each in its speaker's own channel where there is one."""
    segments = attribute(transcript, diarization)
    felt: dict[int, Emotion | None] = {}
    names = [channels.name(channel.number) for channel in recording.channels]
    for index, track in enumerate(recording.tracks):
        own = [segment for segment in segments if not names or segment.speaker == names[index]]
        heard = progress.part(work.report, index, len(recording.tracks))
        with work.store.local(track.key) as path:
            found = _classifier(model).classify(path, own, report=heard)
        felt |= dict(zip((segment.id for segment in own), found, strict=True))
    return [felt[segment.id] for segment in segments]
