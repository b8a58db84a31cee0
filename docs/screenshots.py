"""Pictures of the report page and of the captions, for the documentation.

    python docs/screenshots.py analysis.json recording.wav --frames frames.parquet --at 12.5

Needs Chromium and chromedriver on PATH for the page, and an ffmpeg with libass for the captions on a picture.
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
from selenium import webdriver

from ecg_audio.analysis import Analysis, Emphasis, RelativeVoice, Segment, SpokenWord
from ecg_audio.captions import ass, html
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.captions.styling import PRESETS

DESKTOP, PHONE = (1440, 900), (390, 844)
FEET = {"report-desktop-light", "report-phone-dark"}  # of which the bottom is shown as well
SAID = {  # a sentence in each script, and which of its words is loud, whispered and drawn out
    "en": ("I told you never to open that door.", 3, 5, 7),
    "ar": ("قلت لك ألا تفتح هذا الباب أبدا.", 2, 3, 6),
    "he": ("אמרתי לך לא לפתוח את הדלת הזאת.", 2, 3, 6),
}
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
        of_the_scripts(given.out, Path(folder))


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
            if name in FEET:
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
    """The cue at `at_s` in the three presets, drawn by libass at 720p, one under the other."""
    shown = cues(analysis.segments, CueSettings.for_language(analysis.language))
    for preset in PRESETS:
        (folder / f"{preset}.ass").write_text(ass.dumps(shown, preset, width=1280, height=720), "utf-8")
    strips = ";".join(
        f"[{index}]ass={preset}.ass,crop=1280:200:0:520[{preset}]" for index, preset in enumerate(PRESETS)
    )
    command = ["ffmpeg", "-v", "error", "-y"]
    for _ in PRESETS:
        command += ["-ss", f"{at_s}", "-f", "lavfi", "-copyts"]
        command += ["-i", f"gradients=s=1280x720:c0=0x2b3440:c1=0x8a7f6d:seed=7:speed=0.00001:r=25:d={at_s + 2}"]
    command += ["-filter_complex", strips + ";" + "".join(f"[{name}]" for name in PRESETS) + "vstack=3"]
    command += ["-frames:v", "1", "-update", "1", str((out / "captions-presets.png").resolve())]
    subprocess.run(command, check=True, cwd=folder)


def of_the_scripts(out: Path, folder: Path) -> None:
    """A sentence in three scripts and presets, and one on upright video; the last word is still to come."""
    strips = []
    for language in SAID:
        for preset in PRESETS:
            script = ass.dumps(cues((spoken(language),)), preset, width=1280, height=720)
            strips.append(drawn(script, (1280, 720), f"{language}-{preset}", folder, crop="1280:110:0:600"))
    inputs = [part for strip in strips for part in ("-i", strip)]
    stacked = f"vstack={len(strips)}"
    target = str((out / "captions-scripts.png").resolve())
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", stacked, "-frames:v", "1", "-update", "1", target],
        check=True,
        cwd=folder,
    )
    upright = CueSettings(line_width=26, wide_line_width=12)
    script = ass.dumps(cues((spoken("en"),), upright), width=720, height=1280, line_width=26)
    shutil.copy(folder / drawn(script, (720, 1280), "portrait", folder), out / "captions-portrait.png")


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
    return Segment(id=0, start_s=0, end_s=words[-1].end_s, speaker="SPEAKER_00", text=text, words=words)


def drawn(script: str, size: tuple[int, int], name: str, folder: Path, crop: str = "") -> str:
    """The name of a picture of captions, nearly at the end of the sentence."""
    (folder / f"{name}.ass").write_text(script, "utf-8")
    width, height = size
    ground = f"gradients=s={width}x{height}:c0=0x2b3440:c1=0xd9cbb0:seed=7:speed=0.00001:r=25:d=4"
    filters = f"format=rgb24,ass={name}.ass" + (f",crop={crop}" if crop else "")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", ground, "-vf", filters, "-ss", "1.5"]
    subprocess.run([*command, "-frames:v", "1", "-update", "1", f"{name}.png"], check=True, cwd=folder)
    return f"{name}.png"


if __name__ == "__main__":
    main()
