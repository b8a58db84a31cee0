"""Media files made from samples, for tests: the ten formats people send, and a few odd ones.

Everything is encoded by PyAV's own FFmpeg, so no test needs a file from anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TEN = ("mp4", "avi", "mov", "mkv", "webm", "wav", "mp3", "flac", "aac", "m4a")
WITH_VIDEO = ("mp4", "avi", "mov", "mkv", "webm")

AUDIO_CODEC = {
    "mp4": "aac",
    "avi": "libmp3lame",
    "mov": "aac",
    "mkv": "libopus",
    "webm": "libopus",
    "wav": "pcm_s16le",
    "mp3": "libmp3lame",
    "flac": "flac",
    "aac": "aac",
    "m4a": "aac",
    "ts": "aac",
    "ogg": "libopus",
}
VIDEO_CODEC = {"webm": "libvpx", "ts": "mpeg2video"}
FRAMES_PER_S = 10
BLOCK = 4096


@dataclass(frozen=True)
class Track:
    """One audio track: float samples, shape (n,) or (n, channels), in [-1, 1]."""

    samples: np.ndarray
    delay_s: float = 0.0
    default: bool = False


def clicks(times_s: Sequence[float], duration_s: float, sample_rate_hz: int) -> np.ndarray:
    """Silence with a 5 ms, 2 kHz tone burst at each time: survives every codec, and its onset can be found again."""
    samples = np.zeros(round(duration_s * sample_rate_hz))
    burst = np.sin(2 * np.pi * 2000 * np.arange(round(0.005 * sample_rate_hz)) / sample_rate_hz) * 0.8
    for time_s in times_s:
        start = round(time_s * sample_rate_hz)
        samples[start : start + len(burst)] = burst[: len(samples) - start]
    return samples


def encode(
    samples: np.ndarray,
    sample_rate_hz: int,
    path: Path,
    *,
    video: bool = True,
    delay_s: float = 0.0,
    streams: Sequence[Track] = (),
    audio_codec: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write `samples` as the format that `path`'s suffix names.

    Args:
        samples: float in [-1, 1], shape (n,) or (n, channels).
        sample_rate_hz: of the samples; the encoder's rate too, where the codec has it (Opus: 48 kHz).
        path: the target; its suffix decides container and codecs.
        video: add a small moving picture, in the containers that have one.
        delay_s: how much later than the picture the sound starts. Only containers with timestamps keep it.
        streams: further audio tracks, after the first.
        audio_codec: another FFmpeg encoder than the format's usual one.
        options: for the muxer, such as `{"movflags": "frag_keyframe+empty_moov"}`.
    """
    suffix = path.suffix.lstrip(".").lower()
    tracks = [Track(samples, delay_s), *streams]
    codec = audio_codec or AUDIO_CODEC[suffix]
    with av.open(str(path), "w", options=options or {}) as container:
        picture = None
        if video and suffix in (*WITH_VIDEO, "ts"):
            picture = container.add_stream(
                VIDEO_CODEC.get(suffix, "mpeg4"), rate=25 if suffix == "ts" else FRAMES_PER_S
            )
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        encoders = []
        for track in tracks:
            channels = 1 if track.samples.ndim == 1 else track.samples.shape[1]
            rate = 48000 if codec == "libopus" else sample_rate_hz
            stream = container.add_stream(codec, rate=rate, layout={1: "mono", 2: "stereo"}[channels])
            if codec.startswith("wma"):
                stream.bit_rate = 128_000  # its encoder has no default
            if track.default:
                stream.disposition = av.stream.Disposition.default
            encoders.append(stream)
        packets = []
        if picture is not None:
            longest_s = max(len(track.samples) / sample_rate_hz + track.delay_s for track in tracks)
            packets += _picture(picture, longest_s)
        for stream, track in zip(encoders, tracks, strict=True):
            packets += _sound(stream, track, sample_rate_hz)
        # interleaved by time, as recorders write them
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _picture(stream: av.VideoStream, duration_s: float) -> list[av.Packet]:
    packets = []
    rate = int(stream.codec_context.framerate)
    for index in range(max(1, round(duration_s * rate))):
        image = np.full((48, 64, 3), (index * 8) % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _sound(stream: av.AudioStream, track: Track, sample_rate_hz: int) -> list[av.Packet]:
    layout, rate = stream.codec_context.layout.name, stream.codec_context.sample_rate
    resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
    planar = np.atleast_2d(np.asarray(track.samples, np.float32).T)
    packets, pts = [], round(track.delay_s * rate)
    fifo = av.AudioFifo()
    size = stream.codec_context.frame_size or BLOCK
    for start in range(0, planar.shape[1], BLOCK):
        block = np.ascontiguousarray(planar[:, start : start + BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate_hz, start
        for converted in resampler.resample(frame):
            converted.pts = None
            fifo.write(converted)
    for converted in resampler.resample(None) if rate != sample_rate_hz else ():
        converted.pts = None
        fifo.write(converted)
    while fifo.samples:
        frame = fifo.read(min(size, fifo.samples))
        frame.pts, frame.time_base = pts, Fraction(1, rate)
        pts += frame.samples
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def remuxed(source, target, *, keep=lambda _kind, _time_s: True, shift_s=lambda _time_s: 0.0, video=True, **options):
    """Copy packets into another container: some left out, their times shifted."""
    with av.open(str(source)) as given, av.open(str(target), "w", **options) as taken:
        streams = {
            stream.index: taken.add_stream_from_template(stream)
            for stream in given.streams
            if video or stream.type == "audio"
        }
        for packet in given.demux():
            if packet.dts is None or packet.stream_index not in streams:
                continue
            time_s = float(packet.pts * packet.time_base)
            if not keep(packet.stream.type, time_s):
                continue
            ticks = round(shift_s(time_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = streams[packet.stream_index]
            taken.mux(packet)
    return target
