"""EBU-TT-D: read back cue by cue, and valid by a schema that was written from EBU Tech 3380 alone."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given, settings
from PIL import ImageFont

from ecg_audio.analysis import Segment
from ecg_audio.captions import ebuttd, fonts
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.captions.styling import PRESETS, Preset
from tests.captions.conftest import Talk, said
from tests.captions.test_cues import transcripts
from tests.captions.test_formats import HOSTILE
from tests.support.colour_vision import contrast

NAMESPACES = {"tt": ebuttd.TT, "tts": ebuttd.TTS, "ttm": ebuttd.TTM, "ebuttm": ebuttd.EBUTTM}
ID, LANG = f"{{{ebuttd.XML}}}id", f"{{{ebuttd.XML}}}lang"
SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "ebu_tt_d" / "ebu_tt_d.xsd")


def read(document: str) -> list[tuple[str, str, str]]:
    """Begin, end and text of each cue."""
    found = []
    for paragraph in ET.fromstring(document).iterfind(".//tt:p", NAMESPACES):
        text = "".join("\n" if part.tag.endswith("}br") else part.text or "" for part in paragraph)
        found.append((paragraph.attrib["begin"], paragraph.attrib["end"], text))
    return found


def check(document: str) -> None:
    """The document keeps to the schema, every reference is to something there, and styles are only referred to."""
    assert [error.reason for error in SCHEMA.iter_errors(document)] == []
    root = ET.fromstring(document)
    kinds = {element.attrib[ID]: element.tag.partition("}")[2] for element in root.iter() if ID in element.attrib}
    for element in root.iter():
        for key, kind in (("style", "style"), ("region", "region"), (f"{{{ebuttd.TTM}}}agent", "agent")):
            assert {kinds[name] for name in element.attrib.get(key, "").split()} <= {kind}


@settings(max_examples=40, deadline=None)
@given(transcripts())
def test_every_transcript_reads_back(segments: tuple[Segment, ...]) -> None:
    """Times, lines, dashes and names are those of the cues; nothing is there that the format does not have."""
    found = cues(segments)
    document = ebuttd.dumps(found, language="en")
    check(document)
    assert [text for _, _, text in read(document)] == ["\n".join(cue.texts) for cue in found]
    for begin, end, _ in read(document):
        assert re.fullmatch(r"\d{2,}:\d\d:\d\d\.\d{3}", begin) and begin < end


@pytest.mark.parametrize("preset", PRESETS)
def test_speakers_voices_and_grounds(talk: Talk, preset: Preset) -> None:
    """Each word says who speaks it; loud ones are bold, whispered ones lean; all stand out by 4.5 : 1."""
    voices = {"NEVER": said(louder=1), "softly": said(whispered=True)}
    found = cues((talk("I NEVER did softly so", voices=voices), talk("you did", 5, speaker="B & <C>")))
    root = ET.fromstring(ebuttd.dumps(found, preset))
    agents = {
        agent.attrib[ID]: agent.findtext("ttm:name", "", NAMESPACES)
        for agent in root.iterfind(".//ttm:agent", NAMESPACES)
    }
    spans = list(root.iterfind(".//tt:span", NAMESPACES))
    assert [agents[span.attrib[f"{{{ebuttd.TTM}}}agent"]] for span in spans][-1] == "B & <C>"
    bold = [span.text for span in spans if "bold" in span.attrib["style"].split()]
    leaning = [span.text for span in spans if "italic" in span.attrib["style"].split()]
    assert ([text.strip() for text in bold if text], [text.strip() for text in leaning if text]) == (
        (["NEVER"], ["softly"]) if preset == "expressive" else ([], [])
    )
    for style in root.iterfind(".//tt:style", NAMESPACES):
        colour, ground = (style.get(f"{{{ebuttd.TTS}}}{name}") for name in ("color", "backgroundColor"))
        assert not colour or contrast(colour, str(ground)) >= 4.5


@pytest.mark.parametrize(("width", "height", "line_width"), [(1080, 1920, 26), (1920, 1080, 42), (1080, 1080, 37)])
def test_full_lines_have_room(talk: Talk, width: int, height: int, line_width: int) -> None:
    """In bold letters of Noto Sans, the widest lines that the bounds admit lie within the region, in any picture."""
    text = "we would warm the old room and someone from Woodhamstead would come down for more " * 6
    shown = cues((talk(text.strip()),), CueSettings(line_width=line_width))
    document = ET.fromstring(ebuttd.dumps(shown, width=width, height=height, line_width=line_width))
    usual = document.find(".//tt:style[@xml:id='usual']", NAMESPACES | {"xml": ebuttd.XML})
    assert usual is not None
    size = float(usual.attrib[f"{{{ebuttd.TTS}}}fontSize"].rstrip("%")) / 100 * height / 15
    font = ImageFont.truetype(fonts.TYPEFACE / "NotoSans-700.ttf", 100)
    room = 0.9 * width - width / 32  # half a column of padding on each side
    widest = max(font.getlength(line) * size / 100 for cue in shown for line in cue.texts)
    assert 0.55 * room < widest <= room


@pytest.mark.parametrize(("text", "style"), [("مرحبا بكم", "leftwards"), ("hello", None)])
def test_direction_is_written(talk: Talk, text: str, style: str | None) -> None:
    """A cue that begins with a right-to-left letter says so."""
    (paragraph,) = ET.fromstring(ebuttd.dumps(cues((talk(text),)))).iterfind(".//tt:p", NAMESPACES)
    assert paragraph.get("style") == style


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(talk: Talk, text: str) -> None:
    """Markup in words and names is letters."""
    found = cues((talk("before", 0), talk(text, 10, speaker=text)))
    document = ebuttd.dumps(found)
    check(document)
    assert [shown for _, _, shown in read(document)] == ["\n".join(cue.texts) for cue in found]


def test_silence_and_unknown_language_make_a_document() -> None:
    """Without cues there is no body; an undetermined language is empty."""
    document = ebuttd.dumps((), language="und")
    check(document)
    root = ET.fromstring(document)
    assert (root.find("tt:body", NAMESPACES), root.get(LANG)) == (None, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('ttp:timeBase="media"', 'ttp:timeBase="smpte"'),
        ('tts:origin="5% 10%" ', ""),
        ('tts:fontSize="80%"', 'tts:fontSize="12px"'),
        ('tts:color="#FFFFFF"', 'tts:color="white"'),
        ('begin="00:00:00.000"', 'begin="0s"'),
        ('xml:id="cue1" ', ""),
        ('style="text"', 'style="text" tts:color="#FFFFFF"'),
        ("<tt:span", "<tt:em"),
        ('region="below"', 'region="above"'),
        ('xml:lang=""', 'xml:lang="en_US"'),
    ],
)
def test_schema_finds_what_is_wrong(talk: Talk, right: str, wrong: str) -> None:
    """Each of these faults is found: the schema can fail."""
    document = ebuttd.dumps(cues((talk("hello there", speaker=None),)))
    assert right in document
    with pytest.raises((AssertionError, ET.ParseError, KeyError)):
        check(document.replace(right, wrong))


@pytest.mark.parametrize("language", ["en", "ko", "ar"])
def test_document_is_imsc_text(talk: Talk, language: str) -> None:
    """What IMSC 1 Text asks beyond the schema: its name, one region inside the picture, styles that it admits."""
    root = ET.fromstring(ebuttd.dumps(cues((talk("hello there"), talk("you", 3, speaker="B"))), language=language))
    assert "http://www.w3.org/ns/ttml/profile/imsc1/text" in [
        found.text for found in root.iterfind(".//ebuttm:conformsToStandard", NAMESPACES)
    ]
    assert not list(root.iterfind(".//tt:div//tt:div", NAMESPACES))
    for region in root.iterfind(".//tt:region", NAMESPACES):
        (left, top), (width, height) = (
            [float(part.rstrip("%")) for part in region.attrib[f"{{{ebuttd.TTS}}}{name}"].split()]
            for name in ("origin", "extent")
        )
        assert left + width <= 100 and top + height <= 100
    families = [style.get(f"{{{ebuttd.TTS}}}fontFamily") for style in root.iterfind(".//tt:style", NAMESPACES)]
    assert set(families) <= {None, "proportionalSansSerif"}  # of IMSC's recommended families
