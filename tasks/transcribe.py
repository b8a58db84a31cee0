"""transcribe: what was said, and by some engines when."""

from dataclasses import asdict

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import EngineName, Recording, Transcript
from ecg_audio.speech import engine
from ecg_audio.speech.engine import Guidance
from tasks import caching
from tasks.retrying import RETRYING


@task(name="transcribe", tags=["speech"], **RETRYING)
def transcribe(
    recording: Recording, store: str, engine_name: EngineName, language: str, guidance: Guidance
) -> Transcript:
    """Recognise what is said in a recording with the named engine."""
    with progress.current().stage("transcribe") as report, open_store(store).local(recording.key) as path:
        speech = engine.shared(engine_name)
        return speech.transcribe(path, language=language, guidance=guidance, report=report)


def transcribe_key(recording: Recording, engine_name: EngineName, language: str, guidance: Guidance) -> str:
    """The same audio, models, language and guidance give the same words."""
    return caching.key(
        "transcribe",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(engine_name).fingerprint("transcribe"),
        language=language,
        guidance=asdict(guidance),
    )
