"""Media file to recording: 16 kHz mono FLAC whose times are the media's own."""

from __future__ import annotations

import glob
import hashlib
import math
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ecg_audio import layout
from ecg_audio.analysis import Channel, Recording
from ecg_audio.child import Child, ChildError
from ecg_audio.errors import (
    ExtractionFailed,
    InsufficientResources,
    MediaCorrupt,
    NoAudio,
    ProcessingTimeout,
    SourceInvalid,
    WorkerKilled,
    WorkerLost,
)
from ecg_audio.media.bounded import BoundedFile
from ecg_audio.media.faults import faults
from ecg_audio.media.mixdown import DecodedSource, Mixdown
from ecg_audio.media.probe import ENVIRONMENT, MEMORY_BYTES
from ecg_audio.media.sound import MISSING_S
from ecg_audio.media.timeline import Samples
from ecg_audio.progress import Report, silent
from ecg_audio.request import Channels, Limits
from ecg_audio.sampling import RATE_HZ

_waiting: deque[Child] = deque()  # decoders that are prepared and not asked yet, of all jobs of this process

LEAST_TIMEOUT_S = 120.0
SLOWEST_BYTES_PER_S = 1e6
CLOCK_NS = 60_000_000_000
"""How far the clock of a file server may be behind this machine's, and how long ago a file may have been hashed."""


def extract(
    path: Path,
    target: Path,
    *,
    key: str,
    sha256: str,
    limits: Limits,
    audio_stream: int | None = None,
    report: Report = silent,
    timeout_s: float | None = None,
    memory_bytes: int | None = MEMORY_BYTES,
    size_bytes: int | None = None,
    channels: Channels = "mixed",
) -> Recording:
    """Write the sound of a media file to `target` as 16 kHz mono FLAC, in a child process.

    Channels are mixed by what carries the voice. Time 0 is the beginning of the container, so sound that starts late
    starts with silence; gaps in the time stamps and packets that do not decode become silence of the same length.

    Where channels are people, each is written as well, to `channel_path` beside `target`.

    Args:
        path: a local media file.
        target: where the FLAC goes; it appears there whole or not at all.
        key: the recording's key in the artifact store, for the result.
        sha256: of the media file's bytes, for the result.
        limits: the longest recording allowed; also enforced while decoding.
        audio_stream: which audio stream, counted from 0; None: the default one, else the first; if it carries no
            voice, the one that carries most.
        report: gets the finished fraction, where the container says how long it is.
        timeout_s: the child's time; None: by the size of the file.
        memory_bytes: the child's memory; None: unbounded.
        size_bytes: how many bytes of the file count, which are those of `sha256`; None: all that are there.
        channels: whether channels are people; `mixed`: nobody wants them apart.

    Returns:
        What was written, and what a reader should know of it (docs/media.md lists the notices).

    Raises:
        NotMedia: the bytes are not audio or video.
        NoAudio: there is no audio stream, or it has no samples.
        MediaCorrupt: nothing can be decoded.
        MediaEncrypted: the audio is protected.
        TooLong: the recording is longer than the limit.
        InvalidRequest: there is no audio stream of that number.
        SourceInvalid: the file is not the one that was hashed any more.
        ExtractionFailed: the decoder died, or ran out of its time, memory or disk.
        WorkerKilled: the decoder was killed from outside: the recording is not at fault.
    """
    if timeout_s is None:
        timeout_s = LEAST_TIMEOUT_S + path.stat().st_size / SLOWEST_BYTES_PER_S
    target.parent.mkdir(parents=True, exist_ok=True)
    began_ns = time.time_ns()
    # a name of its own: two jobs may extract the same content at the same time
    unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with _decoder(memory_bytes) as child:
            try:
                recording: Recording = child.call(
                    write,
                    path,
                    unfinished,
                    key,
                    sha256,
                    limits,
                    audio_stream,
                    size_bytes=size_bytes,
                    channels=channels,
                    report=report,
                    timeout_s=timeout_s,
                )
            except WorkerKilled:
                raise
            except (WorkerLost, ProcessingTimeout, InsufficientResources, ChildError) as error:
                raise ExtractionFailed(f"{path.name} could not be decoded: {error}") from error
        if size_bytes is not None:
            check_unchanged(path, sha256, size_bytes, began_ns)
        for channel in recording.channels:
            channel_path(unfinished, channel.number).replace(channel_path(target, channel.number))
        unfinished.replace(target)
    finally:
        for left in unfinished.parent.glob(f"{glob.escape(unfinished.name)}*"):
            left.unlink(missing_ok=True)
    return recording


@contextmanager
def prepared() -> Iterator[None]:
    """Start the process of an extraction that is to come in this block: what it imports takes longer than many a file.

    One that waits already is the one. One that nobody asked for ends with the block.
    """
    if _waiting:
        yield
        return
    child = Child("the decoder", memory_bytes=MEMORY_BYTES, environment=ENVIRONMENT, ahead=f"{__name__}:load")
    child.start()
    _waiting.append(child)
    try:
        yield
    finally:
        with suppress(ValueError):  # who has taken it ends it
            _waiting.remove(child)
            child.stop()


def _decoder(memory_bytes: int | None) -> Child:
    if memory_bytes == MEMORY_BYTES:
        with suppress(IndexError):
            return _waiting.popleft()
    return Child("the decoder", memory_bytes=memory_bytes, environment=ENVIRONMENT)


def load() -> None:
    """Import what decoding takes."""
    import av  # noqa: F401
    import soundfile  # noqa: F401


def channel_path(target: Path, number: int) -> Path:
    """Where a channel lies, for a recording at `target`."""
    return target.with_name(f"{target.name}.channel{number}")


def check_unchanged(path: Path, sha256: str, size_bytes: int, since_ns: int) -> None:
    """Raise `SourceInvalid` if a file was written to and its first bytes are not those that were hashed any more.

    Args:
        path: the file.
        sha256: of the bytes that were hashed.
        size_bytes: how many they were.
        since_ns: bytes of a file that was not written to since this time, and has this size, need not be read again.
    """
    status = path.stat()
    if status.st_size == size_bytes and status.st_mtime_ns < since_ns - CLOCK_NS:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(BoundedFile(file, size_bytes), "sha256")
    if digest.hexdigest() != sha256:
        raise SourceInvalid(
            f"{path.name} was changed while it was read", hint="Hand the recording in again when it is finished."
        )


def write(
    path: Path,
    target: Path,
    key: str,
    sha256: str,
    limits: Limits,
    audio_stream: int | None,
    *,
    size_bytes: int | None = None,
    channels: Channels = "mixed",
    report: Report = silent,
) -> Recording:
    """`extract`, in this process and straight to `target`."""
    with Mixdown(path, target.parent, limits, audio_stream, size_bytes, report, channels) as mixdown:
        found = mixdown.run()
        sound, media = found.sound, found.sound.media
        if not found.samples:
            if (media.timing.end_s or 0.0) > MISSING_S:
                raise MediaCorrupt(f"nothing of the {media.timing.end_s:.1f} s of {path.name} can be decoded")
            raise NoAudio(f"the audio stream of {path.name} has no samples")
        level = found.write(target)
        duration_s = found.samples / RATE_HZ
        apart = tuple(_channel(one, number, target, key, duration_s) for number, one in enumerate(mixdown.apart(found)))
    mix, meter = found.mix, sound.meter
    return Recording(
        key=key,
        sha256=sha256,
        duration_s=duration_s,
        sample_rate_hz=RATE_HZ,
        samples=found.samples,
        start_offset_s=sound.start_offset_s,
        container=media.format,
        codec=media.chosen.codec,
        stream_index=media.chosen.index,
        audio_streams=len(media.streams),
        source_sample_rate_hz=media.chosen.sample_rate_hz,
        source_channels=media.chosen.channels,
        channel_layout=media.chosen.layout,
        mix=mix.name,
        channel_weights=mix.weights,
        gain_db=found.gain_db,
        offset_removed=found.offset,
        source_peak_dbfs=_dbfs(found.source_peak),
        source_clipped_ratio=round(meter.clipped_share(mix.used), 6),
        clipped=meter.clipped(mix.used, duration_s),
        active_level_dbfs=level.active_dbfs,
        noise_dbfs=level.noise_dbfs,
        snr_db=None if level.snr_db is None else round(level.snr_db, 2),
        bandwidth_hz=level.bandwidth_hz,
        has_video=media.has_video,
        channels=apart,
        notices=(
            *sound.notices(path.name),
            *faults(path.name, found, level, asked=audio_stream is not None, apart=apart, use=channels),
        ),
    )


def _channel(found: DecodedSource, number: int, target: Path, key: str, duration_s: float) -> Channel:
    level = found.write(channel_path(target, number))
    return Channel(
        number=number,
        key=layout.channel(key, number),
        gain_db=found.gain_db,
        clipped=found.sound.meter.clipped((number,), duration_s),
        active_level_dbfs=level.active_dbfs,
        crosstalk_db=None if found.gate is None else found.gate.crosstalk_db,
    )


def _dbfs(peak: float) -> float | None:
    return round(20.0 * math.log10(peak), 2) if peak > 0.0 else None


def blocks(flac: Path, seconds: float = 10.0, *, gain_db: float = 0.0) -> Iterator[Samples]:
    """Read a recording in blocks of `seconds`: float32, shape (n,); the last one is shorter.

    Args:
        flac: the recording.
        seconds: how long a block is.
        gain_db: the recording's own `gain_db`, to have the source's scale back (1.0 is its full scale, and a float
            source may go beyond); 0: as the file has it, full scale 1.0.
    """
    import soundfile

    factor = np.float32(10.0 ** (-gain_db / 20.0))
    with soundfile.SoundFile(flac) as file:
        for block in file.blocks(blocksize=max(1, round(seconds * file.samplerate)), dtype="float32"):
            yield block * factor if gain_db else block


def read(flac: Path) -> Samples:
    """Read a whole recording: float32, shape (n,), full scale 1.0."""
    import soundfile

    samples: Samples = soundfile.read(flac, dtype="float32")[0]
    return samples
