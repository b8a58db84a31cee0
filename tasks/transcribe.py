"""transcribe: what was said."""

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Recording, Transcript
from ecg_audio.progress import Report
from ecg_audio.request import Guidance
from ecg_audio.speech import channels, engine
from tasks.stage import stage


@stage(
    "transcribe",
    "media",
    "speech",
    parts={"models": lambda models: engine.shared(models).fingerprint("transcribe")},
    tags=["speech"],
)
def transcribe(recording: Recording, store: str, models: str, language: str, guidance: Guidance) -> Transcript:
    """Recognise what is said in a recording or in each of its channels, as yet without words' times."""
    artifacts, tracks = open_store(store), recording.tracks

    def ask(index: int, language: str, report: Report) -> Transcript:
        with artifacts.local(tracks[index].key) as path:
            return engine.shared(models).transcribe(path, language=language, guidance=guidance, report=report)

    with progress.current().stage(transcribe.name) as report:
        if not recording.channels:
            return ask(0, language, report)
        return channels.transcribed([one.number for one in recording.channels], ask, language, report)
