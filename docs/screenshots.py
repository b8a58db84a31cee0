"""Pictures of the report page and of the captions, for the documentation.

    python docs/screenshots.py analysis.json recording.mp4 --frames frames.parquet --at 12.5

Needs Chromium and chromedriver on PATH for the page, an ffmpeg with libass for the captions on a picture, and fonts for
Hebrew, Arabic, Thai, Korean and Japanese (Debian: fonts-noto-core, fonts-noto-cjk).
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from selenium import webdriver

from ecg_audio.analysis import Analysis, Emphasis, Event, RelativeVoice, Segment, SpokenWord
from ecg_audio.captions import ass, burn, fonts, html
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.captions.sounds import Sound, label
from ecg_audio.captions.styling import PRESETS

DESKTOP, PHONE = (1440, 900), (390, 844)
APART_PX = 6
SAID = {  # a sentence in each script, and which of its words is loud, whispered and drawn out
    "en": ("I told you never to open that door.", 3, 5, 7),
    "ar": ("قلت لك ألا تفتح هذا الباب أبدا.", 2, 3, 6),
    "he": ("אמרתי לך לא לפתוח את הדלת הזאת.", 2, 3, 6),
    "th": ("ฉัน บอก คุณ แล้ว ว่า อย่า เปิด ประตู บาน นั้น", 5, 7, 9),
    "ko": ("그 문을 절대로 열지 말라고 했다.", 2, 3, 5),
    "ja": ("その ドアを 決して 開け ないで ね。", 2, 1, 3),
}
UNSPACED = {"th", "ja"}  # here written with spaces to tell the words
SHOTS = {
    "report-desktop-light": (DESKTOP, "light"),
    "report-desktop-dark": (DESKTOP, "dark"),
    "report-phone-light": (PHONE, "light"),
    "report-phone-dark": (PHONE, "dark"),
}


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("analysis", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--frames", type=Path, help="the result's frames table, for the curves")
    parser.add_argument("--at", type=float, default=1.0, help="seconds into the recording")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    given = parser.parse_args()
    analysis = Analysis.model_validate_json(given.analysis.read_text("utf-8"))
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        of_the_page(analysis, given.recording, given.frames, given.at, given.out, Path(folder))
        of_the_captions(analysis, given.at, given.out, Path(folder))
        of_the_sounds(given.out, Path(folder))
        of_the_scripts(given.out, Path(folder))
    for picture in [*given.out.glob("report-*.png"), *given.out.glob("captions-*.png")]:
        shrink(picture)


def of_the_page(analysis: Analysis, recording: Path, frames: Path | None, at_s: float, out: Path, folder: Path) -> None:
    """The report page at two sizes, light and dark."""
    media = shutil.copy(recording, folder / f"recording{recording.suffix}")
    kind = "video" if recording.suffix in {".mp4", ".mov", ".mkv", ".webm", ".avi"} else "audio"
    curves = None
    if frames:
        table = pq.read_table(frames, columns=["rms_dbfs", "f0_hz"])
        curves = {name: table[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in table.column_names}
    page = folder / "report.html"
    page.write_text(html.page(analysis, curves, media_href=Path(media).name, media_kind=kind), "utf-8")
    with chromium() as browser:
        for name, ((width, height), theme) in SHOTS.items():
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            scheme = {"name": "prefers-color-scheme", "value": theme}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            browser.get(page.as_uri())
            time.sleep(1)
            browser.execute_script(
                "const seek = document.getElementById('seek'); seek.value = arguments[0];"
                "seek.dispatchEvent(new Event('input'))",
                at_s,
            )
            time.sleep(1)  # the recording seeks, the captions fade
            browser.save_screenshot(str(out / f"{name}.png"))
            browser.execute_script("scrollTo(0, document.body.scrollHeight)")
            time.sleep(0.5)
            browser.save_screenshot(str(out / f"{name}-foot.png"))


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A headless browser."""
    options = webdriver.ChromeOptions()
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", "mute-audio"):
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or ""))
    try:
        yield browser
    finally:
        browser.quit()


def of_the_captions(analysis: Analysis, at_s: float, out: Path, folder: Path) -> None:
    """What is shown at `at_s` in every preset, by libass: on a lying picture and on an upright one."""
    bounds = CueSettings.for_language(analysis.language)
    upright = bounds.upright()
    for name, (width, height), settings, view, across in (
        ("captions-presets", (1280, 720), bounds, "crop=1280:270:0:450", 1),
        ("captions-upright", (720, 1280), upright, "scale=426:-2", 3),
    ):
        shown = cues(analysis.segments, settings)
        if not any(cue.start_s <= at_s < cue.end_s for cue in shown):
            raise SystemExit(f"{name}: no caption is shown at {at_s} s; say another --at")
        frames = [
            drawn(
                ass.dumps(shown, preset, width=width, height=height, line_width=settings.line_width),
                (width, height),
                f"{name}-{preset}",
                folder,
                view,
                at_s,
            )
            for preset in PRESETS
        ]
        joined(frames, across, out / f"{name}.png", folder)


def of_the_sounds(out: Path, folder: Path) -> None:
    """What viewers read who cannot hear: a speaker's name, a sound after the sentence, a silence after the sound."""
    said = spoken("en").model_copy(update={"speaker": "Ann"})
    said = said.model_copy(update={"words": tuple(w.model_copy(update={"speaker": "Ann"}) for w in said.words)})
    events = (
        Event(kind="laughter", start_s=said.end_s + 0.3, end_s=said.end_s + 2.3, found_by="recogniser"),
        Event(kind="pause", start_s=said.end_s + 2.5, end_s=said.end_s + 7, found_by="frames"),
    )
    heard = [Sound(event.start_s, event.end_s, label(event, "en")) for event in events]
    script = ass.dumps(cues((said,), CueSettings(names="always"), heard), "plain", width=1280, height=720)
    frames = [
        drawn(script, (1280, 720), f"sounds-{at}", folder, "crop=760:100:260:600", at_s)
        for at, at_s in enumerate((1.5, said.end_s + 1.5, said.end_s + 4))
    ]
    joined(frames, 1, out / "captions-sounds.png", folder)


def of_the_scripts(out: Path, folder: Path) -> None:
    """A sentence in six scripts and three presets; its last words are still to come."""
    strips = {
        language: [
            drawn(
                ass.dumps(cues((spoken(language),)), preset, width=1280, height=720),
                (1280, 720),
                f"{language}-{preset}",
                folder,
                "crop=760:100:260:600",
            )
            for preset in PRESETS
        ]
        for language in SAID
    }
    left, right = [*SAID][: len(SAID) // 2], [*SAID][len(SAID) // 2 :]
    rows = [(strips[one][at], strips[other][at]) for one, other in zip(left, right, strict=True) for at in range(3)]
    joined([strip for row in rows for strip in row], 2, out / "captions-scripts.png", folder)


def joined(names: list[str], across: int, target: Path, folder: Path) -> None:
    """Pictures of one size in rows, a little apart."""
    pictures = [Image.open(folder / name).convert("RGB") for name in names]
    width, height = pictures[0].width + APART_PX, pictures[0].height + APART_PX
    down = -(-len(pictures) // across)
    whole = Image.new("RGB", (across * width - APART_PX, down * height - APART_PX), "white")
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index % across * width, index // across * height))
    whole.save(target)


def spoken(language: str) -> Segment:
    """The sentence of a language, its words a third of a second each."""
    text, loud, whispered, slow = SAID[language]
    voices = {
        loud: {"emphasis": Emphasis(louder=1, higher=0.9)},
        whispered: {"emphasis": Emphasis(louder=-0.9), "relative": RelativeVoice(volume="whisper")},
        slow: {"emphasis": Emphasis(slower=1)},
    }
    words = tuple(
        SpokenWord(text=word, start_s=0.33 * at, end_s=0.33 * at + 0.3, speaker="SPEAKER_00", **voices.get(at, {}))
        for at, word in enumerate(text.split())
    )
    written = text.replace(" ", "") if language in UNSPACED else text
    return Segment(id=0, start_s=0, end_s=words[-1].end_s, speaker="SPEAKER_00", text=written, words=words)


def drawn(script: str, size: tuple[int, int], name: str, folder: Path, view: str, at_s: float = 1.5) -> str:
    """The name of a picture of captions at a time; of the sentences above, nearly at their end.

    Raises:
        FontMissing: no font here has some of the letters.
    """
    burn.check_fonts(script, "ffmpeg")
    (folder / f"{name}.ass").write_text(script, "utf-8")
    width, height = size
    ground = f"gradients=s={width}x{height}:c0=0x2b3440:c1=0x8a7f6d:seed=7:speed=0.00001:r=25:d={at_s + 2}"
    filters = f"format=rgb24,{fonts.drawing(f'{name}.ass', folder)},{view}"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", ground, "-vf", filters, "-ss", f"{at_s}"]
    subprocess.run([*command, "-frames:v", "1", "-update", "1", f"{name}.png"], check=True, cwd=folder)
    return f"{name}.png"


def shrink(picture: Path) -> None:
    """At most 256 colours: a third of the bytes."""
    with Image.open(picture) as full:
        small = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main()
