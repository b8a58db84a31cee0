"""From media files to recordings: times, lengths, streams and damage."""

import os
import random
import struct

import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Recording
from ecg_audio.errors import (
    EcgError,
    ExtractionFailed,
    InvalidRequest,
    MediaCorrupt,
    MediaEncrypted,
    NoAudio,
    NotMedia,
    TooLong,
)
from ecg_audio.media import container
from ecg_audio.media.decode import blocks, extract, read
from ecg_audio.request import Limits
from ecg_audio.sampling import RATE_HZ
from tests.support.media.formats import TEN, Track, clicks, encode
from tests.support.media.signals import CLICKS_S, DURATION_S, extracted, onsets_s

WITH_TIMES = ("mp4", "mov", "mkv", "webm", "m4a", "ts")


def codes(recording: Recording) -> list[str]:
    """The codes of a recording's notices."""
    return [notice.code for notice in recording.notices]


def tone(hz: float, seconds: float, rate: int = 16000) -> np.ndarray:
    """A sine at half of full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def peak_hz(samples: np.ndarray) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def cut(path, share: float):
    """Keep the first share of a file's bytes."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("suffix", [*TEN, "ts", "ogg"])
def test_every_format_keeps_the_times(tmp_path, suffix, rate):
    """A sound at a known time is found at that time, within 2 ms, in every format and at low and high rates."""
    path = encode(clicks(CLICKS_S, DURATION_S, rate), rate, tmp_path / f"a.{suffix}")
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(CLICKS_S, abs=0.002)
    assert recording.duration_s == pytest.approx(DURATION_S, abs=0.07)
    assert recording.notices == ()


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mkv", "aac"), ("mkv", "libmp3lame"), ("mkv", "flac"), ("mov", "pcm_s16le"), ("mp4", "libmp3lame"),
        ("mp4", "alac"), ("avi", "pcm_s16le"), ("avi", "aac"), ("avi", "mp2"), ("ts", "libmp3lame"), ("ts", "mp2"),
        ("wav", "pcm_u8"), ("wav", "pcm_s24le"), ("wav", "pcm_f32le"), ("wav", "pcm_f64le"),
    ],
)  # fmt: skip
def test_other_codecs_keep_the_times(tmp_path, suffix, codec):
    """The codec's own delay is taken off, whether the container declares it or cannot."""
    path = encode(clicks(CLICKS_S, DURATION_S, 16000), 16000, tmp_path / f"a.{suffix}", audio_codec=codec)
    assert onsets_s(extracted(path)[1]) == pytest.approx(CLICKS_S, abs=0.002)


def test_an_mp3_without_a_tag_keeps_the_times(tmp_path):
    """Where no LAME tag says how long the delay is, the delay that every MP3 has is taken off."""
    import av

    with av.open(str(encode(clicks(CLICKS_S, DURATION_S, 16000), 16000, tmp_path / "tagged.mp3"))) as tagged:
        bare = b"".join(bytes(packet) for packet in tagged.demux(audio=0) if packet.size)
    (tmp_path / "a.mp3").write_bytes(bare)
    recording, samples = extracted(tmp_path / "a.mp3")
    assert onsets_s(samples) == pytest.approx(CLICKS_S, abs=0.002)
    assert recording.notices == ()


@pytest.mark.parametrize("suffix", WITH_TIMES)
def test_a_delayed_track_stays_delayed(tmp_path, suffix):
    """An audio track that starts 0.5 s after the picture gives times 0.5 s later."""
    path = encode(clicks(CLICKS_S, DURATION_S, 44100), 44100, tmp_path / f"a.{suffix}", delay_s=0.5)
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx([time + 0.5 for time in CLICKS_S], abs=0.002)
    assert recording.start_offset_s == pytest.approx(0.5, abs=0.03)
    assert recording.duration_s == pytest.approx(DURATION_S + 0.5, abs=0.03)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("samples", [13, 777, 44101])
def test_length_is_exact_to_the_sample(tmp_path, rate, samples):
    """As many as n samples at rate r become are round(n * 16000 / r)."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(samples), rate)
    expected = round(samples * RATE_HZ / rate)
    recording, got = extracted(path)
    assert len(got) == recording.samples == expected
    assert recording.duration_s == expected / RATE_HZ


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4a", "flac", "mp3", "webm"])
def test_padding_of_the_last_frame_is_cut(tmp_path, suffix):
    """Where the container says how long the sound is, what the codec's last frame adds is cut off."""
    path = encode(tone(300, 2.345, 44100), 44100, tmp_path / f"a.{suffix}")
    assert extracted(path)[0].samples == pytest.approx(round(2.345 * RATE_HZ), abs=1)


def test_what_is_no_number_becomes_silence(tmp_path):
    """A float file with NaN in it is damaged there, and says so."""
    samples = tone(440, 4.0)
    samples[32000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16000, "FLOAT")
    recording, got = extracted(tmp_path / "a.wav")
    assert np.isfinite(got).all()
    assert len(got) == 64000
    assert codes(recording) == ["MEDIA_DAMAGED"]


@pytest.mark.parametrize(("wanted", "hz"), [(None, 900), (0, 300), (1, 900), (2, 1500)])
def test_the_right_stream_of_several(tmp_path, wanted, hz):
    """The default stream is taken, or the one asked for, counted from 0 among audio streams."""
    others = [Track(tone(900, 2), default=True), Track(tone(1500, 2))]
    path = encode(tone(300, 2), 16000, tmp_path / "a.mkv", streams=others)
    recording, samples = extracted(path, audio_stream=wanted)
    assert peak_hz(samples) == pytest.approx(hz, abs=5)
    assert recording.stream_index == (1 if wanted is None else wanted)


def test_a_stream_that_is_not_there(tmp_path):
    """Asking for a stream beyond the last one is the user's mistake and says how many there are."""
    path = encode(tone(300, 1), 16000, tmp_path / "a.mkv")
    with pytest.raises(InvalidRequest, match="1 audio stream"):
        extracted(path, audio_stream=1)


def test_a_gap_in_the_time_stamps_becomes_silence(tmp_path):
    """Sound after a gap stays at its own time, and the result says that there was a gap."""
    import av

    first, second = clicks([0.5], 1.0, 16000), clicks([0.25], 1.0, 16000)
    with av.open(str(tmp_path / "a.mkv"), "w") as target:
        stream = target.add_stream("pcm_s16le", rate=16000, layout="mono")
        for begin, samples in ((0, first), (48000, second)):
            frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, begin
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    recording, samples = extracted(tmp_path / "a.mkv")
    assert onsets_s(samples) == pytest.approx([0.5, 3.25], abs=0.002)
    assert codes(recording) == ["MEDIA_GAPS"]


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "webm", "wav", "mp3", "flac", "m4a", "aac"])
def test_a_truncated_file_is_decoded_as_far_as_it_goes(tmp_path, suffix):
    """What is there is decoded in time; the notice says that the end is missing, and how much where that is known."""
    times = np.arange(0.5, 8, 0.5)
    options = {"movflags": "faststart"} if suffix in {"mp4", "m4a"} else None
    noise = 0.02 * np.random.default_rng(0).standard_normal(8 * 16000)  # keeps the bit rate even
    path = encode(clicks(times, 8, 16000) + noise, 16000, tmp_path / f"a.{suffix}", options=options)
    recording, samples = extracted(cut(path, 0.6))
    assert 3.0 < recording.duration_s < 6.0
    found = onsets_s(samples)
    assert found == pytest.approx(times[: len(found)], abs=0.005)
    assert codes(recording) == ["MEDIA_TRUNCATED"]
    if suffix != "aac":
        missing = 8 - recording.duration_s
        said = float(recording.notices[0].message.split("the last ")[1].split(" s")[0])
        assert said == pytest.approx(missing, abs=0.2)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "m4a", "mp3", "flac", "ogg"])
def test_damage_in_the_middle_becomes_silence(tmp_path, suffix):
    """Words after a damaged stretch stay in time, and the result says that there is a hole."""
    times = np.arange(0.5, 8, 0.5)
    noise = 0.02 * np.random.default_rng(0).standard_normal(8 * 16000)
    options = {"movflags": "faststart"} if suffix in {"mp4", "m4a"} else None
    path = encode(clicks(times, 8, 16000) + noise, 16000, tmp_path / f"a.{suffix}", video=False, options=options)
    data = bytearray(path.read_bytes())
    begin, end = int(len(data) * 0.45), int(len(data) * 0.5)
    data[begin:end] = random.Random(1).randbytes(end - begin)
    path.write_bytes(data)
    recording, samples = extracted(path)
    late = [time for time in onsets_s(samples) if time > 5.2]
    assert late == pytest.approx([5.5, 6.0, 6.5, 7.0, 7.5], abs=0.02)
    assert len(codes(recording)) == 1
    assert codes(recording)[0] in {"MEDIA_DAMAGED", "MEDIA_GAPS"}


def test_an_mp4_without_its_index_is_corrupt(tmp_path):
    """A recording cut off before its index was written holds nothing that can be decoded."""
    path = cut(encode(tone(300, 3), 16000, tmp_path / "a.mp4"), 0.7)
    with pytest.raises(MediaCorrupt):
        extracted(path)


@pytest.mark.parametrize("suffix", TEN)
def test_a_stump_has_an_honest_error(tmp_path, suffix):
    """The first 200 bytes of a file are a named error, or a truncated recording, never a crash."""
    path = encode(tone(300, 3), 16000, tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[:200])
    try:
        recording, _ = extracted(path)
    except (MediaCorrupt, NoAudio):
        return
    assert codes(recording) == ["MEDIA_TRUNCATED"]


def test_a_picture_without_sound(tmp_path):
    """A video without an audio stream is NO_AUDIO."""
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = index
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with pytest.raises(NoAudio):
        extracted(tmp_path / "a.mp4")


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "flac"])
def test_no_samples(tmp_path, suffix):
    """A file with an audio stream of no samples is NO_AUDIO."""
    with pytest.raises(NoAudio):
        extracted(encode(np.zeros(0), 44100, tmp_path / f"a.{suffix}"))


def test_a_wav_of_nothing(tmp_path):
    """A WAV of a header alone is NO_AUDIO."""
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16000)
    with pytest.raises(NoAudio):
        extracted(tmp_path / "a.wav")


def test_silence_is_sound(tmp_path):
    """A recording of silence is a recording, as long as the silence."""
    recording, samples = extracted(encode(np.zeros(32000), 16000, tmp_path / "a.mp4"))
    assert recording.duration_s == 2.0
    assert not samples.any()
    assert recording.notices == ()


@pytest.mark.parametrize("name", ["a.mp4", "a.mp3"])
@pytest.mark.parametrize(
    "content",
    [
        b"hello world\n" * 100,
        "<!DOCTYPE html><html><body>안녕하세요</body></html>".encode(),
        "<html>hello</html>".encode("utf-16"),
        b"{}",
        random.Random(1).randbytes(50_000),
        bytes(50_000),
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + random.Random(2).randbytes(20_000),
        b"PK\x03\x04" + random.Random(3).randbytes(20_000),
        b"\x1b[31mcolours\x1b[0m\n" * 50,
    ],
    ids=["text", "html", "utf16", "json", "noise", "zeros", "pdf", "zip", "ansi"],
)
def test_what_is_not_media(tmp_path, name, content):
    """Text, web pages, documents and noise are NOT_MEDIA whatever they are called."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NotMedia):
        extracted(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "mjpeg"])
def test_images_are_not_recordings(tmp_path, suffix):
    """An image has no sound."""
    import av

    with av.open(str(tmp_path / "a"), "w", format="image2") as target:
        stream = target.add_stream(suffix, rate=1)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "rgb24" if suffix == "png" else "yuvj420p"
        target.mux(stream.encode(av.VideoFrame(64, 48, stream.pix_fmt)))
        target.mux(stream.encode(None))
    (tmp_path / "a").rename(tmp_path / "a.mp4")
    with pytest.raises((NotMedia, NoAudio)):
        extracted(tmp_path / "a.mp4")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{0}\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet '
    'mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>file://{0}</BaseURL><SegmentBase '
    'indexRange="0-9"/></Representation></AdaptationSet></Period></MPD>',
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="x"><Id>{0}</Id></CompositionPlaylist>',
    "webm_dash": "ftp://{0}",
}


@pytest.mark.parametrize("text_is_seen", [True, False])
@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_reads_nothing(tmp_path, monkeypatch, kind, name, text_is_seen):
    """A playlist, manifest or concat script that points to a readable file is NOT_MEDIA, by each of two defences."""
    secret = tmp_path / "secret.wav"
    soundfile.write(secret, tone(300, 1), 16000)
    os.utime(secret, (1, secret.stat().st_mtime))
    (tmp_path / name).write_text(PLAYLISTS[kind].format(secret))
    if not text_is_seen:
        monkeypatch.setattr(container, "is_text", lambda _head: False)
    with pytest.raises(NotMedia):
        extracted(tmp_path / name)
    assert secret.stat().st_atime == 1, "the file was read"


def test_encrypted_sound(tmp_path):
    """Common encryption in an MP4 is MEDIA_ENCRYPTED."""
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    path = encode(tone(300, 1), 16000, tmp_path / "a.mp4", options=options)
    with pytest.raises(MediaEncrypted):
        extracted(path)


def test_longer_than_the_limit(tmp_path):
    """A container that says it is too long is refused without decoding it."""
    path = encode(tone(300, 3), 16000, tmp_path / "a.mp4")
    with pytest.raises(TooLong):
        extracted(path, limits=Limits(max_duration_s=2))


def test_a_lying_container_is_still_limited(tmp_path):
    """Sound that goes on after its declared end is refused once it passes the limit."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(300, 5), 16000)
    data = bytearray(path.read_bytes())
    position = data.index(b"data")
    data[position + 4 : position + 8] = struct.pack("<I", 0xFFFFFFFF)  # as streaming recorders write it
    data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert extracted(path)[0].duration_s == pytest.approx(5, abs=0.01)
    aac = encode(tone(300, 5), 16000, tmp_path / "a.aac")  # has no duration at all
    with pytest.raises(TooLong):
        extracted(aac, limits=Limits(max_duration_s=2))


def test_extract_in_a_child(tmp_path):
    """`extract` writes a 16-bit FLAC whole, with key and hash as given, reports progress, and leaves nothing else."""
    path = encode(clicks(CLICKS_S, DURATION_S, 44100), 44100, tmp_path / "a.mp4")
    target = tmp_path / "store" / "aa" / "a.flac"
    fractions: list[float] = []
    recording = extract(path, target, key="k", sha256="s", limits=Limits(), report=fractions.append)
    assert (recording.key, recording.sha256, recording.codec, recording.container) == ("k", "s", "aac", "mov")
    assert (recording.source_sample_rate_hz, recording.source_channels) == (44100, 1)
    info = soundfile.info(target)
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 16000, 1)
    assert info.frames == recording.samples
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0, abs=0.02)
    assert [entry.name for entry in target.parent.iterdir()] == ["a.flac"]


def test_a_failed_extraction_leaves_nothing(tmp_path):
    """After an error the target folder is empty, and an older target is untouched."""
    path = cut(encode(tone(300, 3), 16000, tmp_path / "a.mp4"), 0.5)
    target = tmp_path / "store" / "a.flac"
    with pytest.raises(MediaCorrupt):
        extract(path, target, key="k", sha256="s", limits=Limits())
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("limit", [{"timeout_s": 0.05}, {"memory_bytes": 60_000_000}])
def test_the_child_is_bounded(tmp_path, limit):
    """A decoder that runs out of its time or memory is a named error, and leaves nothing behind."""
    path = encode(tone(300, 1), 16000, tmp_path / "a.wav")
    target = tmp_path / "store" / "a.flac"
    with pytest.raises(ExtractionFailed):
        extract(path, target, key="k", sha256="s", limits=Limits(), **limit)
    assert list(target.parent.iterdir()) == []


def test_blocks_are_the_whole(tmp_path):
    """Blocks put together are the recording, float32, whatever their length."""
    samples = tone(300, 3.3)
    soundfile.write(tmp_path / "a.flac", samples, 16000)
    parts = list(blocks(tmp_path / "a.flac", seconds=1.0))
    assert [len(part) for part in parts] == [16000, 16000, 16000, 4800]
    assert parts[0].dtype == np.float32
    assert np.array_equal(np.concatenate(parts), read(tmp_path / "a.flac"))


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_is_never_a_crash(tmp_path, seed):
    """Whatever bytes are broken, the answer is a recording or a named error."""
    chance = random.Random(seed)
    suffix = chance.choice(TEN)
    path = encode(clicks([0.2], 0.6, 16000), 16000, tmp_path / f"a.{suffix}")
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 10, 100])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data[: chance.choice([len(data), len(data) // 2])])
    try:
        recording, samples = extracted(path)
    except EcgError:
        return
    assert recording.samples == len(samples)
