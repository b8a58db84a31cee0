"""Opening a media file from a stranger: which containers, which audio stream, and where its time begins.

FFmpeg gets an open file and never a name, a short list of demuxers and no protocol at all. So no playlist, manifest or
concat script can make it read another file or the network, and text is never taken for raw samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecg_audio.errors import InvalidRequest, MediaCorrupt, MediaEncrypted, NoAudio, NotMedia
from ecg_audio.media.protection import is_protected
from ecg_audio.media.signature import HEAD_BYTES, is_container, is_text

if TYPE_CHECKING:
    import av

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,wav,mp3,flac,aac,ogg,mpegts,mpeg,asf,flv,aiff,au,caf,amr,ac3,eac3,dts,"
    "w64,wv,ape,tta,tak,mpc,mpc8,mxf,gxf,rm,dv,dsf,shn,loas,voc,nut,ivf,h264,hevc,mpegvideo,m4v"
)
"""Demuxers that hold their samples themselves. Playlists, manifests, images, raw samples and devices are not here."""

ZERO_BASED = {"mov", "matroska", "avi", "flv", "wav", "flac"}
"""Containers whose time line begins at 0 by definition: a first stream that starts later starts with silence."""
RECORDED_LATER_S = 10.0
"""Above this a first start is the clock of a live stream, cut from the middle, and no silence."""

COUNTED = {"aac", "mp3", "avi", "loas"}
"""Containers without time stamps: time is the count of coded samples, the codec's delay included."""
UNDECLARED = COUNTED | {"mpegts", "mpeg"}
"""Containers that cannot say how many samples the codec needs before it reproduces its input."""
PRIMING_SAMPLES = {
    # What coder and decoder of a lapped transform take together before the first input sample comes out. AAC: one
    # frame (ISO/IEC 14496-3). MP3: 576 + 529, what its 481-tap filter bank and 576-line overlap cost in LAME's and
    # FFmpeg's coders. MP2: the filter bank. AC-3: half a window.
    "aac": 1024,
    "mp3": 1105,
    "mp3float": 1105,
    "mp2": 481,
    "mp2float": 481,
    "ac3": 256,
    "eac3": 256,
}
TRUSTED_DURATION = {"mov", "wav", "flac", "aiff", "w64", "caf", "wv", "au", "tta", "ape"}
"""Containers that state how long the audio stream itself is, and do not guess it from the bit rate."""


@dataclass(frozen=True, slots=True)
class AudioStream:
    """One audio stream. `index` counts audio streams from 0; `language` is as the container tags it."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    language: str | None
    default: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """An open container and the audio stream chosen from it.

    Attributes:
        origin_s: the time stamp that is the recording's 0.
        shift_s: what to take off the audio's time stamps, because they count samples that are codec delay.
        declared_s: how long the container says the audio is; None: it does not say, or only guesses.
        total_s: how long the container says it all is; None: likewise.
    """

    container: av.container.InputContainer
    stream: av.AudioStream
    chosen: AudioStream
    streams: tuple[AudioStream, ...]
    format: str
    has_video: bool
    origin_s: float
    shift_s: float
    declared_s: float | None
    total_s: float | None

    @property
    def end_s(self) -> float | None:
        """Where the sound ends on the recording's time line, as declared."""
        if self.declared_s is None:
            return None
        return (_start_s(self.stream) or 0.0) - self.origin_s - self.shift_s + self.declared_s


@contextmanager
def opened(path: Path, audio_stream: int | None = None) -> Iterator[Opened]:
    """Open a media file and choose its audio stream: the one asked for, the default one, else the first.

    Raises:
        NotMedia: the bytes are no container of `FORMATS`.
        MediaCorrupt: it is one, but too damaged to open.
        MediaEncrypted: the audio is protected.
        NoAudio: there is no audio stream.
        InvalidRequest: there is no audio stream of that number.
    """
    import av

    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if is_text(head):
            raise NotMedia(f"{path.name} is text, not audio or video")
        protected = is_protected(file)
        file.seek(0)
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "none", "enable_drefs": "0"}
        try:
            container = av.open(file, "r", container_options=options, metadata_errors="replace", buffer_size=1 << 18)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError) as error:
            if is_container(head):
                raise MediaCorrupt(f"{path.name} is damaged beyond opening ({_reason(error)})") from error
            raise NotMedia(f"{path.name} is not a media file that can be read") from error
        with container:
            if protected:
                raise MediaEncrypted(f"the audio of {path.name} is encrypted")
            yield _chosen(container, file, path.name, audio_stream)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _chosen(container: av.container.InputContainer, file: BinaryIO, name: str, wanted: int | None) -> Opened:
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
    pictures = [
        video for video in container.streams.video if not video.disposition & av.stream.Disposition.attached_pic
    ]
    kind = container.format.name.split(",")[0]
    start_s = _start_s(stream) or 0.0
    priming = 0
    if kind in UNDECLARED and not (kind == "mp3" and start_s > 0):  # an MP3 that starts late has said its delay itself
        priming = PRIMING_SAMPLES.get(stream.codec_context.name, 0)
    priming_s = priming / stream.codec_context.sample_rate if stream.codec_context.sample_rate else 0.0
    counted = kind in COUNTED
    starts = [s for s in map(_start_s, pictures) if s is not None]
    starts.append(start_s if counted else start_s + priming_s)
    others = [other_s for other in usable if other is not stream and (other_s := _start_s(other)) is not None]
    starts += [other_s if counted else other_s + priming_s for other_s in others]
    origin_s = min(starts)
    if kind in ZERO_BASED and 0 <= origin_s <= RECORDED_LATER_S:
        origin_s = 0.0
    trusted = kind in TRUSTED_DURATION or (kind == "mp3" and has_frame_count(file))
    own_s = float(stream.duration * stream.time_base) if trusted and stream.duration and stream.time_base else None
    total_s = container.duration / av.time_base if container.duration and (trusted or kind in _TOTALS) else None
    return Opened(
        container, stream, chosen, streams, kind, bool(pictures), origin_s,
        priming_s if counted else 0.0, own_s if own_s and own_s > 0 else None, total_s,
    )  # fmt: skip


_TOTALS = {"matroska", "avi", "asf", "flv", "ogg", "mxf"}


def _described(index: int, stream: av.AudioStream) -> AudioStream:
    import av

    codec = stream.codec_context
    return AudioStream(
        index=index,
        codec=codec.codec.canonical_name,
        sample_rate_hz=codec.sample_rate or 0,
        channels=codec.channels or 0,
        language=stream.language,
        default=bool(stream.disposition & av.stream.Disposition.default),
    )


def _start_s(stream: av.stream.Stream) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def has_frame_count(file: BinaryIO) -> bool:
    """Whether an MP3 begins with a Xing, Info or VBRI frame, which says how many frames follow."""
    position = file.tell()
    try:
        file.seek(0)
        head = file.read(10)
        begin = 0
        if head[:3] == b"ID3":
            size = 0
            for byte in head[6:10]:  # 7 bits a byte
                size = size << 7 | (byte & 0x7F)
            begin = 10 + size
        file.seek(begin)
        frame = file.read(2048)
        return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))
    finally:
        file.seek(position)
