"""Advanced SubStation Alpha: everything a caption can show, rendered by libass (mpv, VLC, ffmpeg) and VSFilter."""

import math
from collections.abc import Sequence
from dataclasses import astuple

import pysubs2
from pysubs2 import Alignment, Color

from ecg_audio.captions.cues import DASH, Cue, Line
from ecg_audio.captions.styling import PLAIN, Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean

FONT = "Noto Sans"  # renderers take their nearest where it is absent
LINE_EM = 0.52  # the mean advance of a character of running text
WHITE = "#FFFFFF"
UNSAID = ("#9AA0AB", 0.5)  # what words still to come are mixed with, and how much, where the style follows words
PIVOT_PX = 1_000_000  # see `_shift`

_BREAK = "\u2060"  # word joiner: keeps a backslash from escaping what follows
_ESCAPES = str.maketrans({"\\": "\\" + _BREAK, "{": r"\{", "}": r"\}"})


def dumps(
    cues: Sequence[Cue],
    style: Style | Preset = "expressive",
    *,
    width: int = 1920,
    height: int = 1080,
    title: str = "",
) -> str:
    """The cues as an ASS script.

    Args:
        cues: in order of time.
        style: a style or the name of a preset.
        width: of the picture, pixels; sizes are relative to it and scale with any other.
        height: of the picture, pixels.
        title: for the script's header.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    size_px = font_px(width, height)
    file = pysubs2.SSAFile()
    file.styles.clear()
    file.info.update(
        {
            "Title": clean(title) or "Captions",
            "PlayResX": str(width),
            "PlayResY": str(height),
            "WrapStyle": "0",  # the lines are ours; a line of very wide letters turns rather than leave the picture
            "ScaledBorderAndShadow": "yes",
            "YCbCr Matrix": "TV.709",
        }
    )
    colours = hues(tuple(cues), style.palette.dark) if style.speaker_colours else {}
    names: dict[str | None, str] = {speaker: f"Speaker {index}" for index, speaker in enumerate(colours, 1)}
    file.styles["Default"] = _style(WHITE, size_px, width, height)
    for speaker, colour in colours.items():
        file.styles[names[speaker]] = _style(colour, size_px, width, height)
    for cue in cues:
        file.append(_event(cue, style, names, size_px, height))
    return str(file.to_string("ass", header_notice="Expressive captions by ecg-audio-analyzer"))


def font_px(width: int, height: int) -> int:
    """The usual letter size for a picture, pixels: by its height, unless its width could not hold a full line."""
    return round(min(0.058 * height, 0.9 * width / (42 * LINE_EM)))


def _event(cue: Cue, style: Style, names: dict[str | None, str], size_px: int, height: int) -> pysubs2.SSAEvent:
    lines: list[str] = []
    clock_cs = 0
    for index, line in enumerate(cue.lines):
        reset = ""
        if cue.dashed and index:  # the second speaker has a colour and a karaoke clock of their own
            colour = rf"\r{names[line[0].speaker]}" if line[0].speaker in names else r"\rDefault" if names else ""
            reset = colour + (r"\kt0" if style.follow else "")
            clock_cs = 0
        text, clock_cs = _line(cue, line, style, size_px, clock_cs)
        lines.append(_braced(reset) + text)
    shifted = any(look(word, style).shift_em for word in cue.words)
    pivot = rf"{{\org({-PIVOT_PX},{height})}}" if shifted else ""
    return pysubs2.SSAEvent(
        start=round(cue.start_s * 1000),
        end=round(cue.end_s * 1000),
        style=names.get(cue.speakers[0], "Default"),
        name=" / ".join(_field(speaker) for speaker in cue.speakers if speaker),
        text=pivot + r"\N".join(lines),
    )


def _style(colour: str, size_px: int, width: int, height: int) -> pysubs2.SSAStyle:
    return pysubs2.SSAStyle(
        fontname=FONT,
        fontsize=float(size_px),
        primarycolor=_colour(colour),
        secondarycolor=_mixed(colour, *UNSAID),
        outlinecolor=Color(16, 16, 20, 0),
        backcolor=Color(0, 0, 0, 128),
        outline=round(size_px * 0.055, 1),
        shadow=round(size_px * 0.03, 1),
        alignment=Alignment.BOTTOM_CENTER,
        marginl=round(width * 0.05),
        marginr=round(width * 0.05),
        marginv=round(height * 0.06),
    )


def _colour(colour: str) -> Color:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return Color(red, green, blue, 0)


def _mixed(colour: str, other: str, share: float) -> Color:
    one, two = astuple(_colour(colour)), astuple(_colour(other))
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(one[:3], two[:3], strict=True))
    return Color(red, green, blue, 0)


def _field(text: str) -> str:
    # the fields of an event are separated by commas
    return clean(text).replace(",", ";").translate(_ESCAPES)


def _line(cue: Cue, line: Line, style: Style, size_px: int, clock_cs: int) -> tuple[str, int]:
    """One line's words with their overrides, and where the karaoke clock stands after it."""
    parts = [DASH] if cue.dashed else []
    for index, word in enumerate(line):
        space = " " if index and word.spaced else ""
        shown = look(word, style)
        tags = _tags(PLAIN, shown, size_px)
        if style.follow:
            begin_cs = max(clock_cs, _cs(cue, word.start_s))
            end_cs = max(begin_cs, _cs(cue, word.end_s))
            if begin_cs > clock_cs:  # a silent syllable: the space before the word
                space = rf"{{\k{begin_cs - clock_cs}}}{space}"
            tags = rf"\kf{end_cs - begin_cs}" + tags
            clock_cs = end_cs
        undo = _tags(shown, PLAIN, size_px)  # spaces are always plain
        parts += [space, _braced(tags), word.text.translate(_ESCAPES), _braced(undo)]
    return "".join(parts), clock_cs


def _braced(tags: str) -> str:
    return f"{{{tags}}}" if tags else ""


def _cs(cue: Cue, time_s: float) -> int:
    return round((min(time_s, cue.end_s) - cue.start_s) * 100)


def _tags(before: Look, shown: Look, size_px: int) -> str:
    """The overrides that lead from one look to another."""
    tags = ""
    if shown.weight != before.weight:
        tags += rf"\b{shown.weight}"
    if shown.size != before.size:
        tags += rf"\fs{size_px * shown.size:.1f}"
    if shown.spacing_em != before.spacing_em:
        tags += rf"\fsp{size_px * shown.spacing_em:.1f}"
    if shown.shift_em != before.shift_em:
        tags += rf"\frz{_shift(size_px * shown.shift_em):.8f}"
    if shown.italic != before.italic:
        tags += rf"\i{int(shown.italic)}"
    if shown.opacity != before.opacity:
        tags += rf"\1a&H{round(255 * (1 - shown.opacity)):02X}&"
    if shown.accent != before.accent:
        tags += _accent(shown.accent, size_px)
    return tags


def _accent(accent: str | None, size_px: int) -> str:
    """An emotion colours the shadow: the letters keep their dark outline, hence their contrast."""
    if accent is None:
        return r"\4c\4a\shad"  # the speaker's own again
    return rf"\4c&H{accent[5:7]}{accent[3:5]}{accent[1:3]}&\4a&H00&\shad{size_px * 0.07:.1f}"


def _shift(pixels: float) -> float:
    """The rotation, degrees, that lifts a word by `pixels`.

    ASS has no baseline shift. A word turned by a hair about a point far to the left moves up and is not seen to turn.
    """
    return math.degrees(math.asin(pixels / PIVOT_PX))
