"""name_speakers: whose voices these are, of those whom somebody asked to know again."""

from blocks import known_voices as kept
from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Diarization, Naming, Recording
from ecg_audio.errors import DiarizationFailed
from ecg_audio.speech import known_voices
from tasks.stage import not_kept, stage


# nothing is kept: a voice that is remembered later is heard at once, and one that is forgotten lives on in no record
@stage("name_speakers", key=not_kept, failure=DiarizationFailed, tags=["speech"])
def name_speakers(recording: Recording, store: str, models: str, diarization: Diarization) -> dict[str, Naming]:
    """Who the speakers are, by their ids, as far as their voices say so. The vectors stay here."""
    with progress.current().stage(name_speakers.name) as report:
        artifacts = open_store(store)
        found, encoder = kept.heard(artifacts, recording, diarization.turns, models, report=report)
        return known_voices.namings(kept.known(artifacts), found, encoder)
