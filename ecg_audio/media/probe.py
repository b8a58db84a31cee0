"""What a media file is, before anything expensive is done with it."""

from dataclasses import dataclass
from pathlib import Path

from ecg_audio.child import Child, ChildError
from ecg_audio.errors import ExtractionFailed, ProcessingTimeout, WorkerKilled, WorkerLost
from ecg_audio.media.container import AudioStream, Opened, opened
from ecg_audio.progress import Report, silent
from ecg_audio.request import Limits

TIMEOUT_S = 30.0
MEMORY_BYTES = 1_500_000_000
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a thread's memory counts, and none is needed


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A media file as its container describes it.

    Attributes:
        container: FFmpeg's name of the container, such as "mov" or "matroska".
        duration_s: how long the container says it is; None: it does not say, or only guesses from its bit rate.
        streams: all audio streams; `chosen` is the one that will be analysed.
    """

    container: str
    duration_s: float | None
    has_video: bool
    streams: tuple[AudioStream, ...]
    chosen: AudioStream


def probe(path: Path, *, limits: Limits, audio_stream: int | None = None) -> MediaInfo:
    """Look into a media file, in a child process.

    Args:
        path: a local file.
        limits: the longest recording allowed.
        audio_stream: which audio stream, counted from 0; None: the default one, else the first.

    Raises:
        NotMedia: the bytes are not audio or video.
        NoAudio: there is no audio stream.
        MediaCorrupt: it is a media file too damaged to open.
        MediaEncrypted: the audio is protected.
        TooLong: the container says that it is longer than the limit.
        InvalidRequest: there is no audio stream of that number.
        ExtractionFailed: the child died or hung on it.
        WorkerKilled: the child was killed from outside.
    """
    with Child("the media probe", memory_bytes=MEMORY_BYTES, environment=ENVIRONMENT) as child:
        try:
            info: MediaInfo = child.call(look, path, limits, audio_stream, timeout_s=TIMEOUT_S)
        except WorkerKilled:
            raise
        except (WorkerLost, ProcessingTimeout, ChildError) as error:
            raise ExtractionFailed(f"{path.name} cannot be opened: {error}") from error
    return info


def look(path: Path, limits: Limits, audio_stream: int | None, *, report: Report = silent) -> MediaInfo:
    """`probe`, in this process."""
    del report
    with opened(path, audio_stream) as media:
        check_duration(media, limits)
        declared_s = media.timing.declared_s or media.timing.total_s
        return MediaInfo(media.format, declared_s, media.has_video, media.streams, media.chosen)


def check_duration(media: Opened, limits: Limits) -> None:
    """Raise `TooLong` if the container says that its audio is longer than the limit."""
    limits.check_duration(media.timing.declared_s or media.timing.total_s)
