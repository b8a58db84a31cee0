"""Contrast: every text stands out from its own ground by WCAG's 4.5 : 1, in the colours that are written."""

import re

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Segment
from ecg_audio.captions import ass, vtt
from ecg_audio.captions import contrast as own
from ecg_audio.captions.cues import Cue, cues
from ecg_audio.captions.styling import PRESETS, Preset, Style
from tests.captions.conftest import make_segment, said
from tests.support.colour_vision import contrast

LEAST = 4.5
SAID_FROM_UNSAID = 3.0  # WCAG 1.4.11, for what is told by colour alone
COLOURS = st.from_regex(r"#[0-9A-F]{6}", fullmatch=True)
WHISPER = said(whispered=True, louder=-0.9)


def spoken(speakers: int) -> tuple[Cue, ...]:
    """Each speaker says a usual and a whispered word."""
    said: list[Segment] = []
    for index in range(speakers):
        said.append(
            make_segment("usual secret", 3.0 * index, speaker=f"SPEAKER_{index:02d}", voices={"secret": WHISPER})
        )
    return cues(tuple(said))


def written(colour: pysubs2.Color) -> str:
    """A colour as `#RRGGBB`."""
    return f"#{colour.r:02X}{colour.g:02X}{colour.b:02X}"


@pytest.mark.parametrize("preset", PRESETS)
def test_ass_letters_stand_out_from_their_outline(preset: Preset) -> None:
    """Said, unsaid and whispered words of every speaker: none is see-through, all stand out, and what is lit is lit."""
    script = ass.dumps(spoken(9), preset)
    assert not re.search(r"\\(1a|2a|alpha)", script)
    for style in pysubs2.SSAFile.from_string(script).styles.values():
        ground = written(style.outlinecolor)
        assert style.outlinecolor.a == style.primarycolor.a == style.secondarycolor.a == 0
        assert style.outline >= 0.06 * style.fontsize
        assert contrast(written(style.primarycolor), ground) >= LEAST
        assert contrast(written(style.secondarycolor), ground) >= LEAST
        assert contrast(written(style.primarycolor), written(style.secondarycolor)) >= SAID_FROM_UNSAID
    overridden = re.findall(r"\\1c&H(..)(..)(..)&", script)
    assert bool(overridden) == (preset == "expressive")
    for blue, green, red in overridden:
        assert contrast(f"#{red}{green}{blue}", ground) >= LEAST
        assert contrast(f"#{red}{green}{blue}", written(style.secondarycolor)) >= 0.999 * SAID_FROM_UNSAID


@pytest.mark.parametrize("preset", ["karaoke", "expressive"])
def test_vtt_letters_stand_out_from_their_box(preset: Preset) -> None:
    """The style sheet's box is opaque, and every colour in it stands out from the box."""
    sheet = vtt.dumps(spoken(9), preset).split("\n\n")[1]
    (ground,) = re.findall(r"background-color: (#\w{6})", sheet)
    colours = re.findall(r"[ {]color: (#\w{6})", sheet)
    assert len(colours) > 9 and "opacity" not in sheet
    assert all(contrast(colour, ground) >= LEAST for colour in colours)
    (unsaid,) = re.findall(r"::cue\(:future\) { color: (#\w{6})", sheet)
    assert all(contrast(colour, unsaid) >= 0.999 * SAID_FROM_UNSAID for colour in colours if colour != unsaid)


@given(COLOURS, COLOURS)
def test_contrast_is_that_of_the_standard(one: str, other: str) -> None:
    """The ratio is the one that an independent reckoning finds, whichever colour comes first."""
    assert own.contrast(one, other) == own.contrast(other, one) == pytest.approx(contrast(one, other), rel=1e-3)


@given(COLOURS, st.floats(0, 1))
def test_whispers_are_paler_only_where_words_still_light_up(colour: str, opacity: float) -> None:
    """Without karaoke a whisper is as pale as asked; with it said and unsaid stay apart where the colour can do it."""
    karaoke, plain = Style.preset("karaoke"), Style.preset("plain")
    pale = own.paled(colour, opacity, karaoke)
    assert contrast(pale, karaoke.palette.unsaid) >= 0.999 * SAID_FROM_UNSAID or pale == colour
    exact = own.paled(colour, opacity, plain)
    for at in (1, 3, 5):
        share = int(colour[at : at + 2], 16) * opacity + int(plain.palette.ground[at : at + 2], 16) * (1 - opacity)
        assert abs(int(exact[at : at + 2], 16) - share) < 2.5


def test_light_palette_stands_out_from_the_pages_grounds() -> None:
    """Speakers' names are read on the page's ground and on the one of the segment being said."""
    palette = Style.preset("expressive").palette
    for ground in ("#fbfaf7", "#f1efe9", "#ffffff"):
        assert min(contrast(colour, ground) for colour in palette.light) >= LEAST
    for ground in ("#131519", "#0e1013", "#1b1e24"):
        assert min(contrast(colour, ground) for colour in palette.dark) >= LEAST
