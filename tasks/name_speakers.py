"""name_speakers: whose voices these are, of those whom somebody asked to know again."""

from blocks import known_voices as kept
from ecg_audio.analysis import Diarization, Naming, Recording
from ecg_audio.errors import DiarizationFailed
from ecg_audio.speech import known_voices
from tasks.stage import Work, stage


# nothing is kept: a voice that is remembered later is heard at once, and one that is forgotten lives on in no record
@stage(failure=DiarizationFailed, tags=["speech"])
def name_speakers(work: Work, recording: Recording, models: str, diarization: Diarization) -> dict[str, Naming]:
    """Who the speakers are, by their ids, as far as their voices say so. The vectors stay here."""
    found, encoder = kept.heard(work.store, recording, diarization.turns, models, report=work.report)
    return known_voices.namings(kept.known(work.store), found, encoder)
