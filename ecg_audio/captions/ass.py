"""Advanced SubStation Alpha: everything a caption can show, rendered by libass (mpv, VLC, ffmpeg) and VSFilter."""

import math
from collections.abc import Sequence

import pysubs2
from pysubs2 import Alignment, Color

from ecg_audio.captions.cues import DASH, Cue, Line
from ecg_audio.captions.styling import PLAIN, Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean

FONT = "Noto Sans"  # renderers take their nearest where it is absent
LINE_EM = 0.52  # the mean advance of a character of running text
WHITE = "#FFFFFF"
UNSAID_OPACITY = 0.62  # of words still to come, where the style follows words
ACCENT_SHADE = 0.55  # an emotion colours the outline, dark enough for light letters
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
    font_px = round(min(0.058 * height, 0.9 * width / (42 * LINE_EM)))
    file = pysubs2.SSAFile()
    file.styles.clear()
    file.info.update(
        {
            "Title": clean(title) or "Captions",
            "PlayResX": str(width),
            "PlayResY": str(height),
            "WrapStyle": "2",  # the lines are ours
            "ScaledBorderAndShadow": "yes",
            "YCbCr Matrix": "TV.709",
        }
    )
    colours = hues(tuple(cues), style.palette.dark) if style.speaker_colours else {}
    names: dict[str | None, str] = {speaker: f"Speaker {index}" for index, speaker in enumerate(colours, 1)}
    file.styles["Default"] = _style(WHITE, font_px, width, height)
    for speaker, colour in colours.items():
        file.styles[names[speaker]] = _style(colour, font_px, width, height)
    for cue in cues:
        lines = []
        for index, line in enumerate(cue.lines):
            other = names.get(line[0].speaker, "Default")
            # the second speaker has a colour and a karaoke clock of their own
            reset = rf"{{\r{other}\kt0}}" if cue.dashed and index and style.follow | style.speaker_colours else ""
            lines.append(reset + _line(cue, line, style, font_px))
        event = pysubs2.SSAEvent(
            start=round(cue.start_s * 1000),
            end=round(cue.end_s * 1000),
            style=names.get(cue.speakers[0], "Default"),
            name=" / ".join(_field(speaker) for speaker in cue.speakers if speaker),
            text=_pivot(cue, style, height) + r"\N".join(lines),
        )
        file.append(event)
    return str(file.to_string("ass", header_notice="Expressive captions by ecg-audio-analyzer"))


def _style(colour: str, font_px: int, width: int, height: int) -> pysubs2.SSAStyle:
    return pysubs2.SSAStyle(
        fontname=FONT,
        fontsize=float(font_px),
        primarycolor=_colour(colour),
        secondarycolor=_colour(colour, UNSAID_OPACITY),
        outlinecolor=Color(16, 16, 20, 0),
        backcolor=Color(0, 0, 0, 128),
        outline=round(font_px * 0.055, 1),
        shadow=round(font_px * 0.03, 1),
        alignment=Alignment.BOTTOM_CENTER,
        marginl=round(width * 0.05),
        marginr=round(width * 0.05),
        marginv=round(height * 0.06),
    )


def _colour(colour: str, opacity: float = 1.0) -> Color:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return Color(red, green, blue, round(255 * (1 - opacity)))


def _field(text: str) -> str:
    # the fields of an event are separated by commas
    return clean(text).replace(",", ";").translate(_ESCAPES)


def _line(cue: Cue, line: Line, style: Style, font_px: int) -> str:
    parts: list[str] = []
    at_cs = 0
    before = PLAIN
    for index, word in enumerate(line):
        shown = look(word, style)
        tags = _tags(before, shown, font_px)
        if style.follow:
            begin_cs = max(at_cs, round((word.start_s - cue.start_s) * 100))
            end_cs = max(begin_cs, round((min(word.end_s, cue.end_s) - cue.start_s) * 100))
            wait = rf"{{\k{begin_cs - at_cs}}}"
            tags = rf"\kf{end_cs - begin_cs}" + tags
            at_cs = end_cs
        else:
            wait = ""
        space = " " if index and word.spaced else ""
        dash = DASH if cue.dashed and not index else ""
        parts.append(dash + wait + space + (f"{{{tags}}}" if tags else "") + word.text.translate(_ESCAPES))
        before = shown
    return "".join(parts)


def _tags(before: Look, shown: Look, font_px: int) -> str:
    """The overrides that lead from one word's look to the next."""
    tags = ""
    if shown.weight != before.weight:
        tags += rf"\b{shown.weight}"
    if shown.size != before.size:
        tags += rf"\fs{font_px * shown.size:.1f}"
    if shown.spacing_em != before.spacing_em:
        tags += rf"\fsp{font_px * shown.spacing_em:.1f}"
    if shown.shift_em != before.shift_em:
        tags += rf"\frz{_shift(font_px * shown.shift_em):.8f}"
    if shown.italic != before.italic:
        tags += rf"\i{int(shown.italic)}"
    if shown.opacity != before.opacity:
        tags += rf"\1a&H{round(255 * (1 - shown.opacity)):02X}&"
    if shown.accent != before.accent:
        tags += _outline(shown.accent)
    return tags


def _outline(accent: str | None) -> str:
    if accent is None:
        return r"\3c"  # the speaker's own again
    red, green, blue = (round(int(accent[at : at + 2], 16) * ACCENT_SHADE) for at in (1, 3, 5))
    return rf"\3c&H{blue:02X}{green:02X}{red:02X}&"


def _pivot(cue: Cue, style: Style, height: int) -> str:
    shifted = any(look(word, style).shift_em for word in cue.words)
    return rf"{{\org({-PIVOT_PX},{height})}}" if shifted else ""


def _shift(pixels: float) -> float:
    """The rotation, degrees, that lifts a word by `pixels`.

    ASS has no baseline shift. A word turned by a hair about a point far to the left moves up and is not seen to turn.
    """
    return math.degrees(math.asin(pixels / PIVOT_PX))
