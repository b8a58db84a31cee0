"""transcribe: what was said, and by some engines when."""

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import EngineName, Recording, Transcript
from ecg_audio.speech import engine
from tasks import caching
from tasks.retrying import RETRYING


@task(name="transcribe", tags=["speech"], **RETRYING)
def transcribe(recording: Recording, store: str, engine_name: EngineName, language: str) -> Transcript:
    """Recognise what is said in a recording with the named engine."""
    with progress.current().stage("transcribe") as report, open_store(store).local(recording.key) as path:
        return engine.shared(engine_name).transcribe(path, language=language, report=report)


def transcribe_key(recording: Recording, engine_name: EngineName, language: str) -> str:
    """The same audio, models and language give the same words."""
    return caching.key(
        "transcribe",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(engine_name).fingerprint("transcribe"),
        language=language,
    )
