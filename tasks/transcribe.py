"""transcribe: what was said."""

from dataclasses import asdict

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Recording, Transcript
from ecg_audio.request import Guidance
from ecg_audio.speech import engine
from tasks import caching
from tasks.retrying import RETRYING


@task(name="transcribe", tags=["speech"], **RETRYING)
def transcribe(recording: Recording, store: str, models: str, language: str, guidance: Guidance) -> Transcript:
    """Recognise what is said in a recording, as yet without words' times."""
    with progress.current().stage("transcribe") as report, open_store(store).local(recording.key) as path:
        return engine.shared(models).transcribe(path, language=language, guidance=guidance, report=report)


def transcribe_key(recording: Recording, models: str, language: str, guidance: Guidance) -> str:
    """The same audio, models, language and guidance give the same words."""
    return caching.key(
        "transcribe",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(models).fingerprint("transcribe"),
        language=language,
        guidance=asdict(guidance),
    )
