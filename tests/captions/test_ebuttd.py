"""EBU-TT-D: read back cue by cue, and made of nothing that EBU Tech 3380 does not have."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings

from ecg_audio.analysis import Segment
from ecg_audio.captions import ebuttd
from ecg_audio.captions.cues import cues
from ecg_audio.captions.styling import PRESETS, Preset
from tests.captions.conftest import Talk, said
from tests.captions.sight import contrast
from tests.captions.test_cues import transcripts
from tests.captions.test_formats import HOSTILE

NAMESPACES = {"tt": ebuttd.TT, "tts": ebuttd.TTS, "ttm": ebuttd.TTM, "ebuttm": ebuttd.EBUTTM}
ID, LANG = f"{{{ebuttd.XML}}}id", f"{{{ebuttd.XML}}}lang"
# which attributes each element may have, by EBU Tech 3380
ALLOWED = {
    "tt": "xml:lang ttp:timeBase ttp:cellResolution",
    "head": "", "metadata": "", "styling": "", "layout": "", "body": "", "br": "",
    "documentMetadata": "", "conformsToStandard": "", "agent": "xml:id type", "name": "type",
    "style": "xml:id tts:direction tts:fontFamily tts:fontSize tts:lineHeight tts:textAlign tts:color tts:fontStyle"
    " tts:backgroundColor tts:fontWeight tts:textDecoration tts:unicodeBidi tts:wrapOption ebutts:multiRowAlign"
    " ebutts:linePadding",
    "region": "xml:id tts:origin tts:extent style tts:displayAlign tts:padding tts:writingMode tts:overflow",
    "div": "xml:id region style ttm:agent",
    "p": "xml:id xml:lang region style begin end ttm:agent",
    "span": "xml:id xml:lang style begin end ttm:agent",
}  # fmt: skip
PREFIXES = {uri: prefix for prefix, uri in (ebuttd.PREFIXES | {"xml": ebuttd.XML}).items()}


def read(document: str) -> list[tuple[str, str, str]]:
    """Begin, end and text of each cue."""
    found = []
    for paragraph in ET.fromstring(document).iterfind(".//tt:p", NAMESPACES):
        text = "".join("\n" if part.tag.endswith("}br") else part.text or "" for part in paragraph)
        found.append((paragraph.attrib["begin"], paragraph.attrib["end"], text))
    return found


def check(document: str) -> None:
    """Every element and attribute is one of EBU-TT-D's, and every reference is to something there."""
    root = ET.fromstring(document)
    names = {element.attrib[ID] for element in root.iter() if ID in element.attrib}
    for element in root.iter():
        kind = element.tag.partition("}")[2]
        attributes = {re.sub(r"\{(.*)\}", lambda found: PREFIXES[found[1]] + ":", key) for key in element.attrib}
        assert attributes <= set(ALLOWED[kind].split()), (kind, attributes)
        for key in ("style", "region", f"{{{ebuttd.TTM}}}agent"):
            assert set(element.attrib.get(key, "").split()) <= names
    assert [child.tag.partition("}")[2] for child in root][:1] == ["head"]
    assert len(names) == sum(ID in element.attrib for element in root.iter())


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
