"""find_events: what is heard beside words, where the request wants it."""

from ecg_audio.analysis import Diarization, Event, EventKind, Notice, Recording, Transcript
from ecg_audio.compute import hub
from ecg_audio.compute.classifier import shared
from ecg_audio.errors import MeasurementFailed
from ecg_audio.sound_events import Events, Remarks
from ecg_audio.sounds.classifier import SoundClassifier
from ecg_audio.speech import engine
from tasks.stage import Work, stage

CLASSIFYING = 0.7  # of the progress, where a model is asked


_classifier = shared(SoundClassifier)


@stage(
    "media",
    "compute",
    "speech",
    "sounds",
    parts={
        "models": lambda models: engine.shared(models).fingerprint("listen"),
        "model": lambda model: _classifier(model).fingerprint() if model else None,
    },
    failure=MeasurementFailed,
    tags=["speech"],
)
def find_events(
    work: Work,
    recording: Recording,
    models: str,
    kinds: tuple[EventKind, ...],
    model: str | None,
    transcript: Transcript,
    diarization: Diarization | None,
    frames: str,
) -> Events:
    """Find pauses and sounds.

    Args:
        work: see `Work`.
        recording: the sound.
        models: what the request says of its models.
        kinds: of events, those to look for.
        model: a sound classifier; None: the recogniser, the diarization and the frames say what they can.
        transcript: with its words.
        diarization: None: it could not be had, and no crosstalk is found.
        frames: key of the recording's voice frames.
    """
    # numpy and Arrow take their time to import: only the task that needs them pays
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.sounds.events import EventSearch
    from ecg_audio.sounds.signals import COLUMNS
    from ecg_audio.speech.listen import LONGEST_S

    with work.store.local(frames) as measured:
        search = EventSearch(transcript, read_frames(measured, COLUMNS), recording.duration_s, kinds)
    classified: tuple[Event, ...] = ()
    remarked = Remarks(remarks=())
    begun = CLASSIFYING if model else 0.0
    with work.store.local(recording.key) as path:
        if model:
            classified = _classifier(model).classify(path, report=lambda fraction: work.report(CLASSIFYING * fraction))
        if spans := search.unnamed(LONGEST_S):
            spoken = transcript.language if transcript.language != "und" else "en"
            remarked = engine.shared(models).listen(
                path, spans=spans, language=spoken, report=lambda done: work.report(begun + (1 - begun) * done)
            )
    return Events(
        kinds=kinds,
        found=search.events(diarization, remarked, classified),
        model=hub.called(model) if model else None,
        notices=(*remarked.notices, *_unasked(remarked.unasked, len(spans))),
    )


def _unasked(count: int, of: int) -> tuple[Notice, ...]:
    if not count:
        return ()
    message = (
        f"of {of} stretches of sound without words the {count} shortest were not looked into, to bound the work: "
        "laughter or music there is not in the result"
    )
    return (Notice(code="EVENTS_BOUNDED", message=message),)
