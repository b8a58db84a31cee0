"""Captions burnt into a video: seen in its picture, its sound as it was; what is missing is named."""

import math
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pysubs2
import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from ecg_audio.captions import ass, burn
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.errors import BurnFailed, FfmpegMissing, InvalidRequest, ProcessingTimeout, SourceNotFound
from ecg_audio.results import document
from tests.captions.conftest import make_segment
from tests.captions.test_rendering import REASON
from tests.support.results import factory
from tests.support.waiting import alive

needs_libass = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    burn._ffmpeg.cache_clear()
    yield
    burn._ffmpeg.cache_clear()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds of dark picture and a tone, in Matroska, under a name that filters would choke on."""
    path = tmp_path / "it's [a] video: 100%.mkv"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10, width=640, height=360, pix_fmt="yuv420p")
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 20, np.uint8), format="rgb24")
            container.mux(picture.encode(frame))
        tone = (8000 * np.sin(np.arange(32_000) * 0.1)).astype(np.int16).reshape(1, -1)
        samples = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        samples.sample_rate = 16_000
        container.mux(sound.encode(samples))
        container.mux(picture.encode())
        container.mux(sound.encode())
    return path


@needs_libass
def test_captions_are_seen_while_they_last(tmp_path: Path, video: Path) -> None:
    """The captioned copy is bright at its foot while somebody speaks, and dark before; progress reaches the end."""
    script = ass.dumps(cues((make_segment("HELLO THERE", 1.0, word_s=0.4),)), width=640, height=360)
    fractions: list[float] = []
    target = tmp_path / "out.mp4"
    burn.burn(video, script, target, fractions.append)
    with av.open(str(target)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        bright = [int((frame.to_ndarray(format="gray")[240:] > 80).sum()) for frame in container.decode(video=0)]
    assert max(bright[:9]) == 0
    assert min(bright[11:18]) > 100
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([video.name, "out.mp4"])


def test_size_is_as_shown(video: Path) -> None:
    """The size that captions are made for is the picture's."""
    assert burn.picture_size(video) == (640, 360)


@pytest.mark.parametrize(
    ("rate", "read"),
    [(10, 10.0), (Fraction(24_000, 1001), 24_000 / 1001), (Fraction(30_000, 1001), 30_000 / 1001), (2, None)],
)
def test_frame_rate_is_the_videos(tmp_path: Path, rate: int | Fraction, read: float | None) -> None:
    """The rate that captions keep to is the video's own; one that captions cannot keep to is none."""
    path = filmed(tmp_path / "video.mp4", 64, 48, rate)
    assert burn.frame_rate(path) == (pytest.approx(read) if read else None)


@needs_libass
def test_burning_keeps_to_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ecg burn --profile bbc` on upright video of 23.976 frames/s: short lines, in times of that video's frames."""
    rate = 24_000 / 1001
    video = filmed(tmp_path / "phone.mp4", 90, 160, Fraction(24_000, 1001))
    result, scripts = tmp_path / "analysis.json", []
    result.write_bytes(document.dumps(factory.analysis(words=60)))
    monkeypatch.setattr(burn, "burn", lambda _video, script, *_others: scripts.append(script))
    options = ["burn", str(result), str(video), "--to", str(tmp_path / "out.mp4"), "--profile", "bbc"]
    CliRunner().invoke(app, options, catch_exceptions=False)
    found = pysubs2.SSAFile.from_string(scripts[0])
    assert 16 < max(len(line) for event in found for line in event.plaintext.split("\n")) <= 26
    for time_s in (ms / 1000 for event in found for ms in (event.start, event.end)):
        assert math.ceil(time_s * rate - 1e-6) / rate - time_s < 0.0101


@needs_libass
def test_captions_come_and_go_with_their_frames(tmp_path: Path) -> None:
    """By pixels: a cue is seen from the frame of its begin to the one before its end, at a rate without hundredths."""
    rate = Fraction(24_000, 1001)
    video = filmed(tmp_path / "film.mp4", 320, 180, rate, frames=80)
    shown = cues((make_segment("HELLO", 0.63, word_s=1.2),), CueSettings().at(float(rate)))
    burn.burn(video, ass.dumps(shown, "plain", width=320, height=180), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        lit = [bool((frame.to_ndarray(format="gray") > 120).sum() > 20) for frame in container.decode(video=0)]
    first, end = (round(time_s * float(rate)) for time_s in (shown[0].start_s, shown[0].end_s))
    assert [index for index, is_lit in enumerate(lit) if is_lit] == list(range(first, end))


def filmed(path: Path, width: int, height: int, rate: int | Fraction, frames: int = 12) -> Path:
    """Dark frames at a rate, without sound."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=rate, width=width, height=height, pix_fmt="yuv420p")
        for _ in range(frames):
            dark = np.full((height, width, 3), 20, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(dark, format="rgb24")))
        container.mux(picture.encode())
    return path


def test_missing_program_is_named(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ffmpeg the error says what is needed, and nothing is written."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FfmpegMissing, match="no ffmpeg") as raised:
        burn.burn(video, "", tmp_path / "out.mp4")
    assert "libass" in raised.value.hint
    assert not (tmp_path / "out.mp4").exists()


def test_program_without_libass_is_named(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ffmpeg that cannot draw captions is not tried."""
    _program(tmp_path, monkeypatch, "echo ' .. scale  V->V  Scale'")
    with pytest.raises(FfmpegMissing, match="without libass"):
        burn.burn(video, "", tmp_path / "out.mp4")


def test_failure_leaves_nothing_behind(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When ffmpeg fails its last words are the message, an older copy stays, and no temporary file is left."""
    _program(
        tmp_path, monkeypatch, 'case "$*" in *-filters*) echo " .. ass V->V x";; *) echo disk full >&2; exit 3;; esac'
    )
    target = tmp_path / "out.mp4"
    target.write_text("older")
    with pytest.raises(BurnFailed, match="exit code 3: disk full"):
        burn.burn(video, "", target)
    assert target.read_text() == "older"
    assert not list(tmp_path.glob(".burn-*"))


def test_a_program_that_hangs_is_ended(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit it is gone, the error has a name, and no temporary file is left."""
    monkeypatch.setattr(burn, "check_fonts", lambda _ass, _program: None)
    monkeypatch.setattr(burn.time_limit, "stage_s", lambda _duration_s: 1.0)
    pid = tmp_path / "pid"
    hang = f"echo $$ > {pid}; exec {shutil.which('sleep')} 600"
    _program(tmp_path, monkeypatch, f'case "$*" in *-filters*) echo " .. ass V->V x";; *) {hang};; esac')
    with pytest.raises(ProcessingTimeout, match="ffmpeg took longer than 1 s"):
        burn.burn(video, "", tmp_path / "out.mp4")
    assert not alive(int(pid.read_text()))
    assert not list(tmp_path.glob(".burn-*")) and not (tmp_path / "out.mp4").exists()


def _program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "ffmpeg").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    assert shutil.which("ffmpeg") == str(programs / "ffmpeg")


def test_sound_only_has_no_place_for_captions(tmp_path: Path) -> None:
    """A recording without picture, or a file that is no media, is refused by name."""
    import soundfile

    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.zeros(1600, np.float32), 16_000)
    with pytest.raises(InvalidRequest, match="no picture"):
        burn.picture_size(sound)
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        burn.picture_size(text)
    with pytest.raises(SourceNotFound):
        burn.picture_size(tmp_path / "none.mp4")
