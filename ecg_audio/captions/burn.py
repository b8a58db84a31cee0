"""Captions burnt into the picture, for places that show no captions of their own.

PyAV's FFmpeg is built without libass, and no wheel under a free licence that suits ours has it, so the machine's own
`ffmpeg` draws. Nothing else in the project needs it.
"""

import os
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path

import pysubs2

from ecg_audio import time_limit
from ecg_audio.captions import fonts
from ecg_audio.captions.reading import FEWEST_FRAMES, MOST_FRAMES
from ecg_audio.environment import FFMPEG, chosen
from ecg_audio.errors import BurnFailed, FfmpegMissing, FontMissing, InvalidRequest, ProcessingTimeout, SourceNotFound
from ecg_audio.progress import Report, silent
from ecg_audio.request import Limits

_COPIED_AUDIO = {"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}  # what an MP4 holds as it is


def picture_size(video: Path) -> tuple[int, int]:
    """Width and height, pixels, as the video is shown (phones store upright video lying, with a note to turn it).

    Raises:
        SourceNotFound: there is no such file.
        InvalidRequest: it is no video, or none that can be decoded.
    """
    return _look_at(video)[:2]


def frame_rate(video: Path) -> float | None:
    """The frames a second of a video; None where it does not say, or captions cannot keep to so few or so many.

    Raises:
        SourceNotFound: there is no such file.
        InvalidRequest: it is no video, or none that can be decoded.
    """
    rate = _look_at(video)[2]
    return rate if rate is not None and FEWEST_FRAMES <= rate <= MOST_FRAMES else None


def burn(video: Path, ass: str, target: Path, report: Report = silent) -> None:
    """Write a copy of `video` with captions in its picture, as an MP4.

    Args:
        video: the recording, in any format that FFmpeg opens.
        ass: the captions, made for this video's `picture_size`.
        target: the file to write; it appears when it is complete.
        report: called with the finished fraction.

    Raises:
        FfmpegMissing: there is no `ffmpeg` with libass on this machine.
        SourceNotFound: there is no such video.
        InvalidRequest: it has no picture.
        FontMissing: no font here has some of the captions' letters; the hint names a package that does.
        BurnFailed: ffmpeg did not finish; the message holds its last line.
        ProcessingTimeout: it took longer than it may, and was ended.
    """
    program = _ffmpeg()
    *_, duration_s, audio = _look_at(video)
    check_fonts(ass, program)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".burn-") as folder:
        # a fixed name in the working folder: filter arguments have escapes of their own
        (Path(folder) / "captions.ass").write_text(ass, "utf-8")
        command = [program, "-hide_banner", "-loglevel", "error", "-nostdin", "-progress", "pipe:1"]
        command += ["-protocol_whitelist", "file", "-i", f"file:{video.resolve()}"]
        command += ["-vf", fonts.drawing("captions.ass", Path(folder))]
        command += ["-map", "0:v:0", "-map", "0:a?", "-c:a", "copy" if audio <= _COPIED_AUDIO else "aac"]
        command += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "out.mp4"]
        _run(command, folder, duration_s, report)
        (Path(folder) / "out.mp4").replace(target)


def scripts() -> dict[str, str | None]:
    """The scripts that can be burnt here: None, or the Debian package of the font that is missing.

    Raises:
        FfmpegMissing: there is no `ffmpeg` with libass on this machine.
        BurnFailed: libass could not be asked.
    """
    lacked = fonts.missing("".join(script.sample for script in fonts.SCRIPTS), _ffmpeg())
    return {script.name: script.package if lacked & set(script.sample) else None for script in fonts.SCRIPTS}


def check_fonts(ass: str, program: str) -> None:
    """See that some font here has each letter of an ASS script.

    Raises:
        FontMissing: none has.
    """
    events = pysubs2.SSAFile.from_string(ass, "ass")
    lacked = fonts.missing("".join(event.plaintext for event in events), program)
    if not lacked:
        return
    found = fonts.scripts_of(lacked)
    some = " ".join(sorted(lacked)[:8])
    packages = " ".join(dict.fromkeys(script.package for script in found))
    raise FontMissing(
        f"no font here has these letters ({', '.join(script.name for script in found)}): {some}",
        hint=f"Install a font that has them (Debian, Ubuntu: apt install {packages}), or use the .ass file as it is.",
    )


def _run(command: list[str], folder: str, duration_s: float | None, report: Report) -> None:
    complaints, late = Path(folder) / "complaints.txt", threading.Event()
    # some videos do not say how long they are
    limit_s = time_limit.stage_s(Limits().max_duration_s if duration_s is None else duration_s)
    with (
        complaints.open("w") as stderr,
        subprocess.Popen(
            command,
            cwd=folder,
            env=chosen(os.environ, FFMPEG),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            assert process.stdout
            for line in process.stdout:
                name, _, value = line.strip().partition("=")
                if name == "out_time_us" and duration_s and value.isdigit():
                    report(min(1.0, int(value) / 1e6 / duration_s))
            status = process.wait()
        except BaseException:
            process.kill()  # else leaving the block would wait for it
            raise
        finally:
            timer.cancel()
    if late.is_set():
        raise ProcessingTimeout(f"ffmpeg took longer than {limit_s:.0f} s")
    if status:
        last = complaints.read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise BurnFailed(f"ffmpeg ended with exit code {status}: {''.join(last) or 'it did not say why'}")
    report(1.0)


@cache
def _ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        raise FfmpegMissing("there is no ffmpeg on this machine")
    filters = subprocess.run([program, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
    if not any(line.split()[1:2] == ["ass"] for line in filters.stdout.splitlines()):
        raise FfmpegMissing(f"{program} is built without libass")
    return program


def _look_at(video: Path) -> tuple[int, int, float | None, float | None, set[str]]:
    """Width, height, frames a second, duration (s; None: the file does not say) and the codecs of the audio streams."""
    import av

    if not video.is_file():
        raise SourceNotFound(f"{video} does not exist or is not a file")
    try:
        with av.open(f"file:{video.resolve()}", container_options={"protocol_whitelist": "file"}) as container:
            frame = next(container.decode(video=0), None) if container.streams.video else None
            rate = container.streams.video[0].guessed_rate if frame else None
            codecs = {stream.codec_context.name for stream in container.streams.audio}
            duration_s = container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError) as error:
        raise InvalidRequest(f"{video.name} cannot be read as a video: {error}") from None
    if frame is None:
        raise InvalidRequest(f"{video.name} has no picture", hint="Captions can only be burnt into a video.")
    turned = frame.rotation % 180 != 0
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    return width, height, float(rate) if rate else None, duration_s, codecs
