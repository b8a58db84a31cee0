"""Media file to recording: 16 kHz mono FLAC whose times are the media's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ecg_audio.analysis import Recording
from ecg_audio.child import Child, ChildError
from ecg_audio.errors import (
    ExtractionFailed,
    InsufficientResources,
    MediaCorrupt,
    NoAudio,
    ProcessingTimeout,
    TooLong,
    WorkerLost,
)
from ecg_audio.media.container import opened
from ecg_audio.media.probe import ENVIRONMENT, MEMORY_BYTES, check_duration
from ecg_audio.media.sound import MISSING_S, Sound, unpadded
from ecg_audio.media.timeline import SAMPLE_RATE_HZ, Samples
from ecg_audio.progress import Report, silent
from ecg_audio.request import Limits

LEAST_TIMEOUT_S = 120.0
SLOWEST_BYTES_PER_S = 1e6


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
) -> Recording:
    """Write the sound of a media file to `target` as 16 kHz mono FLAC, in a child process.

    Channels are averaged. Time 0 is the beginning of the container, so sound that starts late starts with silence;
    gaps in the time stamps and packets that do not decode become silence of the same length.

    Args:
        path: a local media file.
        target: where the FLAC goes; it appears there whole or not at all.
        key: the recording's key in the artifact store, for the result.
        sha256: of the media file's bytes, for the result.
        limits: the longest recording allowed; also enforced while decoding.
        audio_stream: which audio stream, counted from 0; None: the default one, else the first.
        report: gets the finished fraction, where the container says how long it is.
        timeout_s: the child's time; None: by the size of the file.
        memory_bytes: the child's memory; None: unbounded.

    Returns:
        What was written. Its notices may be MEDIA_TRUNCATED (the end is missing) and MEDIA_DAMAGED (holes within).

    Raises:
        NotMedia: the bytes are not audio or video.
        NoAudio: there is no audio stream, or it has no samples.
        MediaCorrupt: nothing can be decoded.
        MediaEncrypted: the audio is protected.
        TooLong: the recording is longer than the limit.
        InvalidRequest: there is no audio stream of that number.
        ExtractionFailed: the decoder died, or ran out of its time, memory or disk.
    """
    if timeout_s is None:
        timeout_s = LEAST_TIMEOUT_S + path.stat().st_size / SLOWEST_BYTES_PER_S
    target.parent.mkdir(parents=True, exist_ok=True)
    # a name of its own: two jobs may extract the same content at the same time
    unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with Child("the decoder", memory_bytes=memory_bytes, environment=ENVIRONMENT) as child:
            try:
                recording: Recording = child.call(
                    write, path, unfinished, key, sha256, limits, audio_stream, report=report, timeout_s=timeout_s
                )
            except (WorkerLost, ProcessingTimeout, InsufficientResources, ChildError) as error:
                raise ExtractionFailed(f"{path.name} could not be decoded: {error}") from error
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return recording


def write(
    path: Path,
    target: Path,
    key: str,
    sha256: str,
    limits: Limits,
    audio_stream: int | None,
    *,
    report: Report = silent,
) -> Recording:
    """`extract`, in this process and straight to `target`."""
    import soundfile

    with opened(path, audio_stream) as media:
        check_duration(media, limits)
        if media.chosen.codec == "flac":
            # a frame whose checksum is wrong is noise, not sound
            media.stream.codec_context.options = {"err_detect": "crccheck+explode"}
        sound = Sound(media)
        written = 0
        with soundfile.SoundFile(target, "w", SAMPLE_RATE_HZ, 1, "PCM_16", format="FLAC") as flac:
            for block in unpadded(sound.blocks(report), media.timing.end_s):
                if written + len(block) > limits.max_duration_s * SAMPLE_RATE_HZ + SAMPLE_RATE_HZ:
                    raise TooLong(f"the recording is longer than the limit of {limits.max_duration_s / 3600:.2f} h")
                flac.write(np.clip(block, -1.0, 32767 / 32768))
                written += len(block)
    if not written:
        if (media.timing.end_s or 0.0) > MISSING_S:
            raise MediaCorrupt(f"nothing of the {media.timing.end_s:.1f} s of {path.name} can be decoded")
        raise NoAudio(f"the audio stream of {path.name} has no samples")
    return Recording(
        key=key,
        sha256=sha256,
        duration_s=written / SAMPLE_RATE_HZ,
        sample_rate_hz=SAMPLE_RATE_HZ,
        samples=written,
        start_offset_s=sound.start_offset_s,
        container=media.format,
        codec=media.chosen.codec,
        stream_index=media.chosen.index,
        source_sample_rate_hz=media.chosen.sample_rate_hz,
        source_channels=media.chosen.channels,
        has_video=media.has_video,
        notices=tuple(sound.notices(path.name)),
    )


def blocks(flac: Path, seconds: float = 10.0) -> Iterator[Samples]:
    """Read a recording in blocks of `seconds`: float32, shape (n,), full scale 1.0; the last one is shorter."""
    import soundfile

    with soundfile.SoundFile(flac) as file:
        yield from file.blocks(blocksize=max(1, round(seconds * file.samplerate)), dtype="float32")


def read(flac: Path) -> Samples:
    """Read a whole recording: float32, shape (n,), full scale 1.0."""
    import soundfile

    samples: Samples = soundfile.read(flac, dtype="float32")[0]
    return samples
