"""WebVTT: voices, word timestamps, and a style sheet of the few properties that browsers apply to cues."""

from collections.abc import Sequence

from ecg_audio.captions.cues import DASH, Cue, CueWord, Line
from ecg_audio.captions.styling import PLAIN, Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def dumps(cues: Sequence[Cue], style: Style | Preset = "expressive") -> str:
    """The cues as a WebVTT document.

    Browsers size, weigh and colour parts of a cue but neither shift nor space them, so pitch and duration are not seen
    here; sizes and weights come in steps, as classes. Every word carries its timestamp where the style follows words.

    Args:
        cues: in order of time.
        style: a style or the name of a preset.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    colours = hues(tuple(cues), style.palette.dark) if style.speaker_colours else {}
    voices = {speaker: f"s{index}" for index, speaker in enumerate(colours, 1)}
    body = [_cue(cue, style, voices) for cue in cues]
    looks = {look(word, style) for cue in cues for word in cue.words}
    sheet = _sheet(looks, [(voices[speaker], colour) for speaker, colour in colours.items()], style)
    return "\n\n".join(["WEBVTT", *([sheet] if sheet else []), *body]) + "\n"


def _cue(cue: Cue, style: Style, voices: dict[str | None, str]) -> str:
    lines = []
    reached_s = cue.start_s
    for line in cue.lines:
        text, reached_s = _line(cue, line, style, voices, reached_s)
        lines.append(text)
    return "\n".join([f"{timestamp(cue.start_s)} --> {timestamp(cue.end_s)}", *lines])


def _line(cue: Cue, line: Line, style: Style, voices: dict[str | None, str], reached_s: float) -> tuple[str, float]:
    """One line, and the last timestamp in the cue so far: they may only grow, also where two speak at once."""
    parts = [DASH if cue.dashed else ""]
    for index, word in enumerate(line):
        parts.append(" " if index and word.spaced else "")
        start_s = round(word.start_s, 3)
        if style.follow and round(reached_s, 3) < start_s < round(cue.end_s, 3):
            parts.append(f"<{timestamp(start_s)}>")
            reached_s = start_s
        parts.append(_word(word, style))
    text = "".join(parts)
    speaker = line[0].speaker
    if speaker is None:
        return text, reached_s
    name = clean(speaker).translate(_ESCAPES) or "?"
    kind = f"v.{voices[speaker]}" if speaker in voices else "v"
    return f"<{kind} {name}>{text}</v>", reached_s


def _word(word: CueWord, style: Style) -> str:
    text = word.text.translate(_ESCAPES)
    classes = "".join(f".{name}" for name in _classes(look(word, style)))
    return f"<c{classes}>{text}</c>" if classes else text


def _classes(shown: Look) -> dict[str, str]:
    """Class names with what they declare."""
    found: dict[str, str] = {}
    weight = round(shown.weight / 100) * 100
    size = round(shown.size * 20) * 5
    if weight != PLAIN.weight:
        found[f"w{weight}"] = f"font-weight: {weight}"
    if size != 100:
        found[f"z{size}"] = f"font-size: {size}%"
    if shown.italic:
        found["whisper"] = f"font-style: italic; opacity: {shown.opacity}"
    if shown.accent:
        found[f"e{shown.accent[1:].lower()}"] = f"text-decoration: underline {shown.accent}"
    return found


def _sheet(looks: set[Look], voices: list[tuple[str, str]], style: Style) -> str:
    rules = {f"::cue(.{name})": colour for name, colour in ((name, f"color: {colour}") for name, colour in voices)}
    for shown in looks:
        rules.update({f"::cue(.{name})": declared for name, declared in _classes(shown).items()})
    if style.follow:
        rules["::cue(:future)"] = "opacity: 0.62"
    if not rules:
        return ""
    return "STYLE\n" + "\n".join(f"{selector} {{ {rules[selector]} }}" for selector in sorted(rules))


def timestamp(time_s: float) -> str:
    """`HH:MM:SS.mmm`; hours take as many digits as they need."""
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
