"""Opening an untrusted media file: which containers, and which audio stream.

FFmpeg gets an open file and never a name, a short list of demuxers and no protocol at all. So no playlist, manifest or
concat script can make it read another file or the network, and text is never taken for raw samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ecg_audio.errors import InvalidRequest, MediaCorrupt, MediaEncrypted, NoAudio, NotMedia
from ecg_audio.media.bounded import BoundedFile
from ecg_audio.media.boxes import is_cut, is_protected
from ecg_audio.media.riff import stale_bytes
from ecg_audio.media.signature import HEAD_BYTES, is_container, is_text
from ecg_audio.media.timing import Timing, timed

if TYPE_CHECKING:
    import av

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,wav,mp3,flac,aac,ogg,mpegts,mpeg,asf,flv,aiff,au,caf,amr,ac3,eac3,dts,"
    "w64,wv,ape,tta,tak,mpc,mpc8,mxf,gxf,rm,dv,dsf,shn,loas,voc,nut,ivf,h264,hevc,mpegvideo,m4v"
)
"""Demuxers that hold their samples themselves. Playlists, manifests, images, raw samples and devices are not here."""
RATES_HZ = (1000, 2_000_000)
"""Sample rates that a sound can have: what is outside was written by no recorder."""


@dataclass(frozen=True, slots=True)
class AudioStream:
    """One audio stream. `index` counts audio streams from 0; `language` is as the container tags it."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    language: str | None
    default: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """An open container and the audio stream chosen from it.

    Attributes:
        streams: all audio streams with a known codec; `chosen` describes `stream`.
        format: FFmpeg's first name of the container.
        recognised: the first bytes are a container's, so what does not decode is damage.
        stale_bytes: sound behind the end that the header tells of, which is read all the same.
    """

    container: av.container.InputContainer
    stream: av.AudioStream
    chosen: AudioStream
    streams: tuple[AudioStream, ...]
    format: str
    has_video: bool
    timing: Timing
    recognised: bool
    stale_bytes: int = 0


@contextmanager
def opened(path: Path, audio_stream: int | None = None, *, size_bytes: int | None = None) -> Iterator[Opened]:
    """Open a media file and choose its audio stream: the one asked for, the default one, else the first.

    Args:
        path: a local media file.
        audio_stream: which audio stream, counted from 0; None: the default one, else the first.
        size_bytes: how many of its bytes count, as the file may be growing; None: all that are there.

    Raises:
        NotMedia: the bytes are no container of `FORMATS`.
        MediaCorrupt: it is one, but too damaged to open.
        MediaEncrypted: the audio is protected.
        NoAudio: there is no audio stream.
        InvalidRequest: there is no audio stream of that number.
    """
    import av

    with path.open("rb") as whole:
        file = whole if size_bytes is None else cast("BinaryIO", BoundedFile(whole, size_bytes))
        head = file.read(HEAD_BYTES)
        if is_text(head):
            raise NotMedia(f"{path.name} is text, not audio or video")
        recognised, protected = is_container(head), is_protected(file)
        file.seek(0)
        stale = stale_bytes(file)
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "none", "enable_drefs": "0"}
        if stale:
            options["ignore_length"] = "1"
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=1 << 18)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError) as error:
            if recognised:
                reason = getattr(error, "strerror", None) or error
                raise MediaCorrupt(f"{path.name} is damaged beyond opening ({reason})") from error
            raise NotMedia(f"{path.name} is not a media file that can be read") from error
        with container:
            if protected:
                raise MediaEncrypted(f"the audio of {path.name} is encrypted")
            if not container.streams.audio and recognised and (not container.streams or is_cut(file)):
                raise MediaCorrupt(f"{path.name} is cut off before its audio stream")
            media = _chosen(container, file, path.name, audio_stream, recognised)
            if stale:
                nothing_said = replace(media.timing, end_s=None, declared_s=None, total_s=None, latest_s=None)
                media = replace(media, stale_bytes=stale, timing=nothing_said)
            yield media


def _chosen(
    container: av.container.InputContainer, file: BinaryIO, name: str, wanted: int | None, recognised: bool
) -> Opened:
    import av

    usable = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not usable:
        unknown = len(container.streams.audio)
        raise NoAudio(f"{name} has no audio stream" + (" in a codec that is known" if unknown else ""))
    streams = tuple(_described(index, stream) for index, stream in enumerate(usable))
    if wanted is not None and wanted >= len(streams):
        raise InvalidRequest(
            f"audio_stream: {name} has {len(streams)} audio stream(s), counted from 0: there is no {wanted}"
        )
    first_default = next((stream.index for stream in streams if stream.default), 0)
    chosen = streams[first_default if wanted is None else wanted]
    stream = usable[chosen.index]
    low_hz, high_hz = RATES_HZ
    if chosen.sample_rate_hz and not low_hz <= chosen.sample_rate_hz <= high_hz:
        raise MediaCorrupt(f"{name} says that it has {chosen.sample_rate_hz} samples a second, which no sound has")
    cover = av.stream.Disposition.attached_pic
    pictures = [video for video in container.streams.video if not video.disposition & cover]
    kind = container.format.name.split(",")[0]
    timing = timed(container, kind, stream, [*usable, *pictures], file)
    return Opened(container, stream, chosen, streams, kind, bool(pictures), timing, recognised)


def _described(index: int, stream: av.AudioStream) -> AudioStream:
    import av

    codec = stream.codec_context
    return AudioStream(
        index=index,
        codec=codec.codec.canonical_name,
        sample_rate_hz=codec.sample_rate or 0,
        channels=codec.channels or 0,
        layout=codec.layout.name,
        language=None if stream.language == "und" else stream.language,
        default=bool(stream.disposition & av.stream.Disposition.default),
    )
