"""`ecg captions` and `ecg burn`: the captions of a finished result, in another style or in the picture."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from rich.progress import Progress

from deployments.cli.show import load
from deployments.terminal import err, out, write_document
from ecg_audio.analysis import Analysis
from ecg_audio.captions import ass, burn, cues, ebuttd, sounds, srt, transcript, verdict, vtt
from ecg_audio.captions.names import NAMES
from ecg_audio.captions.profiles import profile
from ecg_audio.captions.styling import Preset, Style
from ecg_audio.errors import InvalidRequest

FORMATS = ("ass", "vtt", "srt", "ebuttd", "txt", "md")
LANDSCAPE, PORTRAIT = (1920, 1080), (1080, 1920)
PORTRAIT_LINES = {"line_width": 26, "wide_line_width": 12}
SDH = "sdh"  # for the deaf and hard of hearing: plain, with sounds and speakers
WIDE_SHARE = 16 / 42  # full-width characters for each narrow one of a line
FASTER_THAN_TARGET = 20 / 17  # the bound on reading speed against its target, unless both are given


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for; None: as the profile has it, or the defaults."""

    preset: str = "expressive"
    intensity: float = 1.0
    style: Path | None = None
    profile: str | None = None
    names: str | None = None
    max_chars: int | None = None
    lines: int | None = None
    cps: float | None = None
    portrait: bool | None = None
    sounds: bool | None = None

    @property
    def with_sounds(self) -> bool:
        """Whether pauses and sounds are named."""
        return self.preset == SDH if self.sounds is None else self.sounds


def restyle(
    named: str, store: str | None, wanted: Wanted, *, caption_format: str, size: str | None, target: Path | None
) -> None:
    """Write a result's captions in a style and format, to a file or to standard output."""
    if caption_format not in FORMATS:
        raise InvalidRequest(f"--format {caption_format}: must be one of {', '.join(FORMATS)}")
    width, height = _size(size) if size else PORTRAIT if wanted.portrait else LANDSCAPE
    text = _rendered(load(named, store), wanted, caption_format, width, height)
    if target is None:
        write_document(text)
        return
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidRequest(f"--to {target}: {error.strerror}") from None
    err.print(f"wrote {target}", highlight=False, markup=False)


def check(named: str, store: str | None, wanted: Wanted) -> int:
    """Print what the captions of a result break of the bounds they were made for. Returns 1 if there are errors."""
    analysis = load(named, store)
    settings = _settings(wanted, analysis)
    lines = cues.cues(analysis.segments, settings, _sounds(wanted, analysis))
    found = verdict.violations(lines, settings)
    for one in found:
        limit = "least" if one.figure < one.bound else "most"
        broken = f"{one.rule}: {one.figure:g}, at {limit} {one.bound:g} ({one.message})"
        where = f"{one.severity:7} cue {one.cue} at {transcript.clock(one.start_s)}"
        out.print(f"{where}  {broken}", highlight=False, markup=False, soft_wrap=True)
    errors = sum(one.severity == "error" for one in found)
    counts = f"{len(lines)} cues, {errors} errors, {len(found) - errors} warnings"
    out.print(f"{counts} by {wanted.profile or 'the default bounds'}", highlight=False, markup=False, soft_wrap=True)
    return 1 if errors else 0


def burn_in(named: str, store: str | None, video: Path, wanted: Wanted, *, target: Path) -> None:
    """Write a copy of a video with a result's captions in its picture."""
    width, height = burn.picture_size(video)
    if wanted.portrait is None:
        wanted = replace(wanted, portrait=height > width)
    script = _rendered(load(named, store), wanted, "ass", width, height)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bars:
        bar = bars.add_task("burning in", total=1.0)
        burn.burn(video, script, target, lambda fraction: bars.update(bar, completed=fraction))
    out.print(str(target), highlight=False, markup=False)


def _rendered(analysis: Analysis, wanted: Wanted, caption_format: str, width: int, height: int) -> str:
    style, settings = _style(wanted), _settings(wanted, analysis)
    voices, told = len({segment.speaker for segment in analysis.segments} - {None}), len(style.palette.dark)
    if settings.names == "never" and style.speaker_colours and voices > told and caption_format in ("ass", "vtt"):
        shared = f"{voices} speakers share {told} colours, and no names tell them apart (--names change)"
        err.print(shared, highlight=False, markup=False, soft_wrap=True)
    if style.intensity and caption_format in ("ass", "vtt", "ebuttd") and not any(w.emphasis for w in analysis.words):
        judged = "no word of this result was judged for emphasis, so all look plain: a newer analysis judges them"
        err.print(judged, highlight=False, markup=False, soft_wrap=True)
    heard = _sounds(wanted, analysis)
    if caption_format == "txt":
        return transcript.plain(analysis, heard)
    if caption_format == "md":
        return transcript.markdown(analysis, heard)
    lines = cues.cues(analysis.segments, settings, heard)
    omitted = cues.left_out(analysis.segments, settings)
    if caption_format == "ass":
        return ass.dumps(
            lines,
            style,
            width=width,
            height=height,
            line_width=settings.line_width,
            title=analysis.title,
            left_out=omitted,
        )
    if caption_format == "ebuttd":
        return ebuttd.dumps(lines, style, language=analysis.text_language, portrait=height > width)
    if caption_format == "vtt":
        return vtt.dumps(lines, style, left_out=omitted)
    assert caption_format == "srt", f"{caption_format} is in FORMATS and has no branch here"
    return srt.dumps(lines)


def _sounds(wanted: Wanted, analysis: Analysis) -> tuple[sounds.Sound, ...]:
    """What is named between the words; says so where nothing is known of it."""
    if not wanted.with_sounds:
        return ()
    if analysis.events is None:
        unknown = "no sounds are named: this result was made without looking for them (analyse the recording again)"
        err.print(unknown, highlight=False, markup=False, soft_wrap=True)
    return sounds.sounds(analysis)


def _style(wanted: Wanted) -> Style:
    if wanted.style is not None:
        return Style.load(wanted.style)
    if wanted.preset == SDH:
        return Style.preset("plain", wanted.intensity)
    for known in get_args(Preset):
        if wanted.preset == known:
            return Style.preset(known, wanted.intensity)
    raise InvalidRequest(f"--preset {wanted.preset}: must be one of {', '.join((*get_args(Preset), SDH))}")


def _settings(wanted: Wanted, analysis: Analysis) -> cues.CueSettings:
    """The profile's bounds, or the defaults, with what else was asked for."""
    language = analysis.text_language
    base = profile(wanted.profile).settings(language) if wanted.profile else cues.CueSettings.for_language(language)
    changes: dict[str, Any] = dict(PORTRAIT_LINES) if wanted.portrait and not wanted.profile else {}
    if wanted.names is not None:
        if wanted.names not in NAMES:
            raise InvalidRequest(f"--names {wanted.names}: must be one of {', '.join(NAMES)}")
        changes["names"] = wanted.names
    if wanted.max_chars is not None:
        changes |= {"line_width": wanted.max_chars, "wide_line_width": max(4, round(wanted.max_chars * WIDE_SHARE))}
    if wanted.lines is not None:
        changes["max_lines"] = wanted.lines
    if wanted.cps is not None:
        changes |= {"target_cps": wanted.cps, "max_cps": wanted.cps * FASTER_THAN_TARGET}
    try:
        return cues.CueSettings.model_validate(base.model_dump() | changes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _size(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise InvalidRequest(f"--size {size}: must be like 1280x720")
    return int(width), int(height)
