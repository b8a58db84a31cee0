"""Letters that no font here has: found before an hour of video is written, and named with what to install."""

import shutil
from pathlib import Path

import pytest

from ecg_audio.captions import ass, burn, fonts
from ecg_audio.captions.cues import cues
from ecg_audio.errors import BurnFailed, FontMissing
from tests.captions.conftest import make_segment
from tests.captions.test_burn import needs_libass, video  # noqa: F401 - the fixture


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("한국어", ["Korean"]),
        ("ひらがな漢字", ["Japanese", "Chinese"]),
        ("مرحبا hello", ["Latin", "Arabic"]),
        ("สวัสดี🎉", ["Thai", "emoji"]),
        ("𓀀", ["other scripts"]),
        ("", []),
    ],
)
def test_letters_belong_to_scripts(text: str, names: list[str]) -> None:
    """Each letter's script is known, with a package that has its letters; what is not known is said to be other."""
    found = fonts.scripts_of(text.replace(" ", ""))
    assert [script.name for script in found] == names
    assert all(script.package.startswith("fonts-") for script in found)


def test_every_script_has_its_own_sample() -> None:
    """A script's sample is made of its letters, and tells of no other script."""
    for script in fonts.SCRIPTS:
        assert any(script.has(character) for character in script.sample)
        assert script in fonts.scripts_of(script.sample)


@needs_libass
def test_libass_is_asked_for_its_letters() -> None:
    """Letters that every font has are there, private ones are not, and what is not seen is not looked for."""
    program = shutil.which("ffmpeg")
    assert program
    assert fonts.missing("ABC abc,.\u200f\u2060\\{}", program) == set()
    assert fonts.missing("A\U00010a60", program) <= {"\U00010a60"}  # Old South Arabian


def test_missing_letters_stop_before_anything_is_written(
    tmp_path: Path,
    video: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What libass misses is an error with the letters, the script and the package; no file is left."""
    said = r'echo "[ass] fontselect: failed to find any fallback with glyph 0xD55C for font: (Noto Sans, 400, 0)" >&2'
    _program(tmp_path, monkeypatch, said)
    script = ass.dumps(cues((make_segment("한국 hello"),)))
    with pytest.raises(FontMissing, match=r"Korean\): 한") as raised:
        burn.burn(video, script, tmp_path / "out.mp4")
    assert "fonts-noto-cjk" in raised.value.hint
    assert not (tmp_path / "out.mp4").exists()
    assert {name for name, package in burn.scripts().items() if package} == {"Korean"}


def test_fonts_that_cannot_be_asked_for_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A libass that fails says why."""
    _program(tmp_path, monkeypatch, "echo no memory >&2; exit 1")
    with pytest.raises(BurnFailed, match="no memory"):
        fonts.missing("a", "ffmpeg")


def _program(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "ffmpeg").write_text(
        f'#!/bin/sh\ncase "$*" in *-filters*) echo " .. ass V->V x";; *) {answer};; esac\n'
    )
    (programs / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    burn._ffmpeg.cache_clear()
