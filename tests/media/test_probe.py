"""Looking into a file before anything expensive is done with it."""

import time

import pytest

from ecg_audio.errors import ExtractionFailed, InvalidRequest, MediaCorrupt, NoAudio, NotMedia, TooLong
from ecg_audio.media import probe as room
from ecg_audio.media.probe import look, probe
from ecg_audio.request import Limits
from tests.support.media.formats import TEN, Track, clicks, encode


def test_it_tells_what_is_there(tmp_path):
    """Container, duration and every audio stream are told, and which one will be analysed; in well under a second."""
    other = Track(clicks([0.1], 1, 44100), default=True)
    path = encode(clicks([0.5], 1.5, 44100), 44100, tmp_path / "a.mp4", streams=[other])
    started = time.perf_counter()
    info = probe(path, limits=Limits())
    assert time.perf_counter() - started < 5  # 0.4 s on an idle machine
    assert (info.container, info.has_video, len(info.streams)) == ("mov", True, 2)
    assert (info.chosen.index, info.chosen.codec, info.chosen.sample_rate_hz) == (1, "aac", 44100)
    assert info.chosen.channels == 1


@pytest.mark.parametrize("suffix", sorted({*TEN} - {"aac"}))
def test_durations_are_the_containers_own(tmp_path, suffix):
    """Every format but raw AAC says how long it is."""
    path = encode(clicks([0.5], 3, 44100), 44100, tmp_path / f"a.{suffix}")
    assert look(path, Limits(), None).duration_s == pytest.approx(3, abs=0.15)


def test_a_guess_is_no_duration(tmp_path):
    """Raw AAC has no duration; FFmpeg's guess from the bit rate is not passed on."""
    path = encode(clicks([0.5], 3, 44100), 44100, tmp_path / "a.aac")
    assert look(path, Limits(), None).duration_s is None


def test_errors_come_out_of_the_child(tmp_path):
    """What is wrong with a file is said by the same classes as when it is decoded."""
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(NotMedia):
        probe(tmp_path / "a.mp4", limits=Limits())
    path = encode(clicks([0.5], 3, 16000), 16000, tmp_path / "b.mp4")
    for error, options in (
        (TooLong, {"limits": Limits(max_duration_s=1)}),
        (InvalidRequest, {"limits": Limits(), "audio_stream": 3}),
    ):
        with pytest.raises(error):
            look(path, options["limits"], options.get("audio_stream"))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises((MediaCorrupt, NoAudio)):
        look(path, Limits(), None)


def test_a_file_that_hangs_the_demuxer(tmp_path, monkeypatch):
    """A probe that takes too long is ended and named."""
    monkeypatch.setattr(room, "TIMEOUT_S", 0.05)
    path = encode(clicks([0.5], 1, 16000), 16000, tmp_path / "a.wav")
    with pytest.raises(ExtractionFailed):
        probe(path, limits=Limits())
