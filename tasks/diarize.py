"""diarize: who spoke when."""

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Diarization, EngineName, Recording
from ecg_audio.speech import engine
from ecg_audio.speech.engine import SpeakerCount
from tasks import caching
from tasks.retrying import RETRYING


@task(name="diarize", tags=["speech"], **RETRYING)
def diarize(recording: Recording, store: str, engine_name: EngineName, speakers: SpeakerCount) -> Diarization:
    """Tell the speakers of a recording apart with the named engine."""
    with progress.current().stage("diarize") as report, open_store(store).local(recording.key) as path:
        return engine.shared(engine_name).diarize(path, speakers=speakers, report=report)


def diarize_key(recording: Recording, engine_name: EngineName, speakers: SpeakerCount) -> str:
    """The same audio, models and speaker counts give the same turns."""
    return caching.key(
        "diarize",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(engine_name).fingerprint("diarize"),
        speakers=[speakers.exact, speakers.least, speakers.most],
    )
