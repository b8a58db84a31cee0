"""Advanced SubStation Alpha: everything a caption can show, rendered by libass (mpv, VLC, ffmpeg) and VSFilter."""

import math
from collections.abc import Sequence

import pysubs2
from pysubs2 import Alignment, Color

from ecg_audio.captions.contrast import WHITE, paled
from ecg_audio.captions.cues import Cue, Line
from ecg_audio.captions.fonts import FAMILY
from ecg_audio.captions.styling import PLAIN, Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean, omission, runs_leftwards

NOTICE = "Expressive captions by ecg-audio-analyzer"
LINE_EM = 0.52  # the mean advance of a character of running text
SIZE_PER_EM = 1.362  # ASS sizes a typeface from its highest to its lowest line: of ours, Noto Sans
EM_PER_HEIGHT = 0.05
OUTLINE_EM = 0.09  # a letter's own ground, wide enough to be read on any picture
BY_FIRST_LETTER = -1  # the encoding for which libass takes a line's direction from its first letter
PIVOT_PX = 1_000_000  # see `_shift`

_BREAK = "\u2060"  # word joiner: keeps a backslash from escaping what follows
_ESCAPES = str.maketrans({"\\": "\\" + _BREAK, "{": r"\{", "}": r"\}"})


def dumps(
    cues: Sequence[Cue],
    style: Style | Preset = "expressive",
    *,
    width: int = 1920,
    height: int = 1080,
    line_width: int = 42,
    title: str = "",
    left_out: int = 0,
) -> str:
    """The cues as an ASS script.

    Args:
        cues: in order of time.
        style: a style or the name of a preset.
        width: of the picture, pixels; sizes are relative to it and scale with any other.
        height: of the picture, pixels.
        line_width: what the cues' lines hold at most, narrow characters: shorter lines can be larger.
        title: for the script's header.
        left_out: how many words the cues do not show; a comment says so.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    em_px = usual_em_px(width, height, line_width)
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
    names: dict[str | None, str] = {speaker: f"Voice {index}" for index, speaker in enumerate(colours, 1)}
    usual = _usual(style, em_px, width, height)
    if any(runs_leftwards(word.text) for cue in cues for word in cue.words):
        usual.encoding = BY_FIRST_LETTER
    file.styles["Default"] = usual
    for speaker, colour in colours.items():
        file.styles[names[speaker]] = usual.copy()
        file.styles[names[speaker]].primarycolor = _colour(colour)
    for cue in cues:
        file.append(_event(cue, style, names, colours, em_px, height))
    notice = f"{NOTICE}\n{omission(left_out)}" if left_out else NOTICE
    return str(file.to_string("ass", header_notice=notice))


def usual_em_px(width: int, height: int, line_width: int = 42) -> int:
    """The usual letter size for a picture, pixels: by its height, unless its width could not hold a full line."""
    return round(min(EM_PER_HEIGHT * height, full_line_em(width, line_width)))


def full_line_em(width: float, line_width: int) -> float:
    """The letter size for which a line of running text, as long as it may be, has room in a picture of this width."""
    return 0.82 * width / (line_width * LINE_EM)


def _event(
    cue: Cue,
    style: Style,
    names: dict[str | None, str],
    colours: dict[str | None, str],
    em_px: int,
    height: int,
) -> pysubs2.SSAEvent:
    lines: list[str] = []
    clock_cs = 0
    for index, line in enumerate(cue.lines):
        reset = ""
        if cue.dashed and index:  # the second speaker has a colour and a karaoke clock of their own
            colour = rf"\r{names[line[0].speaker]}" if line[0].speaker in names else r"\rDefault" if names else ""
            # a syllable of no length: else the dash would be part of the last one
            reset = colour + (r"\kt0\k0" if style.follow else "")
            clock_cs = 0
        text, clock_cs = _line(cue, line, style, colours.get(line[0].speaker, WHITE), em_px, clock_cs)
        lines.append(_braced(reset) + cue.leads[index].translate(_ESCAPES) + text)
    shifted = any(look(word, style).shift_em for word in cue.words)
    pivot = rf"{{\org({-PIVOT_PX},{height})}}" if shifted else ""
    return pysubs2.SSAEvent(
        start=_event_ms(cue.start_s),
        end=_event_ms(cue.end_s),
        style=names.get(cue.speakers[0], "Default"),
        name=" / ".join(_field(speaker) for speaker in cue.speakers if speaker),
        text=pivot + r"\N".join(lines),
    )


def _event_ms(time_s: float) -> int:
    """A time in the hundredths that ASS has, rounded down: the frame of that time is the first to show the change."""
    return 10 * math.floor(time_s * 100 + 1e-6)


def _usual(style: Style, em_px: int, width: int, height: int) -> pysubs2.SSAStyle:
    return pysubs2.SSAStyle(
        fontname=FAMILY,  # renderers take their nearest where it is absent
        fontsize=round(em_px * SIZE_PER_EM, 1),
        primarycolor=_colour(WHITE),
        secondarycolor=_colour(style.palette.unsaid),
        outlinecolor=_colour(style.palette.ground),
        backcolor=Color(0, 0, 0, 128),
        outline=round(em_px * OUTLINE_EM, 1),
        shadow=round(em_px * 0.04, 1),
        alignment=Alignment.BOTTOM_CENTER,
        marginl=round(width * 0.05),
        marginr=round(width * 0.05),
        marginv=round(height * (0.2 if height > width else 0.06)),  # upright video has buttons and text at its foot
    )


def _colour(colour: str) -> Color:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return Color(red, green, blue, 0)


def _field(text: str) -> str:
    # the fields of an event are separated by commas
    return clean(text).replace(",", ";").translate(_ESCAPES)


def _line(cue: Cue, line: Line, style: Style, colour: str, em_px: int, clock_cs: int) -> tuple[str, int]:
    """One line's words with their overrides, and where the karaoke clock stands after it."""
    parts: list[str] = []
    for index, word in enumerate(line):
        space = " " if index and word.spaced else ""
        shown = look(word, style)
        tags = _tags(PLAIN, shown, em_px) + (
            rf"\1c{_written(paled(colour, shown.opacity, style))}" if shown.opacity < 1 else ""
        )
        if style.follow:
            begin_cs = max(clock_cs, _cs(cue, word.start_s))
            end_cs = max(begin_cs, _cs(cue, word.end_s))
            if begin_cs > clock_cs:  # a silent syllable: the space before the word
                space = rf"{{\k{begin_cs - clock_cs}}}{space}"
            # letters fill from the left, which is a word's end in Arabic or Hebrew: there it lights up whole
            kind = "k" if runs_leftwards(word.text) else "kf"
            tags = rf"\{kind}{end_cs - begin_cs}" + tags
            clock_cs = end_cs
        undo = _tags(shown, PLAIN, em_px) + (rf"\1c{_written(colour)}" if shown.opacity < 1 else "")
        # spaces are always plain
        parts += [space, _braced(tags), word.text.translate(_ESCAPES), _braced(undo)]
    return "".join(parts), clock_cs


def _braced(tags: str) -> str:
    return f"{{{tags}}}" if tags else ""


def _cs(cue: Cue, time_s: float) -> int:
    return round((min(time_s, cue.end_s) - cue.start_s) * 100)


def _tags(before: Look, shown: Look, em_px: int) -> str:
    """The overrides that lead from one look to another."""
    tags = ""
    if shown.weight != before.weight:
        tags += rf"\b{shown.weight}"
    if shown.size != before.size:
        tags += rf"\fs{em_px * SIZE_PER_EM * shown.size:.1f}"
    if shown.spacing_em != before.spacing_em:
        tags += rf"\fsp{em_px * shown.spacing_em:.1f}"
    if shown.shift_em != before.shift_em:
        tags += rf"\frz{_shift(em_px * shown.shift_em):.8f}"
    if shown.italic != before.italic:
        tags += rf"\i{int(shown.italic)}"
    if shown.accent != before.accent:
        tags += _accent(shown.accent, em_px)
    return tags


def _accent(accent: str | None, em_px: int) -> str:
    """An emotion colours the shadow: the letters keep their dark outline, hence their contrast."""
    if accent is None:
        return r"\4c\4a\shad"  # the speaker's own again
    return rf"\4c{_written(accent)}\4a&H00&\shad{em_px * (OUTLINE_EM + 0.03):.1f}"


def _written(colour: str) -> str:
    return f"&H{colour[5:7]}{colour[3:5]}{colour[1:3]}&".upper()


def _shift(pixels: float) -> float:
    """The rotation, degrees, that lifts a word by `pixels`.

    ASS has no baseline shift. A word turned by a hair about a point far to the left moves up and is not seen to turn.
    """
    return math.degrees(math.asin(pixels / PIVOT_PX))
