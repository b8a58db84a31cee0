"""align: when each word was said, where the engine finds that out by itself."""

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import EngineName, Recording, Transcript
from ecg_audio.speech import engine
from tasks import caching
from tasks.retrying import RETRYING


@task(name="align", tags=["speech"], **RETRYING)
def align(recording: Recording, store: str, engine_name: EngineName, transcript: Transcript) -> Transcript:
    """Find the words of a recording's transcript in its sound, with the engine that made it."""
    with progress.current().stage("align") as report, open_store(store).local(recording.key) as path:
        return engine.shared(engine_name).align(path, transcript, report=report)


def align_key(recording: Recording, engine_name: EngineName, transcript: Transcript) -> str:
    """The same audio, text and aligner give the same words."""
    return caching.key(
        "align",
        "media",
        "speech",
        content=recording.key,
        engine=engine.shared(engine_name).fingerprint("align"),
        transcript=transcript.model_dump(mode="json"),
    )
