"""diarize: who spoke when."""

from ecg_audio.analysis import Diarization, Recording, Transcript
from ecg_audio.errors import DiarizationFailed
from ecg_audio.request import SpeakerCount
from ecg_audio.speech import engine
from tasks.measure import frames_key
from tasks.stage import Work, stage


@stage(
    "media",
    "speech",
    parts={"models": lambda models: engine.shared(models).fingerprint("diarize")},
    failure=DiarizationFailed,
    tags=["speech"],
)
def diarize(
    work: Work, recording: Recording, models: str, speakers: SpeakerCount, voice_vectors: bool = False
) -> Diarization:
    """Tell the speakers of a recording apart. `voice_vectors`: and keep how their voices sound."""
    with work.store.local(recording.key) as path:
        found = engine.shared(models).diarize(path, speakers=speakers, report=work.report)
    # they are biometric data, and this result is kept
    return found if voice_vectors else found.model_copy(update={"embeddings": {}})


@stage(failure=DiarizationFailed, task_name="diarize")
def read_channels(
    work: Work, recording: Recording, transcript: Transcript, frames: str | None, speakers: SpeakerCount
) -> Diarization:
    """Who spoke when in a recording with one person a channel: no model is asked.

    Args:
        work: see `Work`.
        recording: with its channels.
        transcript: with its words.
        frames: key of the recording's voice frames, beside which lie those of the channels; None: not measured.
        speakers: how many the request tells of.
    """
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.speech import channels, islands

    sound: dict[int, islands.Islands | None] = {}
    for channel, track in zip(recording.channels, recording.tracks, strict=True):
        sound[channel.number] = None
        if frames is not None:
            with work.store.local(frames_key(track)) as path:
                measured = read_frames(path, ("rms_dbfs", "f0_hz"))
            sound[channel.number] = islands.found(measured["rms_dbfs"], measured["f0_hz"])
    return channels.turns(transcript, sound, speakers)
