"""align: when each word was said, and which words not to trust."""

from blocks.storage import ArtifactStore
from ecg_audio import progress
from ecg_audio.analysis import Recording, Transcript
from ecg_audio.progress import Report
from ecg_audio.speech import channels, engine
from tasks.measure import frames_key
from tasks.stage import Work, stage


@stage(
    "media",
    "speech",
    parts={"models": lambda models: engine.shared(models).fingerprint("align")},
    tags=["speech"],
)
def align(work: Work, recording: Recording, models: str, transcript: Transcript, frames: str | None) -> Transcript:
    """Find the words of a recording's transcript in its sound.

    Args:
        work: see `Work`.
        recording: the sound.
        models: what the request says of its models.
        transcript: its utterances have no words yet; each channel's are looked for in its sound.
        frames: key of the recording's voice frames, which know where it is silent; None: they could not be measured,
            and words keep the edges that the aligner gave them.
    """
    if not recording.channels:
        return aligned_in(recording, work.store, models, transcript, frames, work.report)
    found = {}
    pairs = list(zip(recording.channels, recording.tracks, strict=True))
    for index, (channel, track) in enumerate(pairs):
        own = channels.of(transcript, channel.number)
        measured = None if frames is None else frames_key(track)
        heard = progress.part(work.report, index, len(pairs))
        found[channel.number] = aligned_in(track, work.store, models, own, measured, heard)
    aligned = channels.merged(found)
    return aligned.model_copy(update={"notices": (*transcript.notices, *aligned.notices)})


def aligned_in(
    recording: Recording,
    artifacts: ArtifactStore,
    models: str,
    transcript: Transcript,
    frames: str | None,
    report: Report,
) -> Transcript:
    """The words of a transcript as they are said in one recording, or in one channel of one; see `align`."""
    # numpy and Arrow take their time to import: only the task that needs them pays
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.speech import edges, suspect

    with artifacts.local(recording.key) as path:
        recognised = engine.shared(models).align(path, transcript, report=report)
    if frames is None:
        return suspect.examined(recognised)
    with artifacts.local(frames) as path:
        measured = read_frames(path, ("rms_dbfs", "f0_hz"))
    refined = edges.refined(recognised, measured["rms_dbfs"], measured["f0_hz"])
    return suspect.examined(refined.transcript, recognised=recognised, unsounded=refined.outside)
