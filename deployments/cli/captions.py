"""`ecg captions` and `ecg burn`: the captions of a finished result, in another style or in the picture."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from rich.progress import Progress

from deployments.cli.show import load
from deployments.terminal import err, out, write_document
from ecg_audio.analysis import Analysis
from ecg_audio.captions import ass, burn, cues, ebuttd, sounds, srt, transcript, verdict, vtt
from ecg_audio.captions.contrast import TEXT, faint
from ecg_audio.captions.names import NAMES
from ecg_audio.captions.profiles import profile
from ecg_audio.captions.reading import FEWEST_FRAMES, MOST_FRAMES
from ecg_audio.captions.styling import Preset, Style
from ecg_audio.duration import length
from ecg_audio.errors import InvalidRequest

FORMATS = ("ass", "vtt", "srt", "ebuttd", "txt", "md")
LANDSCAPE, PORTRAIT = (1920, 1080), (1080, 1920)
SDH = "sdh"  # for the deaf and hard of hearing: plain, with sounds and speakers
WIDE_SHARE = 16 / 42  # full-width characters for each narrow one of a line
FASTER_THAN_TARGET = 20 / 17  # the bound on reading speed against its target, unless both are given


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """What the options ask for; None: as the profile has it, or the defaults."""

    preset: str | None = None
    intensity: float | None = None
    style: Path | None = None
    profile: str | None = None
    names: str | None = None
    max_chars: int | None = None
    lines: int | None = None
    cps: float | None = None
    portrait: bool | None = None
    sounds: bool | None = None
    frames_per_s: float | None = None

    @property
    def with_sounds(self) -> bool:
        """Whether pauses and sounds are named."""
        return self.preset == SDH if self.sounds is None else self.sounds


def frame_rate(given: str) -> float:
    """A rate as people write it: 25, 24000/1001, or 23.976, which means the same."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:/([0-9]{1,9}))?", given)
    rate = Fraction(found[1]) / Fraction(found[2] or 1) if found and int(found[2] or 1) else Fraction(0)
    if not FEWEST_FRAMES <= rate <= MOST_FRAMES:
        range_ = f"{FEWEST_FRAMES} to {MOST_FRAMES}"
        raise InvalidRequest(f"--fps {given}: must be {range_} frames a second, like 25, 23.976 or 24000/1001")
    slowed = Fraction(round(rate * 1001 / 1000) * 1000, 1001)  # of television in colour
    return float(slowed if abs(slowed - rate) < Fraction(1, 200) else rate)


def restyle(
    named: str, store: str | None, wanted: CaptionOptions, *, caption_format: str, size: str | None, target: Path | None
) -> None:
    """Write a result's captions in a style and format, to a file or to standard output."""
    if caption_format not in FORMATS:
        raise InvalidRequest(f"--format {caption_format}: must be one of {', '.join(FORMATS)}")
    width, height = _size(size) if size else PORTRAIT if wanted.portrait else LANDSCAPE
    analysis = load(named, store)
    made = _rendered(analysis, wanted, caption_format, width, height)
    if target is None:
        write_document(made.text)
    else:
        try:
            target.write_text(made.text, "utf-8")
        except OSError as error:
            raise InvalidRequest(f"--to {target}: {error.strerror}") from None
    if target is not None or err.is_terminal:
        size = f"{width}x{height}" if caption_format == "ass" else None
        _say(target, caption_format, size, made.cues, analysis, wanted)


def check(named: str, store: str | None, wanted: CaptionOptions) -> int:
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


def burn_in(named: str, store: str | None, video: Path, wanted: CaptionOptions, *, target: Path) -> None:
    """Write a copy of a video with a result's captions in its picture."""
    width, height = burn.picture_size(video)
    if wanted.portrait is None:
        wanted = replace(wanted, portrait=height > width)
    wanted = replace(wanted, frames_per_s=burn.frame_rate(video))
    analysis = load(named, store)
    made = _rendered(analysis, wanted, "ass", width, height)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bars:
        bar = bars.add_task("burning in", total=1.0)
        burn.burn(video, made.text, target, lambda fraction: bars.update(bar, completed=fraction))
    _say(None, target.suffix.lstrip("."), f"{width}x{height}", made.cues, analysis, wanted)
    out.print(str(target), highlight=False, markup=False, soft_wrap=True)


def _say(
    target: Path | None, kind: str, size: str | None, count: int | None, analysis: Analysis, wanted: CaptionOptions
) -> None:
    """One line of what was made, beside it. A transcript has no cues and no style."""
    facts = [kind, size, length(analysis.recording.duration_s)]
    if count is not None:
        style = str(wanted.style) if wanted.style else wanted.preset or "expressive"
        facts += [f"{count} cues", style if kind != "srt" else None, wanted.profile]
    told = " · ".join(fact for fact in facts if fact)
    err.print(f"wrote {target}: {told}" if target else told, highlight=False, markup=False, soft_wrap=True)


class Made(NamedTuple):
    """Captions as a document, and how many cues are in it; None: a transcript has none."""

    text: str
    cues: int | None = None


def _rendered(analysis: Analysis, wanted: CaptionOptions, caption_format: str, width: int, height: int) -> Made:
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
        return Made(transcript.plain(analysis, heard, settings.names))
    if caption_format == "md":
        return Made(transcript.markdown(analysis, heard, settings.names))
    lines = cues.cues(analysis.segments, settings, heard)
    omitted = cues.left_out(analysis.segments, settings)
    row = settings.line_width
    if caption_format == "ass":
        title = analysis.title
        text = ass.dumps(lines, style, width=width, height=height, line_width=row, title=title, left_out=omitted)
    elif caption_format == "ebuttd":
        language = analysis.text_language
        text = ebuttd.dumps(lines, style, language=language, width=width, height=height, line_width=row)
    elif caption_format == "vtt":
        text = vtt.dumps(lines, style, left_out=omitted, portrait=height > width, line_width=row)
    else:
        assert caption_format == "srt", f"{caption_format} is in FORMATS and has no branch here"
        text = srt.dumps(lines)
    return Made(text, len(lines))


def _sounds(wanted: CaptionOptions, analysis: Analysis) -> tuple[sounds.Sound, ...]:
    """What is named between the words; says so where nothing is known of it."""
    if not wanted.with_sounds:
        return ()
    if analysis.events is None:
        unknown = "no sounds are named: this result was made without looking for them (analyse the recording again)"
        err.print(unknown, highlight=False, markup=False, soft_wrap=True)
    return sounds.sounds(analysis)


def _style(wanted: CaptionOptions) -> Style:
    if wanted.style is not None:
        return _own_style(wanted.style, wanted)
    if wanted.preset == SDH:
        return Style.preset("plain")
    for known in get_args(Preset):
        if (wanted.preset or "expressive") == known:
            return Style.preset(known, 1.0 if wanted.intensity is None else wanted.intensity)
    raise InvalidRequest(f"--preset {wanted.preset}: must be one of {', '.join((*get_args(Preset), SDH))}")


def _own_style(path: Path, wanted: CaptionOptions) -> Style:
    """A style from a file; says which of its colours cannot be read."""
    if wanted.preset is not None:
        either = f"--preset {wanted.preset} --style {path}: a style file stands in place of a preset: give one of them"
        raise InvalidRequest(either, hint="Names of sounds go with a style by --sounds.")
    style = Style.load(path)
    if wanted.intensity is not None:
        style = style.model_copy(update={"intensity": wanted.intensity})
    for name, colour, found in faint(style):
        told = f"style {path}: {name} {colour} is {found:.1f} : 1 from its ground {style.palette.ground}"
        err.print(f"{told}, and {TEXT} : 1 can be read", highlight=False, markup=False, soft_wrap=True)
    return style


def _settings(wanted: CaptionOptions, analysis: Analysis) -> cues.CueSettings:
    """The profile's bounds, or the defaults, with what else was asked for."""
    language = analysis.text_language
    rate = wanted.frames_per_s
    if wanted.profile:
        base = profile(wanted.profile).settings(language, rate)
    else:
        base = cues.CueSettings.for_language(language)
        base = base.at(rate) if rate else base
    if wanted.portrait:
        base = base.upright()
    changes: dict[str, Any] = {}
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
