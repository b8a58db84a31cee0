"""One recording, ten formats: what container and codec do to a file must not change what is heard in it."""

import statistics
from difflib import SequenceMatcher
from pathlib import Path

import av
import pytest
import soundfile

from ecg_audio.analysis import Word
from ecg_audio.media import decode
from ecg_audio.request import Limits
from ecg_audio.speech.engine import LocalEngine
from tests.support.media.formats import encode
from tests.support.models import CONVERSATION

pytestmark = [pytest.mark.slow]

BEGIN_S, END_S = 3.6, 10.4  # two sentences
CODECS: dict[str, tuple[str, int | None] | None] = {
    # how the MP4 becomes each format; None: the same packets in another container
    "mp4": None,
    "mov": None,
    "m4a": None,
    "aac": None,
    "avi": ("pcm_s16le", None),
    "wav": ("pcm_s16le", None),
    "flac": ("flac", None),
    "mp3": ("libmp3lame", 320_000),
    "mkv": ("libopus", 256_000),
    "webm": ("libopus", 256_000),
}
LOSSY = (CODECS["mp3"], CODECS["webm"])


def spoken() -> "tuple[object, int]":
    """Clear speech at its own 16 kHz."""
    samples, rate_hz = soundfile.read(CONVERSATION)
    return samples[int(BEGIN_S * rate_hz) : int(END_S * rate_hz)], rate_hz


def convert(source: Path, target: Path, codec: tuple[str, int | None] | None) -> None:
    """Copy or re-encode the sound of a file into another."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        sound = read.streams.audio[0]
        if codec is None:
            copy = written.add_stream_from_template(sound)
            for packet in read.demux(sound):
                if packet.dts is not None:
                    packet.stream = copy
                    written.mux(packet)
            return
        name, bits_per_s = codec
        rate_hz = 48_000 if name == "libopus" else sound.rate
        encoder = written.add_stream(name, rate=rate_hz, layout="mono")
        if bits_per_s:
            encoder.bit_rate = bits_per_s
        for frame in read.decode(sound):
            written.mux(encoder.encode(frame))
        written.mux(encoder.encode(None))


class Ear:
    """What an engine hears in media files; the very same samples are listened to once."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._heard: dict[bytes, list[Word]] = {}

    def words(self, path: Path) -> list[Word]:
        """The words of a file."""
        target = path.with_suffix(path.suffix + ".flac")
        decode.extract(path, target, key="k", sha256="0" * 64, limits=Limits())
        samples = soundfile.read(target, dtype="int16")[0].tobytes()
        if samples not in self._heard:
            heard = self._engine.align(target, self._engine.transcribe(target))
            self._heard[samples] = [word for utterance in heard.utterances for word in utterance.words]
        return self._heard[samples]


def test_one_video_in_ten_formats_has_the_same_words(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """All ten give the same words at the same times; a track that is 0.5 s late gives them 0.5 s later."""
    samples, rate_hz = spoken()
    original = encode(samples, rate_hz, tmp_path / "talk.mp4")  # type: ignore[arg-type]
    ear, heard = Ear(tiny_engine), dict[str, list[Word]]()
    for suffix, codec in CODECS.items():
        path = original
        if suffix != "mp4":
            path = tmp_path / f"talk.{suffix}"
            convert(original, path, codec)
        heard[suffix] = ear.words(path)
    expected = [word.text for word in heard["mp4"]]
    assert len(expected) > 12
    assert {suffix: [word.text for word in found] for suffix, found in heard.items()} == dict.fromkeys(CODECS, expected)
    for suffix, codec in CODECS.items():
        shifts_s = [abs(a.start_s - b.start_s) for a, b in zip(heard[suffix], heard["mp4"], strict=True)]
        assert statistics.median(shifts_s) <= 0.0305, suffix
        # the tiny aligner knows clean sound alone: where a codec has changed it, single words lie further off
        assert codec in LOSSY or max(shifts_s) <= 0.0305, suffix

    late = ear.words(encode(samples, rate_hz, tmp_path / "late.mp4", delay_s=0.5))  # type: ignore[arg-type]
    # its samples lie between the first one's: a borderline word or edge may tip over
    same = SequenceMatcher(None, expected, [word.text for word in late], autojunk=False).get_matching_blocks()
    pairs = [(heard["mp4"][a + step], late[b + step]) for a, b, size in same for step in range(size)]
    assert len(pairs) >= len(expected) - 2
    delays_s = [after.start_s - before.start_s for before, after in pairs]
    assert statistics.median(delays_s) == pytest.approx(0.5, abs=0.0305)
    assert sum(abs(delay_s - 0.5) > 0.0605 for delay_s in delays_s) <= 2
