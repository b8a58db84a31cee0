"""The decoded sound of an open container, in time, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ecg_audio.analysis import Notice
from ecg_audio.errors import MediaCorrupt, MediaEncrypted, NotMedia
from ecg_audio.media.container import Opened
from ecg_audio.media.timeline import SAMPLE_RATE_HZ, Samples, Timeline
from ecg_audio.progress import Report

if TYPE_CHECKING:
    import av

MISSING_S = 0.25
"""A recording may end this much before its container says, by rounding and padding, without being truncated."""
PADDING_S = 0.13
"""A codec's last frame may be padded by up to this (2048 samples at 16 kHz): what exceeds the declared end is cut."""
READ_ERRORS = 50
"""Read errors in a row after which the rest of a file is given up."""
_FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


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
        expected_s = self.media.timing.end_s or self.media.timing.total_s
        timeline = Timeline(may_restart=self.media.format in {"mpegts", "mpeg"}, ends_s=expected_s)
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
