"""Where a container's time begins, where its sound begins and ends, and which of that it really knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ecg_audio.media.riff import cut_factor

if TYPE_CHECKING:
    import av

ZERO_BASED = {"mov", "matroska", "avi", "flv", "wav", "flac"}
"""Containers whose time line begins at 0 by definition: a first stream that starts later starts with silence."""
RECORDED_LATER_S = 10.0
"""Above this a first start is the clock of a live stream, cut from the middle, and no silence."""

COUNTED = {"aac", "mp3", "avi", "wav", "loas", "ac3", "eac3"}
"""Containers without time stamps: time is the count of coded samples, the codec's delay included."""
UNDECLARED = COUNTED | {"mpegts", "mpeg", "asf"}
"""Containers that cannot say how many samples the codec needs before it reproduces its input."""
PRIMING_SAMPLES = {
    # What coder and decoder of a lapped transform take together before the first input sample comes out. AAC: one
    # frame (ISO/IEC 14496-3). MP3: 576 + 529, what its filter bank and 576-line overlap cost in LAME's coder and
    # FFmpeg's decoder. MP2: the filter bank. AC-3: half a window.
    "aac": 1024,
    "mp3": 1105,
    "mp3float": 1105,
    "mp2": 481,
    "mp2float": 481,
    "ac3": 256,
    "eac3": 256,
}
WMA = {"wmav1": 1, "wmav2": 2}
"""Versions of Windows Media Audio: a frame as well; its length goes by the sample rate (FFmpeg's `wma_common.c`).
Measured with FFmpeg's coder, the only one at hand."""
OWN_DURATION = {"mov", "wav", "flac", "aiff", "w64", "caf", "wv", "au", "tta", "ape"}
"""Containers that state how long the audio stream itself is, and do not guess it from the bit rate."""
WHOLE_DURATION = {"matroska", "avi", "asf", "flv", "ogg", "mxf"}
"""Containers that state how long all of it is."""
MPEG1_LEAST_HZ = 32_000
"""MPEG-1 layer III has rates from here on and frames of 1152 samples; below, MPEG-2's have 576."""
TAG_S = 0.5
"""An MP3's duration and that of its tag differ by padding alone, if they are of the same file."""
COUNTED_FROM_0 = {"matroska", "asf", "ogg"}
"""Of these, those whose stated duration is the time stamp of the end: a clock that begins at 100 s makes it 100 s more.
Some writers state the true length; then this much less is expected, which costs no more than a missed notice: time
stamps are believed as far as either reading allows."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The chosen sound on the container's clock, seconds.

    Attributes:
        origin_s: the time stamp that is the recording's 0; what counts as codec delay is already in it.
        end_s: where the sound ends on the recording's time line, as declared; None: not declared.
        declared_s: how long the container says the sound is; None: it does not say, or only guesses.
        total_s: how long the container says it all is; None: likewise.
        latest_s: the latest that a time stamp can be by what the container says, on the recording's time line.
    """

    origin_s: float
    end_s: float | None
    declared_s: float | None
    total_s: float | None
    latest_s: float | None


def timed(
    container: av.container.InputContainer,
    kind: str,
    stream: av.AudioStream,
    streams: Sequence[av.AudioStream | av.VideoStream],
    file: BinaryIO,
) -> Timing:
    """Read the timing of `stream` in an open container.

    Args:
        container: the open container.
        kind: FFmpeg's first name of the container.
        stream: the sound.
        streams: all that play: the sound and the pictures, without cover art.
        file: the container's bytes; its position is kept.
    """
    import av

    counted = kind in COUNTED
    starts = [
        start_s + (0.0 if counted else _priming_s(kind, each))
        for each in streams
        if (start_s := _start_s(each)) is not None
    ]
    origin_s = min(starts, default=0.0)
    if kind in ZERO_BASED and 0 <= origin_s <= RECORDED_LATER_S:
        origin_s = 0.0
    if counted:
        origin_s += _priming_s(kind, stream)
    declared_s = _declared_s(kind, stream, file)
    stated = container.duration if kind in WHOLE_DURATION | OWN_DURATION else None
    total_s = longest_s = stated / av.time_base if stated and stated > 0 else declared_s
    if total_s is not None and kind in COUNTED_FROM_0 and total_s > origin_s > 0:
        total_s -= origin_s
    end_s = None if declared_s is None else (_start_s(stream) or 0.0) - origin_s + declared_s
    return Timing(origin_s, end_s, declared_s, total_s, end_s or longest_s)


def _start_s(stream: av.AudioStream | av.VideoStream) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def _priming_s(kind: str, stream: av.AudioStream | av.VideoStream) -> float:
    """How much of the decoded sound is codec delay that nothing else takes off."""
    codec = stream.codec_context
    rate = getattr(codec, "sample_rate", None)
    said = kind == "mp3" and (_start_s(stream) or 0.0) > 0  # a LAME tag: FFmpeg skips what it names
    if kind not in UNDECLARED or said or not rate:
        return 0.0
    if codec.name in WMA:
        return _wma_frame(int(rate), WMA[codec.name]) / float(rate)
    return PRIMING_SAMPLES.get(codec.name, 0) / float(rate)


def _wma_frame(rate: int, version: int) -> int:
    """How many samples a frame of Windows Media Audio has."""
    if rate <= 16_000:
        return 512
    return 1024 if rate <= 22_050 or (version == 1 and rate <= 32_000) else 2048


def _declared_s(kind: str, stream: av.AudioStream, file: BinaryIO) -> float | None:
    if not stream.duration or stream.duration < 0 or stream.time_base is None:
        return None
    duration_s = float(stream.duration * stream.time_base)
    if kind == "avi":
        # FFmpeg shortens the duration of a cut file, the header's count of frames stays
        header_s = float(stream.frames * stream.time_base)
        return header_s if stream.frames > stream.duration else None
    if kind == "wav":
        return duration_s * cut_factor(file)
    if kind == "mp3":
        # where FFmpeg sees that the tag is of another file, its duration is a guess from the bit rate
        rate = stream.codec_context.sample_rate
        tagged_s = _tagged_s(file, rate) if rate else None
        return duration_s if tagged_s is not None and abs(tagged_s - duration_s) < TAG_S else None
    return duration_s if kind in OWN_DURATION else None


def _tagged_s(file: BinaryIO, rate: int) -> float | None:
    """How long the Xing, Info or VBRI tag at the beginning of an MP3 says it is; None: there is none, or no count.

    The tag's place and fields are as described in G. Bouvigne, "MP3 Info Tag" (LAME project), and K. Windszus, "MPEG
    Audio Frame Header" (CodeProject).
    """
    position = file.tell()
    file.seek(0)
    head = file.read(10)
    begin = 0
    if head[:3] == b"ID3":
        for byte in head[6:]:  # 7 bits a byte
            begin = begin << 7 | (byte & 0x7F)
        begin += 10
    file.seek(begin)
    frame = file.read(2048)
    file.seek(position)
    for tag, at in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
        place = frame.find(tag)
        counted = tag == b"VBRI" or bool(int.from_bytes(frame[place + 4 : place + 8], "big") & 1)
        frames = int.from_bytes(frame[place + at : place + at + 4], "big")
        if place >= 0 and counted and frames:
            return frames * (1152 if rate >= MPEG1_LEAST_HZ else 576) / rate
    return None
