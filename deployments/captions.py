"""`ecg captions` and `ecg burn`: the captions of a finished result, in another style or in the picture."""

import sys
from pathlib import Path
from typing import get_args

from rich.progress import Progress

from deployments.show import load
from deployments.terminal import err, out
from ecg_audio.analysis import Analysis
from ecg_audio.captions import ass, burn, cues, srt, vtt
from ecg_audio.captions.styling import Preset, Style
from ecg_audio.errors import InvalidRequest

FORMATS = ("ass", "vtt", "srt")


def restyle(
    named: str,
    store: str | None,
    *,
    preset: str,
    caption_format: str,
    intensity: float,
    size: str,
    target: Path | None,
) -> None:
    """Write a result's captions in a preset and format, to a file or to standard output."""
    style = _style(preset, intensity)
    width, height = _size(size)
    text = _rendered(load(named, store), style, caption_format, width, height)
    if target is None:
        sys.stdout.write(text)
        return
    target.write_text(text, "utf-8")
    err.print(f"wrote {target}", highlight=False, markup=False)


def burn_in(named: str, store: str | None, video: Path, *, preset: str, intensity: float, target: Path) -> None:
    """Write a copy of a video with a result's captions in its picture."""
    style = _style(preset, intensity)
    width, height = burn.picture_size(video)
    script = _rendered(load(named, store), style, "ass", width, height)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bars:
        bar = bars.add_task("burning in", total=1.0)
        burn.burn(video, script, target, lambda fraction: bars.update(bar, completed=fraction))
    out.print(str(target), highlight=False, markup=False)


def _rendered(analysis: Analysis, style: Style, caption_format: str, width: int, height: int) -> str:
    lines = cues.cues(analysis.segments, cues.CueSettings.for_language(analysis.text_language))
    if caption_format == "ass":
        return ass.dumps(lines, style, width=width, height=height, title=analysis.title)
    if caption_format == "vtt":
        return vtt.dumps(lines, style)
    if caption_format == "srt":
        return srt.dumps(lines)
    raise InvalidRequest(f"--format {caption_format}: must be one of {', '.join(FORMATS)}")


def _style(preset: str, intensity: float) -> Style:
    for known in get_args(Preset):
        if preset == known:
            return Style.preset(known, intensity)
    raise InvalidRequest(f"--preset {preset}: must be one of {', '.join(get_args(Preset))}")


def _size(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise InvalidRequest(f"--size {size}: must be like 1280x720")
    return int(width), int(height)
