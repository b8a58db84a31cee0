"""SRT, WebVTT and ASS: read back by independent parsers, and inert whatever was recognised."""

import html
import re
from itertools import pairwise

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings

from ecg_audio.analysis import Emotion, Segment
from ecg_audio.captions import ass, srt, vtt
from ecg_audio.captions.cues import Cue, cues
from ecg_audio.captions.styling import PRESETS, Preset, Style
from tests.captions.conftest import Talk, said
from tests.captions.test_cues import transcripts

LOUD = said(louder=1, higher=0.9)
QUIET = said(whispered=True, higher=-0.9)
HOSTILE = [
    r"{\pos(0,0)}moved",
    r"{\an8\fs200}",
    r"line\Nbreak",
    r"\h\n",
    "<script>alert(1)</script>",
    "<i>tag</i>",
    "a --> b",
    "00:00:01.000 --> 00:00:02.000",
    "&amp;&lt;",
    "quote\"'`",
    "NOTE",
    "STYLE",
    "WEBVTT",
    "العربية עברית",
    "👩\u200d👩\u200d👧",
    "{unclosed",
    "closed}",
    "C:\\path\\new",
    "\x00\x1b[2J\u202egnp.exe",
]


@pytest.fixture
def spoken(talk: Talk) -> tuple[Cue, ...]:
    """Three speakers, overlap, measured voices, an emotion, an unknown speaker."""
    return cues(
        (
            talk("I told you NEVER to quietly open the door", 0.5, voices={"NEVER": LOUD, "quietly": QUIET}),
            talk("well I did it anyway", 5, speaker="B", emotion=Emotion(label="anger", confidence=0.9, model="m")),
            talk("stop it", 5.4, speaker="C, <the> third"),
            talk("somebody else", 3605.25, speaker=None),
        )
    )


def shown(found: tuple[Cue, ...]) -> list[tuple[float, float, str]]:
    """Times and text of the cues, to the millisecond."""
    return [(round(cue.start_s, 3), round(cue.end_s, 3), "\n".join(cue.texts)) for cue in found]


def visible(text: str) -> str:
    """`text` as it is read: entities are their characters, and the joiners that keep markup inert are not seen."""
    return html.unescape(text).replace("\u2060", "")


def test_srt_reads_back(spoken: tuple[Cue, ...]) -> None:
    """An independent reader finds the same cues in SRT: times, lines, dashes."""
    back = webvtt.from_string(_as_vtt(srt.dumps(spoken)))
    assert [(c.start_in_seconds, c.end_in_seconds, visible(c.text)) for c in back] == [
        (int(start_s), int(end_s), text.replace("<the>", ""))  # this reader leaves out what looks like a tag
        for start_s, end_s, text in shown(spoken)
    ]
    again = pysubs2.SSAFile.from_string(srt.dumps(spoken), "srt")
    assert [(e.start / 1000, e.end / 1000, visible(e.plaintext)) for e in again] == shown(spoken)


def _as_vtt(text: str) -> str:
    return "WEBVTT\n\n" + re.sub(r"(\d\d:\d\d:\d\d),(\d{3})", r"\1.\2", text)


@pytest.mark.parametrize("preset", PRESETS)
def test_vtt_reads_back(spoken: tuple[Cue, ...], preset: Preset) -> None:
    """An independent reader finds the same cues in WebVTT in every preset, and each line's voice."""
    back = webvtt.from_string(vtt.dumps(spoken, preset))
    found = [(_seconds(c.start), _seconds(c.end), visible(c.text)) for c in back]
    assert found == [(a, b, text) for a, b, text in shown(spoken)]
    assert next(c.voice for c in back) == "A"


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = stamp.split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


@pytest.mark.parametrize("preset", PRESETS)
def test_ass_reads_back(spoken: tuple[Cue, ...], preset: Preset) -> None:
    """An independent reader finds the same cues in ASS in every preset, times in hundredths that are rounded down."""
    back = pysubs2.SSAFile.from_string(ass.dumps(spoken, preset), "ass")
    for event, (start_s, end_s, text) in zip(back, shown(spoken), strict=True):
        assert 0 <= start_s - event.start / 1000 < 0.0101
        assert 0 <= end_s - event.end / 1000 < 0.0101
        assert event.plaintext == text
        assert event.style in back.styles


def test_plain_has_no_markup_but_voices(spoken: tuple[Cue, ...]) -> None:
    """The plain preset adds nothing to the text."""
    assert not re.search(
        r"\\(?!N)|\{", "".join(e.text for e in pysubs2.SSAFile.from_string(ass.dumps(spoken, "plain")))
    )
    assert "STYLE" not in vtt.dumps(spoken, "plain")
    assert not re.search(r"<(?!/?v)", vtt.dumps(spoken, "plain"))


def test_karaoke_times_follow_the_words(spoken: tuple[Cue, ...]) -> None:
    """Syllable times add up to each word's own start and end, and VTT timestamps to its start."""
    first = spoken[0]
    assert syllables(spoken, 0) == [
        (round((word.start_s - first.start_s) * 100), round((word.end_s - first.start_s) * 100)) for word in first.words
    ]
    stamps = re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", vtt.dumps(spoken[:1], "karaoke"))
    assert stamps == [vtt.timestamp(word.start_s) for word in first.words[1:]]


def syllables(found: tuple[Cue, ...], index: int) -> list[tuple[int, int]]:
    """Begin and end of each karaoke syllable of a cue, hundredths of a second, as a renderer counts them."""
    event = pysubs2.SSAFile.from_string(ass.dumps(found, "karaoke"))[index]
    at_cs, times = 0, []
    for kind, length in re.findall(r"\\(kt|kf|k)(\d+)", event.text):
        if kind == "kt":
            at_cs = int(length)
            continue
        if kind == "kf":
            times.append((at_cs, at_cs + int(length)))
        at_cs += int(length)
    return times


def test_karaoke_goes_on_in_the_second_line(talk: Talk) -> None:
    """The clock runs through both lines of one speaker, and starts again for a second speaker."""
    both = cues((talk("this is a sentence of one speaker that goes on in the second line of a cue", word_s=0.3),))
    assert len(both[0].lines) == 2
    assert syllables(both, 0) == [(round(w.start_s * 100), round(w.end_s * 100)) for w in both[0].words]
    pair = cues((talk("I never said that", speaker="A"), talk("oh yes you did", 0.4, speaker="B")))
    assert pair[0].dashed
    assert syllables(pair, 0) == [(round(w.start_s * 100), round(w.end_s * 100)) for w in pair[0].words]


@settings(max_examples=40, deadline=None)
@given(transcripts())
def test_every_transcript_makes_wellformed_captions(segments: tuple[Segment, ...]) -> None:
    """Whatever is said in whatever rhythm, every format reads back as many cues, and times inside a cue only grow."""
    found = cues(segments)
    assert len(pysubs2.SSAFile.from_string(ass.dumps(found))) == len(found)
    assert srt.dumps(found).count(" --> ") == len(found)
    blocks = [block for block in vtt.dumps(found).split("\n\n") if " --> " in block]
    assert len(blocks) == len(found)
    for block in blocks:
        begin, end = block.split("\n")[0].split(" --> ")
        times = [begin, *re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", block), end]
        assert all(before < after for before, after in pairwise(times)), block


def test_expressive_marks_the_loud_and_the_quiet(spoken: tuple[Cue, ...]) -> None:
    """The loud word is heavier, larger and higher than its neighbours, the whispered one leans."""
    text = pysubs2.SSAFile.from_string(ass.dumps(spoken))[0].text
    loud = re.search(r"\{([^}]*)\}NEVER", text)
    quiet = re.search(r"\{([^}]*)\}quietly", text)
    assert loud and quiet
    assert re.search(r"\\b\d00|\\b8\d0", loud[1])
    assert all(tag in loud[1] for tag in (r"\fs", r"\frz"))
    assert r"\frz-" not in loud[1] and r"\frz-" in quiet[1]
    assert r"\i1" in quiet[1]
    sheet = vtt.dumps(spoken)
    assert re.search(r"<c\.w900\.z\d+>NEVER</c>", sheet)
    assert "::cue(.w900) { font-weight: 900 }" in sheet
    assert "text-decoration: underline #F0806A" in sheet


def test_every_word_that_follows_is_an_element_with_its_timestamp(spoken: tuple[Cue, ...]) -> None:
    """`::cue(:future)` matches elements alone: every word is one, and its timestamp stands right before it."""
    for preset in ("karaoke", "expressive"):
        document = vtt.dumps(spoken, preset)
        assert f"::cue(:future) {{ color: {Style.preset(preset).palette.unsaid} }}" in document
        body = document.split("\n\n", 2)[2]
        assert len(re.findall(r"<c[.>]", body)) == sum(len(cue.words) for cue in spoken)
        assert not re.search(r"<\d\d:[\d:.]+>(?!<c[.>])", body)
        bare = re.sub(r"<c[^>]*>.*?</c>|<v[^>]*>|</v>|<[\d:.]+>", "", body)
        assert not re.search("I|told|stop|anyway", bare)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("text", "encoding"), [("مرحبا بكم", -1), ("שלום לכם", -1), ("hello there", 1)])
def test_direction_is_that_of_the_text(talk: Talk, text: str, encoding: int, preset: Preset) -> None:
    """Right-to-left text has the encoding for which libass orders words by their direction, in every style."""
    back = pysubs2.SSAFile.from_string(ass.dumps(cues((talk(text), talk(text, 9, speaker="B"))), preset))
    assert {style.encoding for style in back.styles.values()} == {encoding}


def test_joined_letters_are_never_spaced(talk: Talk) -> None:
    """A drawn-out Arabic word keeps its letters together, and lights up whole; a Latin one is set wider and fills."""
    slow = said(slower=1)
    found = cues((talk("مرحبا slowly", voices={"مرحبا": slow, "slowly": slow}),))
    arabic, latin = re.findall(r"\{([^{}]+)\}(?:مرحبا|slowly)", ass.dumps(found))
    assert r"\fsp" not in arabic and r"\kf" not in arabic and r"\k30" in arabic
    assert r"\fsp" in latin and r"\kf30" in latin


def test_each_speaker_has_a_style(spoken: tuple[Cue, ...]) -> None:
    """Speakers have styles of their own; the one nobody knows has the default; a name with a comma breaks no field."""
    back = pysubs2.SSAFile.from_string(ass.dumps(spoken))
    assert [e.style for e in back] == ["Voice 1", "Voice 2", "Default"]
    assert back[1].name == "B / C; <the> third"
    assert len({str(style.primarycolor) for style in back.styles.values()}) == 4


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("preset", PRESETS)
def test_hostile_text_is_only_text(talk: Talk, text: str, preset: Preset) -> None:
    """Markup, escapes, cue times and overrides in recognised words change neither structure nor look."""
    harmless = cues((talk("before", 0), talk("after", 20)))
    found = cues((talk("before", 0), talk(text, 10, speaker=text), talk("after", 20)))
    assert len(found) >= len(harmless)

    script = ass.dumps(found, preset, title=text)
    events = pysubs2.SSAFile.from_string(script)
    assert len(events) == len(found)
    overrides = "".join(re.findall(r"\{(\\(?:k|org|\d?[abcfiru3]).*?)\}", "".join(e.text for e in events)))
    assert not re.search(r"pos|an8|fs200", overrides)
    assert script.count("[Events]") == 1

    document = vtt.dumps(found, preset)
    assert document.count("-->") == len(found)
    assert "<script" not in document and "<i>" not in document
    assert len(webvtt.from_string(document)) == len(found)

    subtitle = srt.dumps(found)
    assert subtitle.count("-->") == len(found)
    assert "<script" not in subtitle and "<i>" not in subtitle and r"{\an8" not in subtitle
    assert len(pysubs2.SSAFile.from_string(subtitle, "srt")) == len(found)


def test_no_cues_make_valid_documents() -> None:
    """A recording without speech has empty captions that parse."""
    assert srt.dumps(()) == ""
    assert vtt.dumps(()).startswith("WEBVTT\n")
    assert len(pysubs2.SSAFile.from_string(ass.dumps(()))) == 0


def test_upright_video_has_smaller_letters(spoken: tuple[Cue, ...]) -> None:
    """42 characters fit the width of a phone's upright video."""
    upright = pysubs2.SSAFile.from_string(ass.dumps(spoken, width=1080, height=1920))
    assert upright.styles["Default"].fontsize / ass.SIZE_PER_EM * 0.52 * 42 <= 0.91 * 1080


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("line_width", [16, 26, 42])
def test_upright_webvtt_is_large_and_stands_higher(spoken: tuple[Cue, ...], preset: Preset, line_width: int) -> None:
    """Every cue of upright WebVTT ends a fifth from below, in letters of which a full line fills most of the width."""
    document = vtt.dumps(spoken, preset, portrait=True, line_width=line_width)
    (size,) = map(int, re.findall(r"::cue \{ [^}]*font-size: (\d+)%", document))
    assert 0.7 < size / 100 * 0.05 * 0.52 * line_width <= 0.83
    tops = [int(top) for top in re.findall(r"--> [\d:.]+ line:(\d+)%\n", document)]
    for top, cue in zip(tops, spoken, strict=True):  # browsers: lines of 1.17 times 5 % of the shorter side
        assert top + len(cue.lines) * size * 0.05 * 9 / 16 * 1.17 == pytest.approx(80, abs=1)
    assert " line:" not in vtt.dumps(spoken, preset) and "::cue {" not in vtt.dumps(spoken, "plain")
    assert len(webvtt.from_string(document)) == len(spoken)


def test_a_style_of_ones_own_is_taken(spoken: tuple[Cue, ...]) -> None:
    """A style changes what is written, in each format that can show it."""
    calm = Style.preset("expressive", 0.2)
    assert ass.dumps(spoken, calm) != ass.dumps(spoken)
    assert vtt.dumps(spoken, calm) != vtt.dumps(spoken)


def test_formats_with_comments_say_what_is_left_out(spoken: tuple[Cue, ...]) -> None:
    """A NOTE in WebVTT and a comment in ASS name the number of words; neither reader shows them, nor sees a change."""
    said = "3 words that the recogniser wrote going in circles not shown"
    noted, commented = vtt.dumps(spoken, left_out=3), ass.dumps(spoken, left_out=3)
    assert f"\n\nNOTE {said}\n\n" in noted
    assert f"; {said}\n" in commented
    assert [c.text for c in webvtt.from_string(noted)] == [c.text for c in webvtt.from_string(vtt.dumps(spoken))]
    read = pysubs2.SSAFile.from_string(commented, "ass")
    assert [e.text for e in read] == [e.text for e in pysubs2.SSAFile.from_string(ass.dumps(spoken), "ass")]
    assert "NOTE" not in vtt.dumps(spoken)
    assert "going in circles" not in ass.dumps(spoken)
