"""What we write, another team's software reads: ttconv finds every cue, its times, its lines and who speaks."""

import io
import logging
import re
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest
import ttconv.imsc.reader
import ttconv.srt.reader
import ttconv.vtt.reader
import webvtt
from hypothesis import HealthCheck, given, settings
from ttconv import model

from ecg_audio.analysis import Segment
from ecg_audio.captions import ebuttd, srt, vtt
from ecg_audio.captions.cues import Cue, cues
from tests.captions.conftest import Talk
from tests.captions.test_cues import transcripts

Read = list[tuple[int, int, str]]


def read(document: model.ContentDocument) -> Read:
    """Begin and end, milliseconds, and text of every paragraph that a player would show."""
    found: Read = []
    body = document.get_body()
    for element in body.dfs_iterator() if body else ():
        if isinstance(element, model.P):
            text = "".join(
                "\n" if isinstance(part, model.Br) else part.get_text() if isinstance(part, model.Text) else ""
                for part in element.dfs_iterator()
            )
            found.append((_ms(element.get_begin() or 0), _ms(element.get_end()), _visible(text)))  # no begin: 0
    return found


def _ms(time_s: Fraction | float | None) -> int:
    assert time_s is not None
    return round(time_s * 1000)


def _visible(text: str) -> str:
    # SubRip has no escapes: what would be markup is kept text by a word joiner
    return "\n".join(re.sub(r"\s+", " ", line.replace("\u2060", "")).strip() for line in text.split("\n"))


def ours(found: tuple[Cue, ...]) -> Read:
    """The same of our cues."""
    return [(round(c.start_s * 1000), round(c.end_s * 1000), _visible("\n".join(c.texts))) for c in found]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments=transcripts())
def test_every_cue_comes_back_from_ebu_tt_d(segments: tuple[Segment, ...], caplog: pytest.LogCaptureFixture) -> None:
    """An IMSC reader takes any of our documents without a single complaint and finds the same cues."""
    found = cues(segments)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        document = ttconv.imsc.reader.to_model(ET.ElementTree(ET.fromstring(ebuttd.dumps(found, language="en"))))
    assert not caplog.records
    assert read(document) == ours(found)


def test_every_cue_comes_back_from_srt_and_webvtt(talk: Talk) -> None:
    """Times, lines, dashes and names come back; WebVTT's voices too."""
    found = cues(
        (
            talk(
                "I never said that at all", 0.0, speaker="Ann"
            ),  # ttconv itself stumbles over `&lt;` in a WebVTT voice
            talk("Oh yes you did", 0.6, speaker="B"),
            talk("{\\i1}no <b>such thing 00:01,000 --> 2", 9.0, speaker="B"),
            talk("한국어 자막", 16.0, speaker="A"),
            talk("مرحبا بكم", 20.0, speaker="A"),
        )
    )
    assert len(found) > 3
    assert read(ttconv.srt.reader.to_model(io.StringIO(srt.dumps(found)))) == ours(found)
    for preset in ("plain", "karaoke", "expressive"):
        written = vtt.dumps(found, preset)  # type: ignore[arg-type]
        assert read(ttconv.vtt.reader.to_model(io.StringIO(written))) == ours(found)
        voices = [caption.voice for caption in webvtt.from_string(written)]
        assert voices == [cue.speakers[0] for cue in found]


def test_speakers_come_back_from_ebu_tt_d(talk: Talk) -> None:
    """Every span's agent is the one who says it, under the name that the recording knows."""
    found = cues((talk("Really so", 0.0, speaker="A & <B>"), talk("yes", 5.0, speaker="C")))
    root = ET.fromstring(ebuttd.dumps(found))
    spaces = {"tt": ebuttd.TT, "ttm": ebuttd.TTM}
    names = {
        agent.attrib[f"{{{ebuttd.XML}}}id"]: agent.findtext("ttm:name", "", spaces)
        for agent in root.iterfind(".//ttm:agent", spaces)
    }
    said = [
        {names[span.attrib[f"{{{ebuttd.TTM}}}agent"]] for span in p.iterfind("tt:span", spaces)}
        for p in root.iterfind(".//tt:p", spaces)
    ]
    assert said == [{"A & <B>"}, {"C"}]
