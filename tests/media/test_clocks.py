"""Clocks: gaps that the picture proves, clocks that begin anew, clocks that do not begin at 0, and files joined."""

import re
import struct

import numpy as np
import pytest

from ecg_audio.errors import TooLong
from ecg_audio.media.clocks import Clocks
from ecg_audio.media.probe import look
from ecg_audio.request import Limits
from tests.support.media.formats import clicks, encode, remuxed
from tests.support.media.signals import CLICKS_S, DURATION_S, extracted, onsets_s

LATE_S = (0.5, 2.0, 13.0, 15.5)


def codes(recording):
    """The codes of a recording's notices."""
    return [notice.code for notice in recording.notices]


@pytest.fixture(scope="module")
def programme(tmp_path_factory):
    """17 s of picture and clicks in a transport stream."""
    folder = tmp_path_factory.mktemp("programme")
    return encode(clicks(LATE_S, 17, 48000), 48000, folder / "a.ts", audio_codec="mp2")


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
@pytest.mark.parametrize("missing_s", [(3.0, 12.0), (2.5, 12.8)])
def test_a_gap_that_the_picture_proves(tmp_path, programme, suffix, missing_s):
    """Sound that is missing for 9 or 10.3 s while the picture runs on is that much silence, and a notice says so."""
    begin_s, end_s = missing_s
    path = remuxed(
        programme,
        tmp_path / f"a.{suffix}",
        keep=lambda kind, time_s: kind == "video" or not begin_s < time_s < end_s,
        format={"ts": "mpegts", "mpg": "mpeg"}[suffix],
    )
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(LATE_S, abs=0.002)
    assert recording.duration_s == pytest.approx(17, abs=0.1)
    assert codes(recording) == ["MEDIA_GAPS"]
    (told_s,) = re.findall(r"no sound data for ([\d.]+) s", recording.notices[0].message)
    assert float(told_s) == pytest.approx(end_s - begin_s, abs=0.1)


def test_a_clock_that_begins_anew(tmp_path, programme):
    """Where the clock of all streams jumps, the sound goes on without a pause, and a notice says where."""
    path = remuxed(programme, tmp_path / "a.ts", shift_s=lambda time_s: 100.0 if time_s > 9.4 else 0.0, format="mpegts")
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(LATE_S, abs=0.03)
    assert codes(recording) == ["MEDIA_CLOCK_RESTARTED"]
    assert "first at 9.4 s" in recording.notices[0].message


def test_transport_streams_one_after_the_other(tmp_path, programme):
    """Two joined recordings are played one after the other; the clock's return to its beginning is told."""
    (tmp_path / "a.ts").write_bytes(programme.read_bytes() * 2)
    recording, samples = extracted(tmp_path / "a.ts")
    assert onsets_s(samples) == pytest.approx([*LATE_S, *(17 + time for time in LATE_S)], abs=0.06)
    assert codes(recording) == ["MEDIA_CLOCK_RESTARTED"]


def test_other_streams_prove_time_only_where_their_clock_ran_on():
    """Steps of less than 5 s are time that passed, in any order of packets; longer ones are a clock of their own."""
    clocks = Clocks()
    for time_s in (0.0, 4.0, 3.0, 8.0, 12.0, 40.0, 44.0):
        clocks.see(1, time_s)
    assert clocks.ran_through(1.0, 13.0)
    assert not clocks.ran_through(11.0, 41.0)
    assert not Clocks().ran_through(0.0, 11.0)


@pytest.mark.parametrize("begin_s", [15.0, 100.0, 12_000.0])
@pytest.mark.parametrize("suffix", ["webm", "mkv", "ogg", "asf"])
def test_a_clock_that_does_not_begin_at_0(tmp_path, suffix, begin_s):
    """The cut-out of a live stream is as long as it is: neither too long for the limit nor cut off."""
    codec = {"asf": "mp2", "mkv": "flac"}.get(suffix, "libopus")
    rate = 44100 if suffix == "asf" else 48000
    plain = encode(clicks(CLICKS_S, DURATION_S, rate), rate, tmp_path / "plain.mkv", audio_codec=codec, video=False)
    path = remuxed(plain, tmp_path / f"a.{suffix}", shift_s=lambda _time_s: begin_s)
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(CLICKS_S, abs=0.002)
    assert recording.duration_s == pytest.approx(DURATION_S, abs=0.07)
    assert recording.notices == ()
    told_s = look(path, Limits(), None).duration_s
    assert told_s is None or told_s == pytest.approx(DURATION_S, abs=0.1)
    with pytest.raises(TooLong):
        extracted(path, limits=Limits(max_duration_s=3))


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *(("asf", codec) for codec in ("wmav1", "wmav2", "libmp3lame", "mp2", "aac")),
        ("wav", "libmp3lame"),
        ("wav", "mp2"),
    ],
)
def test_a_delay_that_the_container_cannot_declare(tmp_path, suffix, rate, codec):
    """What a codec takes before its first sample comes out is taken off: no word is 11 to 70 ms late."""
    path = encode(clicks(CLICKS_S, DURATION_S, rate), rate, tmp_path / f"a.{suffix}", audio_codec=codec)
    assert onsets_s(extracted(path)[1]) == pytest.approx(CLICKS_S, abs=0.002)


def test_a_gap_where_a_writer_states_the_true_length(tmp_path):
    """A Matroska of a live stream whose duration is that of its sound, not its last time stamp: its gap stays."""
    plain = tmp_path / "plain.mkv"
    encode(clicks(LATE_S, 17, 48000), 48000, plain, audio_codec="pcm_s16le", video=False)
    path = remuxed(plain, tmp_path / "a.mkv", keep=lambda _, time_s: not 8.0 < time_s < 10.0, shift_s=lambda _: 12.0)
    data, tag = path.read_bytes(), b"\x44\x89\x88"  # Duration, 8 bytes: milliseconds as a double
    assert data.count(tag) == 1
    at = data.index(tag) + len(tag)
    assert struct.unpack(">d", data[at : at + 8])[0] == pytest.approx(29_000, abs=50)
    path.write_bytes(data[:at] + struct.pack(">d", 17_000.0) + data[at + 8 :])
    recording, samples = extracted(path)
    assert onsets_s(samples) == pytest.approx(LATE_S, abs=0.002)
    assert codes(recording) == ["MEDIA_GAPS"]


def test_a_cut_off_live_stream_is_still_told(tmp_path):
    """What is missing at the end of a live stream's cut-out is told, less where its clock began."""
    plain = encode(clicks(np.arange(0.5, 8, 0.5), 8, 48000), 48000, tmp_path / "plain.mkv", audio_codec="pcm_s16le")
    path = remuxed(plain, tmp_path / "a.mkv", shift_s=lambda _time_s: 100.0, video=False)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.5)])
    recording, _ = extracted(path)
    assert codes(recording) == ["MEDIA_TRUNCATED"]
    assert "of 8.0 s" in recording.notices[0].message


@pytest.mark.parametrize("rates", [(44100, 22050), (22050, 44100), (48000, 44100), (44100, 44100)])
@pytest.mark.parametrize("suffix", ["aac", "mp3", "ac3"])
def test_joined_files_are_played_one_after_the_other(tmp_path, suffix, rates):
    """Bare frames whose rate changes at a seam: all of both, in order, and no gap, damage or cut is made up.

    The second part begins where the frames of the first end, and its own coding delay, which nothing there declares,
    comes before its sound.
    """
    if suffix == "ac3" and 22050 in rates:
        pytest.skip("AC-3 has no such rate")
    parts = [
        encode(
            clicks(CLICKS_S, DURATION_S, rate), rate, tmp_path / f"{index}.{suffix}", audio_codec=suffix_codec(suffix)
        )
        for index, rate in enumerate(rates)
    ]
    (tmp_path / f"a.{suffix}").write_bytes(b"".join(part.read_bytes() for part in parts))
    recording, samples = extracted(tmp_path / f"a.{suffix}")
    heard = onsets_s(samples)
    assert heard[:4] == pytest.approx(CLICKS_S, abs=0.002)
    seam_s = heard[4] - CLICKS_S[0]
    assert heard[4:] == pytest.approx([seam_s + time for time in CLICKS_S], abs=0.002)
    assert seam_s == pytest.approx(DURATION_S, abs=0.1)
    assert recording.duration_s == pytest.approx(2 * DURATION_S, abs=0.15)
    assert recording.notices == ()


def suffix_codec(suffix):
    """FFmpeg's encoder of a format of bare frames."""
    return {"mp3": "libmp3lame"}.get(suffix, suffix)


def test_an_mp3_with_a_foreign_tag(tmp_path):
    """A Xing tag that counts the frames of the first of two joined files ends nothing."""
    first = encode(clicks(CLICKS_S, DURATION_S, 44100), 44100, tmp_path / "first.mp3").read_bytes()
    second = encode(clicks(CLICKS_S, DURATION_S, 48000), 48000, tmp_path / "second.mp3").read_bytes()
    at = first.index(b"Xing") if b"Xing" in first else first.index(b"Info")
    # frames alone: with a count of bytes, FFmpeg sees by itself that the tag is of another file
    tag = first[at : at + 4] + (1).to_bytes(4, "big") + first[at + 8 : at + 12] + bytes(104)
    (tmp_path / "a.mp3").write_bytes(first[:at] + tag + first[at + len(tag) :] + second)
    recording, samples = extracted(tmp_path / "a.mp3")
    heard = onsets_s(samples)
    assert heard[:4] == pytest.approx(CLICKS_S, abs=0.002)
    assert len(heard) == 8
    seam_s = heard[4] - CLICKS_S[0]
    assert seam_s == pytest.approx(DURATION_S, abs=0.1)
    assert heard[4:] == pytest.approx([seam_s + time for time in CLICKS_S], abs=0.002)
    assert recording.duration_s == pytest.approx(2 * DURATION_S, abs=0.1)
    assert recording.notices == ()
