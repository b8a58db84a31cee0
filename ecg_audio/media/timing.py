"""Where a container's time begins, where its sound begins and ends, and which of that it really knows."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import av

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
OWN_DURATION = {"mov", "wav", "flac", "aiff", "w64", "caf", "wv", "au", "tta", "ape"}
"""Containers that state how long the audio stream itself is, and do not guess it from the bit rate."""
WHOLE_DURATION = {"matroska", "avi", "asf", "flv", "ogg", "mxf"}
"""Containers that state how long all of it is."""
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Timing:
    """The chosen sound on the container's clock, seconds.

    Attributes:
        origin_s: the time stamp that is the recording's 0; what counts as codec delay is already in it.
        end_s: where the sound ends on the recording's time line, as declared; None: not declared.
        declared_s: how long the container says the sound is; None: it does not say, or only guesses.
        total_s: how long the container says it all is; None: likewise.
    """

    origin_s: float
    end_s: float | None
    declared_s: float | None
    total_s: float | None


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
    total_s = stated / av.time_base if stated and stated > 0 else declared_s
    end_s = None if declared_s is None else (_start_s(stream) or 0.0) - origin_s + declared_s
    return Timing(origin_s, end_s, declared_s, total_s)


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
    return PRIMING_SAMPLES.get(codec.name, 0) / float(rate)


def _declared_s(kind: str, stream: av.AudioStream, file: BinaryIO) -> float | None:
    if not stream.duration or stream.duration < 0 or stream.time_base is None:
        return None
    duration_s = float(stream.duration * stream.time_base)
    if kind == "avi":
        # FFmpeg shortens the duration of a cut file, the header's count of frames stays
        header_s = float(stream.frames * stream.time_base)
        return header_s if stream.frames > stream.duration else None
    if kind == "wav":
        return duration_s * _cut_factor(file)
    if kind in OWN_DURATION or (kind == "mp3" and _has_frame_count(file)):
        return duration_s
    return None


def _cut_factor(file: BinaryIO) -> float:
    """How much longer a RIFF file was meant to be than it is, by its header: 1.0 for a whole one."""
    position = file.tell()
    file.seek(0)
    head = file.read(8)
    held = file.seek(0, 2)
    file.seek(position)
    if len(head) < 8 or head[:4] != b"RIFF":
        return 1.0
    size = struct.unpack("<I", head[4:])[0]
    return 1.0 if size in _UNKNOWN_SIZES else max(1.0, (size + 8) / held)


def _has_frame_count(file: BinaryIO) -> bool:
    """Whether an MP3 begins with a Xing, Info or VBRI frame, which says how many frames follow."""
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
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))
