"""EBU-TT-D, the European broadcasters' format for online subtitles; what it writes is IMSC 1 Text as well.

EBU Tech 3380: times of the media, one region, styles by reference alone. Of a voice it shows weight and slant; words do
not light up in it.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ecg_audio.captions.ass import full_line_em
from ecg_audio.captions.cues import Cue, CueWord
from ecg_audio.captions.styling import Look, Preset, Style, hues, look
from ecg_audio.captions.text import clean, runs_leftwards
from ecg_audio.captions.vtt import timestamp

TT, TTS, TTP, TTM = (f"http://www.w3.org/ns/ttml{part}" for part in ("", "#styling", "#parameter", "#metadata"))
EBUTTM, EBUTTS = "urn:ebu:tt:metadata", "urn:ebu:tt:style"
XML = "http://www.w3.org/XML/1998/namespace"
STANDARDS = ("urn:ebu:tt:distribution:2014-01", "http://www.w3.org/ns/ttml/profile/imsc1/text")
PREFIXES = {"tt": TT, "tts": TTS, "ttp": TTP, "ttm": TTM, "ebuttm": EBUTTM, "ebutts": EBUTTS}
BOLD_FROM = 600  # CSS weight: it knows two
ROWS = 15  # a cell is as high as one of them
LARGEST = 80  # percent of a cell


def dumps(
    cues: Sequence[Cue],
    style: Style | Preset = "expressive",
    *,
    language: str = "",
    width: int = 1920,
    height: int = 1080,
    line_width: int = 42,
) -> str:
    """The cues as an EBU-TT-D document.

    Args:
        cues: in order of time.
        style: a style or the name of a preset.
        language: ISO 639 code of the text; empty where it is not known.
        width: of the picture, pixels.
        height: of the picture, pixels; where it is larger the video is upright, and cues stand a fifth from below.
        line_width: what the cues' lines hold at most, narrow characters: a full line has room.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    colours = hues(tuple(cues), style.palette.dark)
    agents = {speaker: f"speaker{index}" for index, speaker in enumerate(colours, 1)}
    root = ET.Element(f"{{{TT}}}tt", {f"{{{TTP}}}timeBase": "media", f"{{{TTP}}}cellResolution": f"32 {ROWS}"})
    root.set(f"{{{XML}}}lang", "" if language == "und" else language)
    head = ET.SubElement(root, f"{{{TT}}}head")
    _metadata(head, agents)
    size = min(LARGEST, int(100 * ROWS * full_line_em(width, line_width) / height))
    _styling(head, style, {agents[speaker]: colour for speaker, colour in colours.items()}, size)
    layout = ET.SubElement(head, f"{{{TT}}}layout")
    region = ET.SubElement(layout, f"{{{TT}}}region", {f"{{{XML}}}id": "below"})
    region.set(f"{{{TTS}}}origin", "5% 10%")
    region.set(f"{{{TTS}}}extent", "90% 70%" if height > width else "90% 84%")
    region.set(f"{{{TTS}}}displayAlign", "after")
    if cues:  # a division holds at least one
        body = ET.SubElement(root, f"{{{TT}}}body")
        div = ET.SubElement(body, f"{{{TT}}}div", {"style": "usual"})
        for index, cue in enumerate(cues, 1):
            _paragraph(div, f"cue{index}", cue, style, agents)
    for prefix, name in PREFIXES.items():
        ET.register_namespace(prefix, name)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _metadata(head: ET.Element, agents: dict[str | None, str]) -> None:
    metadata = ET.SubElement(head, f"{{{TT}}}metadata")
    about = ET.SubElement(metadata, f"{{{EBUTTM}}}documentMetadata")
    for standard in STANDARDS:
        ET.SubElement(about, f"{{{EBUTTM}}}conformsToStandard").text = standard
    for speaker, name in agents.items():
        agent = ET.SubElement(metadata, f"{{{TTM}}}agent", {f"{{{XML}}}id": name, "type": "person"})
        ET.SubElement(agent, f"{{{TTM}}}name", {"type": "full"}).text = clean(speaker or "")


def _styling(head: ET.Element, style: Style, colours: dict[str, str], size: int) -> None:
    """Every style that a cue may refer to; `size` is in percent of a cell."""
    styling = ET.SubElement(head, f"{{{TT}}}styling")

    def add(name: str, **declared: str) -> ET.Element:
        made = ET.SubElement(styling, f"{{{TT}}}style", {f"{{{XML}}}id": name})
        for key, value in declared.items():
            made.set(f"{{{TTS}}}{key}", value)
        return made

    usual = add("usual", fontFamily="proportionalSansSerif", fontSize=f"{size}%", lineHeight="125%", textAlign="center")
    usual.set(f"{{{EBUTTS}}}linePadding", "0.5c")
    usual.set(f"{{{EBUTTS}}}multiRowAlign", "center")
    add("text", color="#FFFFFF", backgroundColor=style.palette.ground)
    for name, colour in colours.items():
        if style.speaker_colours:
            add(f"{name}Text", color=colour, backgroundColor=style.palette.ground)
    add("bold", fontWeight="bold")
    add("italic", fontStyle="italic")
    add("leftwards", direction="rtl", unicodeBidi="embed")


def _paragraph(div: ET.Element, name: str, cue: Cue, style: Style, agents: dict[str | None, str]) -> None:
    paragraph = ET.SubElement(div, f"{{{TT}}}p", {f"{{{XML}}}id": name, "region": "below"})
    paragraph.set("begin", timestamp(cue.start_s))
    paragraph.set("end", timestamp(cue.end_s))
    if runs_leftwards(cue.words[0].text):
        paragraph.set("style", "leftwards")
    for index, (lead, line) in enumerate(zip(cue.leads, cue.lines, strict=True)):
        if index:
            ET.SubElement(paragraph, f"{{{TT}}}br")
        speaker = line[0].speaker
        own = f"{agents[speaker]}Text" if speaker in agents and style.speaker_colours else "text"
        for classes, text in _spans(lead, line, style):
            span = ET.SubElement(paragraph, f"{{{TT}}}span", {"style": " ".join([own, *classes])})
            span.text = text
            if speaker in agents:
                span.set(f"{{{TTM}}}agent", agents[speaker])


def _spans(lead: str, line: Sequence[CueWord], style: Style) -> list[tuple[tuple[str, ...], str]]:
    """The line in stretches of words that look alike."""
    found: list[tuple[tuple[str, ...], str]] = [((), lead)] if lead else []
    for index, word in enumerate(line):
        classes = _classes(look(word, style))
        space = " " if index and word.spaced else ""
        if found and found[-1][0] == classes:
            found[-1] = (classes, found[-1][1] + space + word.text)
        else:
            if space:
                found[-1] = (found[-1][0], found[-1][1] + space)
            found.append((classes, word.text))
    return found


def _classes(shown: Look) -> tuple[str, ...]:
    return (("bold",) if shown.weight >= BOLD_FROM else ()) + (("italic",) if shown.italic else ())
