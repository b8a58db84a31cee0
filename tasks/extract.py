"""extract: the recording's sound as 16 kHz mono, stored under the content it came from."""

from pathlib import Path

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress, workspace
from ecg_audio.analysis import Media, Recording
from ecg_audio.media import decode
from ecg_audio.request import Channels, Limits
from tasks import caching
from tasks.retrying import RETRYING


@task(name="extract", **RETRYING)
def extract(
    media: Media, store: str, limits: Limits, audio_stream: int | None = None, channels: Channels = "auto"
) -> Recording:
    """Decode the audio of a media file and keep it as FLAC in the artifact store, channels beside it if asked."""
    with progress.current().stage("extract") as report, workspace.scratch("extract") as folder:
        target = folder / "recording.flac"
        key = recording_key(media.sha256, audio_stream)
        recording = decode.extract(
            Path(media.path),
            target,
            key=key,
            sha256=media.sha256,
            limits=limits,
            audio_stream=audio_stream,
            report=report,
            size_bytes=media.size_bytes,
            channels=channels,
        )
        recording = recording.model_copy(update={"notices": (*media.notices, *recording.notices)})
        artifacts = open_store(store)
        for channel in recording.channels:
            artifacts.upload(channel.key, decode.channel_path(target, channel.number))
        artifacts.upload(key, target)  # last: where it is, its channels are
        return recording


def recording_key(sha256: str, audio_stream: int | None) -> str:
    """Where a source's audio lies: by its content, and by the stream when one was asked for."""
    chosen = "" if audio_stream is None else f".stream{audio_stream}"
    return f"recordings/{sha256[:2]}/{sha256}{chosen}.flac"


def extract_key(media: Media, audio_stream: int | None, channels: Channels) -> str:
    """The same bytes, the same stream and the same use of channels give the same recording."""
    told = [notice.code for notice in media.notices]  # they go on into the recording's own
    return caching.key(
        "extract", "media", content=media.sha256, audio_stream=audio_stream, channels=channels, told=told
    )


def track_keys(recording: Recording) -> list[str]:
    """Where what is listened to lies: the recording, or each of its channels. A part of the keys of what is found."""
    return [track.key for track in recording.tracks]
