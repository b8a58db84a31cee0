"""WebVTT: voices, word timestamps, and a style sheet of the few properties that browsers apply to cues."""

from collections.abc import Sequence

from ecg_audio.captions.ass import usual_em_px
from ecg_audio.captions.contrast import WHITE, paled
from ecg_audio.captions.cues import Cue, CueWord, Line
from ecg_audio.captions.styling import PLAIN, Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean, omission

FOOT = 80  # where upright captions end, percent of the height from above
LINES = 30  # of the usual size, one under another, fill the picture's height

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def dumps(
    cues: Sequence[Cue],
    style: Style | Preset = "expressive",
    *,
    left_out: int = 0,
    portrait: bool = False,
    line_width: int = 42,
) -> str:
    """The cues as a WebVTT document.

    Browsers size, weigh and colour parts of a cue but neither shift nor space them, so pitch and duration are not seen
    here; sizes and weights come in steps, as classes. Where the style follows words, every word is an element with its
    timestamp before it: `::cue(:future)` matches elements only.

    Args:
        cues: in order of time.
        style: a style or the name of a preset.
        left_out: how many words the cues do not show; a NOTE says so.
        portrait: whether the video is upright: cues end a fifth from below, in letters that fill the width.
        line_width: what the cues' lines hold at most, narrow characters; it decides the size of upright letters.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    colours = hues(tuple(cues), style.palette.dark) if style.speaker_colours else {}
    voices = {speaker: f"s{index}" for index, speaker in enumerate(colours, 1)}
    rules: dict[str, str] = {f".{voices[speaker]}": f"color: {colour}" for speaker, colour in colours.items()}
    size = upright_size(line_width) if portrait else None
    body = [_cue(cue, style, voices, colours, rules, size) for cue in cues]
    sheet = _sheet(rules, style, size)
    note = [f"NOTE {omission(left_out)}"] if left_out else []
    return "\n\n".join(["WEBVTT", *note, *([sheet] if sheet else []), *body]) + "\n"


def upright_size(line_width: int) -> int:
    """The size of letters that fill an upright picture, percent of a browser's usual: 5 % of the shorter side."""
    return round(100 * usual_em_px(1080, 1920, line_width) / (0.05 * 1080))


def _cue(
    cue: Cue,
    style: Style,
    voices: dict[str | None, str],
    colours: dict[str | None, str],
    rules: dict[str, str],
    size: int | None,
) -> str:
    """One cue; what its classes declare is added to `rules`."""
    lines = []
    reached_s = cue.start_s
    for lead, line in zip(cue.leads, cue.lines, strict=True):
        colour = colours.get(line[0].speaker, WHITE)
        text, reached_s = _line(cue, line, style, colour, rules, reached_s)
        lines.append(_voiced(lead.translate(_ESCAPES) + text, line[0].speaker, voices))
    # a cue hangs from its line: Chromium reads `line:80%,end` and does not heed the end
    settings = f" line:{FOOT - round(len(lines) * size / LINES)}%" if size else ""
    return "\n".join([f"{timestamp(cue.start_s)} --> {timestamp(cue.end_s)}{settings}", *lines])


def _line(
    cue: Cue, line: Line, style: Style, colour: str, rules: dict[str, str], reached_s: float
) -> tuple[str, float]:
    """One line, and the last timestamp in the cue so far: they may only grow, also where two speak at once."""
    parts: list[str] = []
    for index, word in enumerate(line):
        parts.append(" " if index and word.spaced else "")
        start_s = round(word.start_s, 3)
        if style.follow and round(reached_s, 3) < start_s < round(cue.end_s, 3):
            parts.append(f"<{timestamp(start_s)}>")
            reached_s = start_s
        parts.append(_word(word, style, colour, rules))
    return "".join(parts), reached_s


def _voiced(text: str, speaker: str | None, voices: dict[str | None, str]) -> str:
    if speaker is None:
        return text
    name = clean(speaker).translate(_ESCAPES) or "?"
    kind = f"v.{voices[speaker]}" if speaker in voices else "v"
    return f"<{kind} {name}>{text}</v>"


def _word(word: CueWord, style: Style, colour: str, rules: dict[str, str]) -> str:
    text = word.text.translate(_ESCAPES)
    declared = _classes(look(word, style), colour, style)
    rules.update({f".{name}": rule for name, rule in declared.items()})
    classes = "".join(f".{name}" for name in declared)
    return f"<c{classes}>{text}</c>" if classes or style.follow else text


def _classes(shown: Look, colour: str, style: Style) -> dict[str, str]:
    """Class names with what they declare; `colour` is the speaker's."""
    found: dict[str, str] = {}
    weight = round(shown.weight / 100) * 100
    size = round(shown.size * 20) * 5
    if weight != PLAIN.weight:
        found[f"w{weight}"] = f"font-weight: {weight}"
    if size != 100:
        found[f"z{size}"] = f"font-size: {size}%"
    if shown.italic:
        found["whisper"] = "font-style: italic"
    if shown.opacity < 1:
        pale = paled(colour, shown.opacity, style)
        found[f"p{pale[1:].lower()}"] = f"color: {pale}"
    if shown.accent:
        found[f"e{shown.accent[1:].lower()}"] = f"text-decoration: underline {shown.accent}"
    return found


def _sheet(rules: dict[str, str], style: Style, size: int | None) -> str:
    """The style sheet: what is said has its own ground, whatever the picture, and what is not yet said steps back."""
    if not rules and not style.follow and not size:
        return ""
    found = {f"::cue({selector})": rule for selector, rule in rules.items()}
    found["::cue"] = f"background-color: {style.palette.ground}" + (f"; font-size: {size}%" if size else "")
    lines = [f"{selector} {{ {found[selector]} }}" for selector in sorted(found)]
    if style.follow:  # last, so that it prevails
        lines.append(f"::cue(:future) {{ color: {style.palette.unsaid} }}")
    return "STYLE\n" + "\n".join(lines)


def timestamp(time_s: float) -> str:
    """`HH:MM:SS.mmm`; hours take as many digits as they need."""
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
