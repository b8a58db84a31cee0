"""transcribe: what was said."""

from ecg_audio.analysis import Recording, Transcript
from ecg_audio.progress import Report
from ecg_audio.request import Guidance
from ecg_audio.speech import channels, engine
from tasks.stage import Work, stage


@stage(
    "media",
    "speech",
    parts={"models": lambda models: engine.shared(models).fingerprint("transcribe")},
    tags=["speech"],
)
def transcribe(work: Work, recording: Recording, models: str, language: str, guidance: Guidance) -> Transcript:
    """Recognise what is said in a recording or in each of its channels, as yet without words' times."""

    def ask(index: int, language: str, report: Report) -> Transcript:
        with work.store.local(recording.tracks[index].key) as path:
            return engine.shared(models).transcribe(path, language=language, guidance=guidance, report=report)

    if not recording.channels:
        return ask(0, language, work.report)
    return channels.transcribed([one.number for one in recording.channels], ask, language, work.report)
