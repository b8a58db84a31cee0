"""Which letters can be drawn here, as libass sees them; and what to install for those that cannot.

Latin, Greek and Cyrillic are carried, in seven weights (`typeface/`, made by `docs/typeface.py`): they look the same on
every machine. Other scripts come from the machine's own fonts.
"""

import base64
import re
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecg_audio.errors import BurnFailed

FAMILY = "Noto Sans"
FOLDER = Path(__file__).parent / "typeface"
TYPEFACE = FOLDER / "video"
CARRIED = {
    "latin": ((0x20, 0x7E), (0xA0, 0x17F), (0x2000, 0x206F), (0x20A0, 0x20CF), (0x2116, 0x2122), (0x2190, 0x2193)),
    "more-latin": ((0x180, 0x24F), (0x2B0, 0x36F), (0x1E00, 0x1EFF)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x400, 0x52F),),
}
"""The code points of the carried typeface, by the files that a page takes it from."""
_MISSED = re.compile(r"failed to find any fallback with glyph 0x([0-9A-Fa-f]+)")
_PROBE = """[Script Info]
ScriptType: v4.00+
PlayResX: 640
PlayResY: 360

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,{font},20

[Events]
Format: Layer, Start, End, Style, Text
{events}
"""


def drawing(script: str, folder: Path) -> str:
    """The ffmpeg filter that draws an ASS file, with the carried typeface.

    Args:
        script: the file's name, in the folder that ffmpeg runs in.
        folder: that folder; what the filter needs is linked into it, since a filter's arguments have escapes of their
            own.
    """
    link = folder / "typeface"
    if not link.is_symlink():
        link.symlink_to(TYPEFACE)
    return f"ass={script}:fontsdir={link.name}"


def faces(text: str) -> str:
    """`@font-face` rules of a `Carried` typeface that load nothing: what `text` needs of it, and Latin in any case."""
    codes = set(map(ord, text))
    return "".join(
        _face(name)
        for name, ranges in CARRIED.items()
        if name == "latin" or any(first <= code <= last for code in codes for first, last in ranges)
    )


@cache
def _face(name: str) -> str:
    data = base64.b64encode((FOLDER / "page" / f"NotoSans-{name}.woff2").read_bytes()).decode()
    ranges = ",".join(f"U+{first:X}-{last:X}" for first, last in CARRIED[name])
    return (
        f'@font-face{{font-family:"Carried";font-weight:300 900;unicode-range:{ranges};'
        f'src:url(data:font/woff2;base64,{data}) format("woff2")}}\n'
    )


@dataclass(frozen=True, slots=True)
class Script:
    """A script, some of its letters, its letters' code points, and the Debian package of a font that has them."""

    name: str
    sample: str
    codes: tuple[tuple[int, int], ...]
    package: str = "fonts-noto-core"

    def has(self, character: str) -> bool:
        """Whether a character is one of this script's."""
        return any(first <= ord(character) <= last for first, last in self.codes)


SCRIPTS = (
    Script("Latin", "Aaéßłőğ", ((0x0041, 0x024F), (0x1E00, 0x1EFF))),
    Script("Greek", "Αλφα", ((0x0370, 0x03FF), (0x1F00, 0x1FFF))),
    Script("Cyrillic", "Жяїў", ((0x0400, 0x052F),)),
    Script("Hebrew", "שלום", ((0x0590, 0x05FF),)),
    Script("Arabic", "مرحبا", ((0x0600, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08FF), (0xFB50, 0xFEFF))),
    Script("Devanagari", "नमस्ते", ((0x0900, 0x097F),)),
    Script("other Indic scripts", "বাংলাதமிழ்తెలుగు", ((0x0980, 0x0DFF),)),
    Script("Thai", "สวัสดี", ((0x0E00, 0x0E7F),)),
    Script("Lao, Burmese, Khmer", "ລາວမြန်ខ្មែរ", ((0x0E80, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))),
    Script("Georgian, Armenian, Ethiopic", "ქართՀայአማ", ((0x0530, 0x058F), (0x10A0, 0x10FF), (0x1200, 0x139F))),
    Script("Korean", "한국어", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)), "fonts-noto-cjk"),
    Script("Japanese", "ひらカナ漢", ((0x3040, 0x30FF), (0x31F0, 0x31FF)), "fonts-noto-cjk"),
    Script(
        "Chinese",
        "汉字漢語",
        ((0x2E80, 0x2FDF), (0x3000, 0x303F), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
        "fonts-noto-cjk",
    ),
    Script("emoji", "😀🎉", ((0x2600, 0x27BF), (0x1F000, 0x1FAFF)), "fonts-noto-color-emoji"),
)
OTHER = Script("other scripts", "", (), "fonts-noto-core fonts-noto-extra")


def missing(characters: Iterable[str], ffmpeg: str) -> set[str]:
    """Those of `characters` for which libass finds no letter in any font here, hence draws a box.

    Args:
        characters: single characters; what is not seen (spaces, joiners) is not looked for.
        ffmpeg: a program with libass.

    Raises:
        BurnFailed: libass could not be asked.
    """
    seen = sorted({character for character in characters if unicodedata.category(character)[0] in "LMNPS"})
    if not seen:
        return set()
    lines = [
        "".join(seen[at : at + 200]).translate({ord("\\"): None, ord("{"): None, ord("}"): None})
        for at in range(0, len(seen), 200)
    ]
    events = "\n".join(f"Dialogue: 0,0:00:00.00,0:00:09.00,Default,{line}" for line in lines)
    with tempfile.TemporaryDirectory(prefix="ecg-fonts-") as folder:
        Path(folder, "probe.ass").write_text(_PROBE.format(font=FAMILY, events=events), "utf-8")
        command = [ffmpeg, "-hide_banner", "-v", "warning", "-nostdin", "-f", "lavfi", "-i", "color=s=640x360:d=1:r=1"]
        command += ["-vf", drawing("probe.ass", Path(folder)), "-frames:v", "1", "-f", "null", "-"]
        asked = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if asked.returncode:
        raise BurnFailed(f"libass could not be asked for its fonts: {asked.stderr.strip()[-300:]}")
    return {chr(int(code, 16)) for code in _MISSED.findall(asked.stderr)} & set(seen)


def scripts_of(characters: Iterable[str]) -> list[Script]:
    """The scripts that characters belong to, in the order of `SCRIPTS`."""
    left = set(characters)
    found = [script for script in SCRIPTS if any(script.has(character) for character in left)]
    if any(not any(script.has(character) for script in SCRIPTS) for character in left):
        found.append(OTHER)
    return found
