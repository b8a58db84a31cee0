"""Media file to recording: 16 kHz mono FLAC whose times are the media's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Notice, Recording
from ecg_audio.child import Child, ChildError
from ecg_audio.errors import (
    ExtractionFailed,
    InsufficientResources,
    MediaCorrupt,
    MediaEncrypted,
    NoAudio,
    NotMedia,
    ProcessingTimeout,
    TooLong,
    WorkerLost,
)
from ecg_audio.media.container import Opened, opened
from ecg_audio.media.probe import ENVIRONMENT, MEMORY_BYTES, check_duration
from ecg_audio.progress import Report, silent
from ecg_audio.request import Limits

if TYPE_CHECKING:
    import av

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
LEAST_TIMEOUT_S = 120.0
SLOWEST_BYTES_PER_S = 1e6
MISSING_S = 0.25
"""A recording may end this much before its container says, by rounding and padding, without being truncated."""
PADDING_S = 0.13
"""A codec's last frame may be padded by up to this (2048 samples at 16 kHz); what exceeds the declared end is cut."""
READ_ERRORS = 50
"""Read errors in a row after which the rest of a file is given up."""
_FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


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
        notices=tuple(sound.notices(path.name)),
    )


@dataclass
class Sound:
    """The decoded sound of an open container, and what was wrong with it."""

    media: Opened
    decoded: int = 0
    damaged: int = 0
    trailing: int = 0  # of the damaged packets, those after which nothing more came
    start_offset_s: float = 0.0
    end_s: float = 0.0
    filled_s: float = 0.0
    latest_s: float = 0.0  # of any stream

    def blocks(self, report: Report) -> Iterator[Samples]:
        """The sound from the container's beginning, 16 kHz mono float32, in blocks of any length.

        Raises:
            MediaCorrupt: there were packets, and none could be decoded.
            NotMedia: likewise, and nothing else says that it is media.
            MediaEncrypted: a packet is encrypted.
        """
        from ecg_audio.media.timeline import Timeline

        timeline = Timeline(may_restart=self.media.format in {"mpegts", "mpeg"})
        expected_s = self.media.timing.end_s or self.media.timing.total_s
        for start_s, block, rate in self._decoded():
            for ready in timeline.place(start_s, block, rate):
                yield ready
                if expected_s:
                    report(min(1.0, timeline.end_s / expected_s))
        yield from timeline.finish()
        self.end_s, self.filled_s = timeline.end_s, timeline.filled_s
        self.start_offset_s = timeline.start_offset_s or 0.0
        if self.damaged and not self.decoded:
            if not self.media.recognised:
                raise NotMedia("the file holds nothing that can be played")
            raise MediaCorrupt("nothing in the audio stream can be decoded")

    def notices(self, name: str) -> Iterator[Notice]:
        """What a reader of the result should know about the file."""
        holes = self.damaged - self.trailing
        if holes:
            yield Notice(
                code="MEDIA_DAMAGED",
                message=f"{holes} damaged packet(s) of {name} were replaced by silence of the same length.",
            )
        elif self.filled_s > MISSING_S:
            yield Notice(
                code="MEDIA_GAPS",
                message=f"{name} has no sound data for {self.filled_s:.1f} s within it: silence is in their place.",
            )
        timing = self.media.timing
        declared_s, reached_s = timing.end_s, self.end_s
        if declared_s is None:
            # the container only says how long all its streams are: the sound may rightly end before the picture
            declared_s, reached_s = timing.total_s, max(self.end_s, self.latest_s)
        if declared_s is not None and declared_s - reached_s > MISSING_S:
            yield Notice(
                code="MEDIA_TRUNCATED",
                message=f"{name} is cut off: the last {declared_s - reached_s:.1f} s of {declared_s:.1f} s are missing "
                f"(from {reached_s:.1f} s on).",
            )
        elif self.trailing:
            yield Notice(
                code="MEDIA_TRUNCATED",
                message=f"{name} is cut off at {self.end_s:.1f} s; it does not say how much is missing.",
            )

    def _decoded(self) -> Iterator[tuple[float | None, Samples, int]]:
        """Time on the recording's time line (None: right after the last), mono samples and rate of each frame."""
        import av

        stream, origin_s = self.media.stream, self.media.timing.origin_s
        good_bytes, good_s = 0, 0.0
        for packet in self._packets():
            if packet.has_sidedata("encryption_info"):
                raise MediaEncrypted("the audio is encrypted")
            try:
                frames = stream.decode(packet)
            except MemoryError:
                raise
            except (av.FFmpegError, ValueError):
                self.damaged += 1
                self.trailing += 1
                rate = stream.codec_context.sample_rate
                if self.media.format == "mp3" and rate and good_bytes:
                    # time is counted in packets here, and this one packet holds all that could not be read
                    yield None, np.zeros(round(packet.size * good_s / good_bytes * rate), np.float32), rate
                continue
            for frame in frames:
                block = mono(frame)
                start_s = None if frame.time is None else frame.time - origin_s
                if self.media.format == "mp3" and self.damaged:
                    start_s = None  # see above
                if frame.is_corrupt or not np.isfinite(block).all():
                    self.damaged += 1
                    self.trailing += 1
                    block = np.zeros_like(block)
                else:
                    self.decoded += 1
                    self.trailing = 0
                    good_bytes += packet.size
                    good_s += frame.samples / frame.sample_rate
                yield start_s, block, frame.sample_rate

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        """Packets of the chosen stream; the others are looked at only where the sound's own length is not known."""
        import av

        media = self.media
        streams: list[av.AudioStream | av.VideoStream] = [media.stream]
        if media.timing.declared_s is None and media.timing.total_s is not None:
            streams = [*media.container.streams.video, *media.container.streams.audio]
        for other in media.container.streams:
            if other not in streams:
                other.discard = av.stream.Discard.all
        base = {stream.index: float(stream.time_base or 0) for stream in streams}
        errors = 0
        while errors < READ_ERRORS:
            try:
                for packet in media.container.demux(streams):
                    errors = 0
                    if packet.pts is not None:
                        end_s = (packet.pts + (packet.duration or 0)) * base[packet.stream_index]
                        self.latest_s = max(self.latest_s, end_s - media.timing.origin_s)
                    if packet.stream_index == media.stream.index:
                        yield cast("av.Packet[av.AudioStream]", packet)
            except MemoryError:
                raise
            except (av.FFmpegError, ValueError):
                errors += 1
                self.damaged += 1
                self.trailing += 1
            else:
                return


def unpadded(sound: Iterator[Samples], end_s: float | None) -> Iterator[Samples]:
    """Cut what a codec's last frame holds beyond the declared end; more than a frame is sound and stays."""
    end = None if end_s is None else round(end_s * SAMPLE_RATE_HZ)
    passed = 0
    beyond: list[Samples] = []
    for block in sound:
        if end is None:
            yield block
            continue
        inside = max(0, end - passed)
        passed += len(block)
        yield block[:inside]
        if len(block) > inside:
            beyond.append(block[inside:])
        if passed - end > PADDING_S * SAMPLE_RATE_HZ:
            yield from beyond
            beyond, end = [], None


def mono(frame: av.AudioFrame) -> Samples:
    """The mean of a frame's channels, full scale 1.0, shape (frame.samples,)."""
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    planes = array if frame.format.is_planar else array.reshape(-1, channels).T
    mixed: Samples = planes[0].astype(np.float32) if channels == 1 else planes.mean(axis=0, dtype=np.float32)
    kind = frame.format.name.removesuffix("p")
    if kind == "u8":
        mixed = mixed - np.float32(128.0)
    if kind in _FULL_SCALE:
        mixed = mixed / np.float32(_FULL_SCALE[kind])
    return mixed


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
