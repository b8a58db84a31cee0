"""diarize: who spoke when."""

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Diarization, Recording
from ecg_audio.request import SpeakerCount
from ecg_audio.speech import engine
from tasks import caching
from tasks.retrying import RETRYING


@task(name="diarize", tags=["speech"], **RETRYING)
def diarize(recording: Recording, store: str, models: str, speakers: SpeakerCount) -> Diarization:
    """Tell the speakers of a recording apart."""
    with progress.current().stage("diarize") as report, open_store(store).local(recording.key) as path:
        return engine.shared(models).diarize(path, speakers=speakers, report=report)


def diarize_key(recording: Recording, models: str, speakers: SpeakerCount) -> str:
    """The same audio, models and speaker counts give the same turns."""
    return caching.key(
        "diarize",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(models).fingerprint("diarize"),
        speakers=[speakers.exact, speakers.least, speakers.most],
    )
