"""The decoded sound of an open container, in time, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Notice
from ecg_audio.errors import MediaCorrupt, MediaEncrypted, NotMedia
from ecg_audio.media.clocks import Clocks
from ecg_audio.media.container import RATES_HZ, Opened
from ecg_audio.media.meter import Meter
from ecg_audio.media.mixing import Mix, mixed
from ecg_audio.media.survey import Survey
from ecg_audio.media.timeline import Samples, Timeline
from ecg_audio.progress import Report
from ecg_audio.sampling import RATE_HZ

if TYPE_CHECKING:
    import av

MISSING_S = 0.25
"""A recording may end this much before its container says, by rounding and padding, without being truncated."""
PADDING_S = 0.13
"""A codec's last frame may be padded by up to this (2048 samples at 16 kHz): what exceeds the declared end is cut."""
READ_ERRORS = 50
"""Read errors in a row after which the rest of a file is given up."""
GROUP = 1 << 14
"""Samples of a channel that are taken together: frames are small, and every look at one has its price."""
JITTER_S = 0.01
"""Frames whose time stamps are this near to following on are taken together."""
TRANSPORT = {"mpegts", "mpeg"}
"""Containers whose clock may begin anew in the middle."""
ELEMENTARY = {"aac", "mp3", "loas", "ac3", "eac3", "dts"}
"""Bare frames one after the other, with no time stamp at all: what FFmpeg makes up for them supposes one sample rate
and one beginning, and is wrong after a seam. Time is what the frames before have lasted."""
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
"""What may lie between the frames of joined files, and is neither sound nor damage."""
_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}


class Block(NamedTuple):
    """Some sound: its channels, float32 (channels, n), full scale 1.0, and when it was.

    `start_s` is on the recording's time line; None: right after the last one. `proven`: see `Timeline.place`. What is
    not `heard` is silence in the place of damage.
    """

    start_s: float | None
    channels: Samples
    names: tuple[str, ...]
    rate: int
    sums: Samples | None  # of each channel's samples
    proven: bool = False
    heard: bool = True

    @classmethod
    def silent(cls, start_s: float | None, samples: int, rate: int, *, proven: bool = False) -> Block:
        """Silence of so many samples."""
        return cls(start_s, np.zeros((1, samples), np.float32), ("MONO",), rate, None, proven, heard=False)


@dataclass
class Sound:
    """The decoded sound of an open container, and what was wrong with it.

    Attributes:
        mix: how channels become one; None: as the layout of the first block asks for, which is then set here.
        offsets: what is taken off each channel; None: nothing.
        survey: looks into the channels while they pass; None: nobody asks.
        meter: levels and clipping of the channels.
    """

    media: Opened
    mix: Mix | None = None
    offsets: Samples | None = None
    survey: Survey | None = None
    meter: Meter = field(init=False)
    decoded: int = 0
    damaged: int = 0
    trailing: int = 0  # of the damaged packets, those after which nothing more came
    start_offset_s: float = 0.0
    end_s: float = 0.0
    filled_s: float = 0.0
    restarts_s: tuple[float, ...] = ()
    latest_s: float = 0.0  # of any stream

    def __post_init__(self) -> None:
        self.meter = Meter(self.media.chosen.codec)

    def blocks(self, report: Report) -> Iterator[Samples]:
        """The sound from the container's beginning, 16 kHz mono float32, in blocks of any length.

        Raises:
            MediaCorrupt: there were packets, and none could be decoded.
            NotMedia: likewise, and nothing else says that it is media.
            MediaEncrypted: a packet is encrypted.
        """
        expected_s = self.media.timing.end_s or self.media.timing.total_s
        timeline = Timeline(may_restart=self.media.format in TRANSPORT, ends_s=self.media.timing.latest_s)
        for block in self.heard():
            if self.mix is None and block.heard:
                self.mix = Mix.by_layout(block.names)
            mono = mixed(self._about_zero(block), self.mix)
            for ready in timeline.place(block.start_s, mono, block.rate, proven=block.proven):
                yield ready
                if expected_s:
                    report(min(1.0, timeline.end_s / expected_s))
            if block.sums is not None:
                self.meter.take(block.channels, block.sums, block.rate, timeline.laid_s)
        yield from timeline.finish()
        self.end_s, self.filled_s = timeline.end_s, timeline.filled_s
        self.restarts_s = tuple(timeline.restarts_s)
        self.start_offset_s = timeline.start_offset_s or 0.0

    def _about_zero(self, block: Block) -> Samples:
        if self.offsets is None or not block.heard or len(self.offsets) != len(block.channels):
            return block.channels
        return block.channels - self.offsets[:, None]

    def heard(self) -> Iterator[Block]:
        """The sound with all its channels, as decoded; the survey sees it pass. Raises what `blocks` does."""
        for block in self._decoded():
            if self.survey is not None and block.heard:
                self.survey.take(block.channels, block.names, block.rate)
            yield block
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
        if self.restarts_s:
            yield Notice(
                code="MEDIA_CLOCK_RESTARTED",
                message=f"The clock of {name} begins anew {len(self.restarts_s)} time(s), first at "
                f"{self.restarts_s[0]:.1f} s: the sound goes on there without a pause; if some is missing, what "
                "follows is that much too early.",
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

    def _decoded(self) -> Iterator[Block]:
        """Frames of the same kind that follow each other, put together."""
        group: list[av.AudioFrame] = []
        start_s: float | None = None
        proven, samples, kind = False, 0, None
        for frame_s, frame, ran_through in self._frames():
            if isinstance(frame, Block):
                yield from self._block(group, start_s, proven=proven)
                group, kind = [], None
                yield frame
                continue
            now = (frame.sample_rate, frame.format.name, frame.layout.nb_channels)
            follows = now == kind and (
                frame_s is None or start_s is None or abs(frame_s - start_s - samples / frame.sample_rate) <= JITTER_S
            )
            if not follows or samples >= GROUP:
                yield from self._block(group, start_s, proven=proven)
                group, start_s, proven, samples, kind = [], frame_s, ran_through, 0, now
            group.append(frame)
            samples += frame.samples
        yield from self._block(group, start_s, proven=proven)

    def _block(self, group: list[av.AudioFrame], start_s: float | None, *, proven: bool) -> Iterator[Block]:
        """A group of frames as a block; one by one where a sample is no number."""
        if not group:
            return
        channels, rate = planes(group), group[0].sample_rate
        sums = channels.sum(axis=1)  # one NaN or infinity among the samples makes it one
        names = tuple(channel.name for channel in group[0].layout.channels)
        if np.isfinite(sums).all():
            yield Block(start_s, channels, names, rate, sums, proven)
        elif len(group) == 1:
            self.decoded -= 1
            self.damaged += 1
            yield Block(start_s, np.zeros_like(channels), names, rate, None, proven, heard=False)
        else:
            for frame in group:
                yield from self._block([frame], start_s, proven=proven)
                start_s = None if start_s is None else start_s + frame.samples / rate
                proven = False

    def _frames(self) -> Iterator[tuple[float | None, av.AudioFrame | Block, bool]]:
        """Each frame with its time on the recording's time line, silence for each that is damaged, and `proven`."""
        import av

        media, stream = self.media, self.media.stream
        elementary, origin_s = media.format in ELEMENTARY, media.timing.origin_s
        clocks = Clocks() if media.format in TRANSPORT else None
        counted_s: float | None = None
        ended_s = 0.0  # by the container's own clock
        good_bytes, good_s = 0, 0.0
        for packet in self._packets(clocks):
            if packet.has_sidedata("encryption_info"):
                raise MediaEncrypted("the audio is encrypted")
            try:
                frames = stream.decode(packet)
            except MemoryError:
                raise
            except (av.FFmpegError, ValueError):
                if elementary and bytes(packet)[:8].startswith(TAGS):
                    continue
                self.damaged += 1
                self.trailing += 1
                if elementary and counted_s is not None:
                    lost_s = float((packet.duration or 0) * (packet.time_base or 0))
                    if media.format == "mp3" and good_bytes:
                        # this one packet holds all that could not be read
                        lost_s = packet.size * good_s / good_bytes
                    rate = stream.codec_context.sample_rate or RATE_HZ
                    yield counted_s, Block.silent(counted_s, round(lost_s * rate), rate), False
                    counted_s += lost_s
                continue
            for frame in frames:
                check_rate(frame.sample_rate, media)
                frame_s = frame.samples / frame.sample_rate
                start_s = None if frame.time is None else frame.time - origin_s
                if elementary:
                    counted_s = (start_s or 0.0) if counted_s is None else counted_s
                    start_s, counted_s = counted_s, counted_s + frame_s
                good_bytes, good_s = good_bytes + packet.size, good_s + frame_s
                proven = bool(clocks and start_s is not None and clocks.ran_through(ended_s, start_s))
                ended_s = ended_s if start_s is None else start_s + frame_s
                if frame.is_corrupt:
                    self.damaged += 1
                    self.trailing += 1
                    yield start_s, Block.silent(start_s, frame.samples, frame.sample_rate, proven=proven), False
                else:
                    self.decoded += 1
                    self.trailing = 0
                    yield start_s, frame, proven

    def _packets(self, clocks: Clocks | None) -> Iterator[av.Packet[av.AudioStream]]:
        """Packets of the chosen stream; the others are looked at only where they can tell something about it."""
        import av

        media = self.media
        streams: list[av.AudioStream | av.VideoStream] = [media.stream]
        if clocks or (media.timing.declared_s is None and media.timing.total_s is not None):
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
                        begin_s = packet.pts * base[packet.stream_index]
                        end_s = begin_s + (packet.duration or 0) * base[packet.stream_index]
                        self.latest_s = max(self.latest_s, end_s - media.timing.origin_s)
                        if clocks and packet.stream_index != media.stream.index:
                            clocks.see(packet.stream_index, begin_s - media.timing.origin_s)
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


def check_rate(rate_hz: int, media: Opened) -> None:
    """Raise `MediaCorrupt` for a sample rate that no sound has."""
    low_hz, high_hz = RATES_HZ
    if not low_hz <= rate_hz <= high_hz:
        raise MediaCorrupt(f"its {media.format} header says {rate_hz} samples a second, which no sound has")


def unpadded(sound: Iterator[Samples], end_s: float | None) -> Iterator[Samples]:
    """Cut what a codec's last frame holds beyond the declared end; more than a frame is sound and stays."""
    end = None if end_s is None else round(end_s * RATE_HZ)
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
        if passed - end > PADDING_S * RATE_HZ:
            yield from beyond
            beyond, end = [], None


def planes(frames: list[av.AudioFrame]) -> Samples:
    """The channels of frames of one kind, put together: float32 (channels, n), full scale 1.0."""
    first = frames[0]
    channels, kind = first.layout.nb_channels, first.format.name.removesuffix("p")
    dtype = _TYPES[kind]
    if first.format.is_planar:
        # straight from the planes: PyAV's own to_ndarray stacks them anew for each frame
        rows = [
            np.concatenate([_plane(frame.planes[index], dtype, frame.samples) for frame in frames])
            for index in range(channels)
        ]
        samples: Samples = np.asarray(rows, np.float32)
    else:
        parts = [_plane(frame.planes[0], dtype, frame.samples * channels) for frame in frames]
        samples = np.ascontiguousarray(np.concatenate(parts).reshape(-1, channels).T, np.float32)
    if kind == "u8":
        samples -= np.float32(128.0)
    if kind in _FULL_SCALE:
        samples *= np.float32(1.0 / _FULL_SCALE[kind])
    return samples


def _plane(plane: Any, dtype: str, count: int) -> NDArray[Any]:
    """The samples that lie in a plane's buffer, which may be longer."""
    return np.frombuffer(plane, dtype, count)
