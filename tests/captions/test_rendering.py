"""ASS as libass draws it: what was loud, high and slow is seen to be heavier, higher and wider."""

import shutil
import subprocess
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pysubs2
import pytest

from ecg_audio.captions import ass, fonts
from ecg_audio.captions.cues import cues
from ecg_audio.captions.styling import PRESETS, Preset
from tests.captions.conftest import Voice, make_segment, said
from tests.support.colour_vision import contrast


def _libass() -> str:
    """Why libass cannot be asked here; empty if it can."""
    if shutil.which("ffmpeg") is None:
        return "no ffmpeg on PATH"
    filters = subprocess.run(["ffmpeg", "-hide_banner", "-filters"], capture_output=True, text=True, check=True)
    return "" if " ass " in filters.stdout else "this ffmpeg has no libass"


REASON = _libass()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

SIZES = [(1280, 720), (1920, 1080)]
USUAL = said(louder=0, higher=0, slower=0)
LOUD, QUIET = said(louder=1), said(louder=-1)
HIGH, LOW = said(higher=1), said(higher=-1)
SLOW = said(slower=1)


def drawn(folder: Path, text: str, voices: dict[str, Voice], size: tuple[int, int], preset: Preset) -> np.ndarray:
    """Brightness of the caption on black, at a time when all of it has been said: shape (height, width), uint8."""
    width, height = size
    segment = make_segment(text, word_s=0.2, speaker=None, voices={**dict.fromkeys(text.split(), USUAL), **voices})
    shown = cues((segment,))
    script = ass.dumps(shown, preset, width=width, height=height)
    (folder / "captions.ass").write_text(script, "utf-8")
    source = f"color=black:s={width}x{height}:r=10:d=3"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-ss", f"{shown[0].end_s - 0.15:.2f}"]
    command += [
        "-vf",
        fonts.drawing("captions.ass", folder),
        "-frames:v",
        "1",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
        "-",
    ]
    picture = subprocess.run(command, capture_output=True, check=True, cwd=folder).stdout
    return np.frombuffer(picture, np.uint8).reshape(height, width)


def letters(picture: np.ndarray, count: int) -> list[tuple[int, int, int, int, float]]:
    """The words of a one-line caption, left to right: left, right, top, bottom, ink. Widest gaps part words."""
    lit = picture > 140
    columns = np.flatnonzero(lit.any(axis=0))
    gaps = np.diff(columns)
    cuts = np.sort(np.argsort(gaps)[::-1][: count - 1])
    found = []
    for part in np.split(columns, cuts + 1):
        block = lit[:, part[0] : part[-1] + 1]
        rows = np.flatnonzero(block.any(axis=1))
        found.append((int(part[0]), int(part[-1]), int(rows[0]), int(rows[-1]), float(block.sum())))
    return found


@pytest.mark.parametrize("size", SIZES)
def test_loudest_word_is_heavier_and_larger(tmp_path: Path, size: tuple[int, int]) -> None:
    """Of three times the same word, the loud one has more height and ink than the usual, the quiet one less."""
    picture = drawn(tmp_path, "nine nine. nine!", {"nine.": LOUD, "nine!": QUIET}, size, "expressive")
    usual, loud, quiet = letters(picture, 3)
    heights = [bottom - top for _, _, top, bottom, _ in (quiet, usual, loud)]
    inks = [ink for *_, ink in (quiet, usual, loud)]
    assert heights[0] < heights[1] < heights[2]
    assert inks[0] < inks[1] < inks[2]
    assert inks[2] > 1.3 * inks[1]


@pytest.mark.parametrize("size", SIZES)
def test_high_word_stands_higher_and_slow_word_wider(tmp_path: Path, size: tuple[int, int]) -> None:
    """The same letters stand where the pitch puts them, and a slow word is wider by its three gaps between letters."""
    em = ass.usual_em_px(*size)
    picture = drawn(tmp_path, "moon moon, noon moon", {"moon,": HIGH, "noon": SLOW}, size, "expressive")
    usual, high, slow, again = letters(picture, 4)
    assert usual[2] - high[2] == pytest.approx(0.18 * em, abs=0.05 * em)
    assert again[2:4] == usual[2:4]
    plain = letters(drawn(tmp_path, "moon moon, noon moon", {"moon,": HIGH}, size, "expressive"), 4)[2]
    assert (slow[1] - slow[0]) - (plain[1] - plain[0]) == pytest.approx(3 * 0.14 * em, abs=3)  # whatever the font


def test_every_weight_is_a_real_one(tmp_path: Path) -> None:
    """From 300 to 900 each weight has more ink than the one before, whatever fonts the machine has."""
    inks = []
    for weight in range(300, 1000, 100):
        script = ass.dumps(cues((make_segment("nine"),)), "plain", width=1280, height=720)
        (tmp_path / "captions.ass").write_text(script.replace("nine", rf"{{\b{weight}}}nine"), "utf-8")
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=1280x720:d=1", "-ss", "0.2"]
        command += ["-vf", fonts.drawing("captions.ass", tmp_path), "-frames:v", "1", "-pix_fmt", "gray"]
        picture = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True, cwd=tmp_path)
        inks.append(int(np.frombuffer(picture.stdout, np.uint8).astype(int).sum()))
    assert all(heavier > 1.01 * lighter for lighter, heavier in pairwise(inks)), inks


@pytest.mark.parametrize("preset", ["plain", "karaoke"])
def test_presets_without_expression_draw_all_words_alike(tmp_path: Path, preset: Preset) -> None:
    """Plain and karaoke show no voice: loud and quiet words look the same."""
    first, second = letters(drawn(tmp_path, "noon onno", {"noon": LOUD, "onno": QUIET}, SIZES[0], preset), 2)
    assert first[2:] == pytest.approx(second[2:], rel=0.1)


@pytest.mark.parametrize("size", [*SIZES, (1080, 1920)])
def test_widest_line_stays_in_the_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    """A line of 42 wide letters is not clipped at either side."""
    words = "WWWWW MMMMM WWWWW MMMMM WWWWW MMMMM WWWWW"
    picture = drawn(tmp_path, words, dict.fromkeys(words.split(), USUAL), size, "expressive")
    columns = np.flatnonzero((picture > 60).any(axis=0))
    assert columns[0] > 0
    assert columns[-1] < size[0] - 1


def test_override_in_a_word_is_drawn_as_text(tmp_path: Path) -> None:
    r"""`{\fs300}` is seen as letters and changes no size."""
    plain = letters(drawn(tmp_path, "mm", {}, SIZES[0], "plain"), 1)[0]
    hostile = drawn(tmp_path, r"{\fs300}mm", {}, SIZES[0], "plain")
    rows = np.flatnonzero((hostile > 140).any(axis=1))
    assert rows[-1] - rows[0] < 3 * (plain[3] - plain[2])
    assert np.flatnonzero((hostile > 140).any(axis=0)).size > 2 * (plain[1] - plain[0])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("picture", ["khaki", "teal"])
def test_letters_are_ringed_by_their_own_ground(tmp_path: Path, picture: str, preset: Preset) -> None:
    """By pixels: letters, said or unsaid, are 4.5 : 1 from the outline that parts them from the picture."""
    shown = cues((make_segment("HHH HIH", 1.0, word_s=0.9, pause_s=0.1, speaker="A"),))
    script = ass.dumps(shown, preset, width=1280, height=720)
    (tmp_path / "captions.ass").write_text(script, "utf-8")
    style = pysubs2.SSAFile.from_string(script).styles[shown_style(script)]
    unsaid = (style.secondarycolor.r, style.secondarycolor.g, style.secondarycolor.b)
    said = (style.primarycolor.r, style.primarycolor.g, style.primarycolor.b)
    for at_s, colour in ((1.02, said if preset == "plain" else unsaid), (2.85, said)):
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color={picture}:s=1280x720:r=20:d=4"]
        command += [
            "-vf",
            f"format=rgb24,{fonts.drawing('captions.ass', tmp_path)}",
            "-ss",
            f"{at_s}",
            "-frames:v",
            "1",
            "-pix_fmt",
            "rgb24",
        ]
        drawn = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True, cwd=tmp_path).stdout
        pixels = np.frombuffer(drawn, np.uint8).reshape(720, 1280, 3).astype(int)
        inside = _near(pixels, np.array(colour))
        assert inside.sum() > 500
        ring = np.zeros_like(inside)
        for down, right in product((-3, 0, 3), repeat=2):
            ring |= np.roll(inside, (down, right), (0, 1))
        assert not (ring & _near(pixels, pixels[5, 5])).any()
        outline = pixels[ring & ~inside]
        darkest = outline[outline.sum(axis=1).argmin()]
        assert contrast(_hexadecimal(np.array(colour)), _hexadecimal(darkest)) >= 4.5


def shown_style(script: str) -> str:
    """The style of the first event."""
    return pysubs2.SSAFile.from_string(script)[0].style


def _near(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(pixels - colour).max(axis=2) <= 6)


def _hexadecimal(colour: np.ndarray) -> str:
    return "#" + "".join(f"{channel:02X}" for channel in colour)


@pytest.mark.parametrize("text", ["שלום לכולם ולכם", "مرحبا بكم جميعا"])
@pytest.mark.parametrize("preset", ["karaoke", "expressive"])
def test_words_light_up_from_right_to_left(tmp_path: Path, text: str, preset: Preset) -> None:
    """Of a Hebrew or Arabic line the first word stands at the right: while it alone is said, what is lit is there."""
    program = shutil.which("ffmpeg")
    assert program
    if fonts.missing(text, program):
        pytest.skip("no font here has these letters")
    segment = make_segment(text, 0.5, word_s=0.8, speaker="A", voices=dict.fromkeys(text.split(), USUAL))
    script = ass.dumps(cues((segment,)), preset, width=1280, height=720)
    (tmp_path / "captions.ass").write_text(script, "utf-8")
    style = pysubs2.SSAFile.from_string(script).styles[shown_style(script)]
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=1280x720:r=20:d=4"]
    command += [
        "-vf",
        f"format=rgb24,{fonts.drawing('captions.ass', tmp_path)}",
        "-ss",
        "1.0",
        "-frames:v",
        "1",
        "-pix_fmt",
        "rgb24",
    ]
    drawn = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True, cwd=tmp_path).stdout
    pixels = np.frombuffer(drawn, np.uint8).reshape(720, 1280, 3).astype(int)
    said, unsaid = (
        np.flatnonzero(_near(pixels, np.array([colour.r, colour.g, colour.b])).any(axis=0))
        for colour in (style.primarycolor, style.secondarycolor)
    )
    assert said.size and unsaid.size
    assert said.min() > unsaid.max()
