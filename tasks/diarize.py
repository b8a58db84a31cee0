"""diarize: who spoke when."""

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Diarization, Recording, Transcript
from ecg_audio.errors import DiarizationFailed
from ecg_audio.request import SpeakerCount
from ecg_audio.speech import engine
from tasks.measure import frames_key
from tasks.stage import not_kept, stage


@stage(
    "diarize",
    "media",
    "speech",
    parts={"models": lambda models: engine.shared(models).fingerprint("diarize")},
    failure=DiarizationFailed,
    tags=["speech"],
)
def diarize(
    recording: Recording, store: str, models: str, speakers: SpeakerCount, voice_vectors: bool = False
) -> Diarization:
    """Tell the speakers of a recording apart. `voice_vectors`: and keep how their voices sound."""
    with progress.current().stage(diarize.name) as report, open_store(store).local(recording.key) as path:
        found = engine.shared(models).diarize(path, speakers=speakers, report=report)
        # they are biometric data, and this result is kept
        return found if voice_vectors else found.model_copy(update={"embeddings": {}})


@stage("diarize", key=not_kept, failure=DiarizationFailed)
def read_channels(
    recording: Recording, store: str, transcript: Transcript, frames: str | None, speakers: SpeakerCount
) -> Diarization:
    """Who spoke when in a recording with one person a channel: no model is asked.

    Args:
        recording: with its channels.
        store: reference of the artifact store.
        transcript: with its words.
        frames: key of the recording's voice frames, beside which lie those of the channels; None: not measured.
        speakers: how many the request tells of.
    """
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.speech import channels, islands

    artifacts = open_store(store)
    with progress.current().stage(diarize.name):
        sound: dict[int, islands.Islands | None] = {}
        for channel, track in zip(recording.channels, recording.tracks, strict=True):
            sound[channel.number] = None
            if frames is not None:
                with artifacts.local(frames_key(track)) as path:
                    measured = read_frames(path, ("rms_dbfs", "f0_hz"))
                sound[channel.number] = islands.found(measured["rms_dbfs"], measured["f0_hz"])
        return channels.turns(transcript, sound, speakers)
