"""Files that grow while they are read, and WAV headers whose size is not the file's."""

import hashlib
import os
import struct
from pathlib import Path

import pytest
import soundfile

from ecg_audio.errors import MediaCorrupt, NotMedia, SourceInvalid, TooLarge
from ecg_audio.media import fetch as room
from ecg_audio.media.decode import extract, read
from ecg_audio.media.fetch import fetch
from ecg_audio.media.probe import look
from ecg_audio.media.source import FileSource
from ecg_audio.request import Limits
from tests.support.media.formats import TEN, clicks, encode
from tests.support.media.signals import extracted, onsets_s

TIMES_S = (0.5, 1.5, 2.5, 3.5)


def stale(path: Path, seconds: float, duration_s: float = 4.0, tail: bytes = b"") -> Path:
    """A WAV of clicks whose header tells of fewer seconds than there are."""
    soundfile.write(path, clicks(TIMES_S, duration_s, 16_000), 16_000, "PCM_16")
    data = bytearray(path.read_bytes())
    told = round(seconds * 32_000)
    data[4:8] = struct.pack("<I", 36 + told)
    data[40:44] = struct.pack("<I", told)
    path.write_bytes(data + tail)
    return path


@pytest.mark.parametrize("told_s", [0.5, 2.0, 3.0])
def test_a_header_that_was_not_brought_up_to_date(tmp_path, told_s):
    """A WAV is read to its end, however little its header tells of, and a notice says so."""
    recording, samples = extracted(stale(tmp_path / "a.wav", told_s))
    assert onsets_s(samples) == pytest.approx(TIMES_S, abs=0.002)
    assert recording.duration_s == pytest.approx(4.0, abs=0.001)
    assert [notice.code for notice in recording.notices] == ["MEDIA_SIZE_STALE"]
    assert str(round((4.0 - told_s) * 32_000)) in recording.notices[0].message
    assert look(tmp_path / "a.wav", Limits(), None).duration_s is None


@pytest.mark.parametrize("told_s", [2.0, 4.0])
def test_a_long_file_s_header_that_was_not_brought_up_to_date(tmp_path, told_s):
    """The 64-bit sizes of a field recorder's RF64 are looked at as well, and believed where they are the file's."""
    path = tmp_path / "a.wav"
    soundfile.write(path, clicks(TIMES_S, 4.0, 16_000), 16_000, "PCM_16", format="RF64")
    data = bytearray(path.read_bytes())
    at = data.index(b"ds64") + 16
    assert struct.unpack("<Q", data[at : at + 8])[0] == 4 * 32_000
    data[at : at + 8] = struct.pack("<Q", round(told_s * 32_000))
    path.write_bytes(data)
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(TIMES_S, abs=0.002)
    assert [notice.code for notice in recording.notices] == (["MEDIA_SIZE_STALE"] if told_s < 4.0 else [])


@pytest.mark.parametrize(
    "tail",
    [b"LIST" + struct.pack("<I", 20_000) + bytes(range(250)) * 80, bytes(20_000), b"id3 " + bytes([4, 0, 0, 0]) * 2],
    ids=["chunk", "zeros", "small chunk"],
)
def test_what_follows_the_samples_rightly_is_no_sound(tmp_path, tail):
    """Chunks and padding behind the samples are neither played nor told of."""
    recording, samples = extracted(stale(tmp_path / "a.wav", 4.0, tail=tail))
    assert len(samples) == 64_000
    assert recording.notices == ()


def test_a_file_that_grows_while_it_is_hashed(tmp_path, monkeypatch):
    """The digest is of the bytes that are analysed: the first ones, as far as they were read; a notice says so."""
    path = tmp_path / "a.wav"
    soundfile.write(path, clicks(TIMES_S, 4.0, 16_000), 16_000, "PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[:70_000])
    monkeypatch.setattr(room, "CHUNK_BYTES", 10_000)
    pieces = iter(range(100))

    def grow(_fraction: float) -> None:
        if next(pieces) == 3:
            with path.open("ab") as file:
                file.write(whole[70_000:100_000])

    media = fetch(FileSource(path), tmp_path, limits=Limits(), report=grow)
    assert [notice.code for notice in media.notices] == ["MEDIA_GROWING"]
    path.write_bytes(whole)  # it grows on, before it is decoded
    assert media.sha256 == hashlib.sha256(whole[: media.size_bytes]).hexdigest()
    target = tmp_path / "a.flac"
    recording = extract(path, target, key="k", sha256=media.sha256, limits=Limits(), size_bytes=media.size_bytes)
    assert recording.samples == len(read(target)) == (media.size_bytes - 44) // 2


def test_a_growing_file_is_limited(tmp_path, monkeypatch):
    """A file that grows as fast as it is read ends at the limit."""
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(50_000))
    monkeypatch.setattr(room, "CHUNK_BYTES", 10_000)

    def grow(_fraction: float) -> None:
        with path.open("ab") as file:
            file.write(bytes(10_000))

    with pytest.raises(TooLarge):
        fetch(FileSource(path), tmp_path, limits=Limits(max_bytes=100_000), report=grow)


@pytest.mark.parametrize("suffix", TEN)
def test_only_the_bytes_that_count_are_decoded(tmp_path, suffix):
    """What was appended to a file after it was hashed is not there for any format."""
    path = encode(clicks([0.5, 1.5], 2.0, 16_000), 16_000, tmp_path / f"a.{suffix}")
    size, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() * 2)
    extract(path, tmp_path / "a.out.flac", key="k", sha256=sha256, limits=Limits(), size_bytes=size)
    assert onsets_s(read(tmp_path / "a.out.flac")) == pytest.approx([0.5, 1.5], abs=0.002)


def test_a_file_that_was_overwritten(tmp_path):
    """A file whose hashed bytes are others by the time it is decoded is refused, and nothing is left behind."""
    path = tmp_path / "a.wav"
    soundfile.write(path, clicks(TIMES_S, 4.0, 16_000), 16_000, "PCM_16")
    with pytest.raises(SourceInvalid, match="changed while it was read"):
        extract(
            path, tmp_path / "out" / "a.flac", key="k", sha256="0" * 64, limits=Limits(),
            size_bytes=path.stat().st_size,
        )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("rate", [1, 10, 999, 4_000_000])
def test_a_rate_that_no_sound_has(tmp_path, rate):
    """A WAV of 1 sample a second is damaged, and the message says which rate it tells of."""
    path = tmp_path / "a.wav"
    soundfile.write(path, clicks([0.5], 1.0, 16_000), 16_000, "PCM_16")
    data = bytearray(path.read_bytes())
    data[24:32] = struct.pack("<II", rate, 2 * rate)
    path.write_bytes(data)
    with pytest.raises(MediaCorrupt, match=f"{rate} samples a second"):
        extract(path, tmp_path / "b.flac", key="k", sha256="s", limits=Limits())
    with pytest.raises(MediaCorrupt, match=f"{rate} samples a second"):
        look(path, Limits(), None)


@pytest.mark.parametrize(
    ("magic", "kind"),
    [
        (bytes(4), NotMedia),
        (b"\x01\x02\x03\x04", NotMedia),
        (b"\xff\xfb\x90\x00", MediaCorrupt),
        (b"RIFF", NotMedia),  # text, all of it
        (b"\x1a\x45\xdf\xa3", MediaCorrupt),
        (b"\xef\xbb\xbf\x00", NotMedia),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.ffconcat", "a.wav"])
def test_a_concat_script_behind_four_bytes(tmp_path, magic, kind, name):
    """A concat script in disguise is no media, or a damaged file of what it disguises as; it reads nothing.

    Whoever opened what it names would wait there, and run out of time.
    """
    secret = tmp_path / "secret.wav"
    os.mkfifo(secret)
    (tmp_path / name).write_bytes(magic + f"ffconcat version 1.0\nfile '{secret}'\n".encode() * 40)
    with pytest.raises(kind) as told:
        extract(tmp_path / name, tmp_path / "b.flac", key="k", sha256="s", limits=Limits(), timeout_s=20.0)
    assert "Error" not in told.value.message
