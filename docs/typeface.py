"""Makes the typeface that captions carry: Noto Sans (OFL), cut down to Latin, Greek and Cyrillic.

    pip install fontpkg-noto-sans==2.15 fonttools brotli
    PYTHONPATH=. python docs/typeface.py

libass takes a weight from a file of its own, browsers take all weights from one variable file.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import fontpkg_noto_sans
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from ecg_audio.captions.fonts import CARRIED

SOURCE = Path(fontpkg_noto_sans.__file__).parent / "files" / "NotoSans[wdth,wght].ttf"
SHA256 = "bfb7bb691513f12e734dc346c03a03f784912432d7e3fa8e56efcf906fe86b3d"
TARGET = Path(__file__).parents[1] / "ecg_audio" / "captions" / "typeface"
VIDEO, PAGE = TARGET / "video", TARGET / "page"
WEIGHTS = range(300, 1000, 100)


def main() -> None:
    """Write all files."""
    if hashlib.sha256(SOURCE.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{SOURCE} is not the file that this was made from")
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the same files each time
    for folder in (TARGET, VIDEO, PAGE):
        folder.mkdir(exist_ok=True)
    for weight in WEIGHTS:
        font = cut(TTFont(SOURCE, recalcTimestamp=False), [part for ranges in CARRIED.values() for part in ranges])
        instancer.instantiateVariableFont(font, {"wdth": 100, "wght": weight}, inplace=True)
        font["OS/2"].usWeightClass = weight
        # libass knows a family by its first name alone, and tells its files apart by their weight
        names = {1: "Noto Sans", 2: "Regular", 4: f"Noto Sans {weight}", 6: f"NotoSans-{weight}"}
        for number, name in names.items():
            font["name"].setName(name, number, 3, 1, 0x409)
        for number in (16, 17):
            font["name"].removeNames(nameID=number)
        font.save(VIDEO / f"NotoSans-{weight}.ttf")
    for name, ranges in CARRIED.items():
        font = cut(TTFont(SOURCE, recalcTimestamp=False), ranges)
        instancer.instantiateVariableFont(font, {"wdth": 100, "wght": (300, 400, 900)}, inplace=True)
        font.flavor = "woff2"
        font.save(PAGE / f"NotoSans-{name}.woff2")
    licence = Path(fontpkg_noto_sans.__file__).parent / "LICENSE"
    (TARGET / "OFL.txt").write_bytes(licence.read_bytes())


def cut(font: TTFont, ranges: Sequence[tuple[int, int]]) -> TTFont:
    """The font with the letters of `ranges` alone, their marks and their kerning."""
    options = subset.Options(
        layout_features=["kern", "mark", "mkmk", "ccmp", "locl"], hinting=False, name_IDs=["*"], notdef_outline=True
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[code for first, last in ranges for code in range(first, last + 1)])
    cutter.subset(font)
    return font


if __name__ == "__main__":
    main()
