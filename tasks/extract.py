"""extract: the recording's sound as 16 kHz mono, stored under the content it came from."""

from pathlib import Path

from ecg_audio import layout, workspace
from ecg_audio.analysis import Media, Recording
from ecg_audio.media import decode
from ecg_audio.request import Channels, Limits
from tasks.stage import Work, nothing, stage


def _source(media: Media) -> list[str]:
    return [media.sha256, *(notice.code for notice in media.notices)]  # notices go on into the recording's own


@stage("media", parts={"media": _source, "limits": nothing})
def extract(
    work: Work, media: Media, limits: Limits, audio_stream: int | None = None, channels: Channels = "auto"
) -> Recording:
    """Decode the audio of a media file and keep it as FLAC in the artifact store, channels beside it if asked."""
    with workspace.scratch("extract") as folder:
        target = folder / "recording.flac"
        key = layout.recording(media.sha256, audio_stream)
        recording = decode.extract(
            Path(media.path),
            target,
            key=key,
            sha256=media.sha256,
            limits=limits,
            audio_stream=audio_stream,
            report=work.report,
            size_bytes=media.size_bytes,
            channels=channels,
        )
        recording = recording.model_copy(update={"notices": (*media.notices, *recording.notices)})
        for channel in recording.channels:
            work.store.upload(channel.key, decode.channel_path(target, channel.number))
        work.store.upload(key, target)  # last: where it is, its channels are
        return recording
