"""Pictures of the gateway's page, for the documentation, from an `ecg serve` that runs.

    python docs/studio_pictures.py http://127.0.0.1:8080 demo/conversation.mp4 --wrong deep --right it --speaker Sheila

The recording is dropped onto the page and waited for, a speaker is named, a word is corrected and measured again. Says
how long each took; the way is `studio.gif`, the pages that it led to are pictures beside it. Needs Chromium and
chromedriver on PATH.
"""

import argparse
import base64
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from screenshots import DESKTOP, PHONE, chromium, shrink
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FILM = (1200, 760)
FRAME_S = 1.6
COLOURS = 64
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], arguments[1], { type: "video/mp4" }));
document.getElementById("drop").dispatchEvent(
  new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
"""


def main() -> None:
    """Do the whole way once, and take the pictures on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("video", type=Path)
    parser.add_argument("--wrong", required=True, help="a word of the result")
    parser.add_argument("--right", required=True, help="what is said instead")
    parser.add_argument("--speaker", required=True, help="the name of the first speaker")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    given = parser.parse_args()
    with chromium() as browser:
        film = Film(browser)
        _size(browser, FILM)
        browser.get(given.address)
        _wait(browser, "document.documentElement.dataset.ready === 'yes'")
        film.take()
        began = time.monotonic()
        browser.execute_script(DROP, base64.b64encode(given.video.read_bytes()).decode(), given.video.name)
        _wait(browser, "document.querySelector('.row-job progress')?.value > 0")
        _say(f"at work after {time.monotonic() - began:.1f} s: {browser.find_element(By.CSS_SELECTOR, '.stage').text}")
        while not _holds(browser, "document.querySelector('.row-job .how')?.textContent === 'done'"):
            film.take_stage()
            time.sleep(0.2)
        film.take()
        _say(f"done after {time.monotonic() - began:.1f} s")
        browser.find_element(By.CSS_SELECTOR, ".row-job .name").click()
        _wait(browser, "document.querySelectorAll('.w').length > 0")
        film.take()
        name = browser.find_element(By.CSS_SELECTOR, ".people input")
        name.clear()
        name.send_keys(given.speaker, Keys.TAB)
        film.take()
        words = browser.find_elements(By.CSS_SELECTOR, ".w")
        [wrong, *_] = [word for word in words if word.text.strip(".,!?").lower() == given.wrong]
        right = given.right + "".join(letter for letter in wrong.text if letter in ".,!?")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", wrong)
        wrong.click()
        film.take()
        browser.switch_to.active_element.send_keys(Keys.CONTROL + "a")
        browser.switch_to.active_element.send_keys(right, Keys.ENTER)
        film.take()
        began = time.monotonic()
        browser.find_element(By.ID, "save").click()
        _wait(browser, "document.getElementById('said').textContent.startsWith('Saved')")
        _say(f"revised after {time.monotonic() - began:.1f} s")
        film.take(3 * FRAME_S)
        _say(browser.find_element(By.ID, "word").text.replace("\n", " "))
        for size, kind in ((DESKTOP, "desktop"), (PHONE, "phone")):
            _size(browser, size)
            time.sleep(0.5)
            browser.execute_script("scrollTo(0, 0)")
            _shoot(browser, given.out / f"studio-{kind}")
            browser.execute_script("scrollTo(0, document.body.scrollHeight)")
            _shoot(browser, given.out / f"studio-{kind}-foot")
        _size(browser, DESKTOP)
        browser.find_element(By.ID, "tab-report").click()
        time.sleep(3)
        browser.execute_script("scrollTo(0, 0)")
        _shoot(browser, given.out / "studio-report")
        _size(browser, FILM)
        film.take(2 * FRAME_S)
        film.write(given.out / "studio.gif")
        for size, kind in ((DESKTOP, "desktop"), (PHONE, "phone")):
            _size(browser, size)
            browser.get(given.address)
            _wait(browser, "document.querySelector('.row-job')")
            _shoot(browser, given.out / f"studio-home-{kind}")


class Film:
    """A picture of the page at each step of the way."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self._browser = browser
        self._frames: list[Image.Image] = []
        self._lasting_ms: list[int] = []
        self._stages: set[str] = set()

    def take(self, lasting_s: float = FRAME_S) -> None:
        """Take one that lasts so long."""
        time.sleep(0.3)
        shot = Image.open(io.BytesIO(self._browser.get_screenshot_as_png())).convert("RGB")
        self._frames.append(shot)
        self._lasting_ms.append(round(1000 * lasting_s))

    def take_stage(self) -> None:
        """Take one if the job is at a stage at which it was not before."""
        shown = self._browser.execute_script("return document.querySelector('.row-job .stage')?.textContent ?? ''")
        stage, _, _ = shown.partition(" · ")
        if stage and stage not in self._stages:
            self._stages.add(stage)
            self.take(FRAME_S / 2)

    def write(self, path: Path) -> None:
        """All of them, in colours that hold for all."""
        together = Image.new("RGB", (FILM[0], FILM[1] * len(self._frames)))
        for number, frame in enumerate(self._frames):
            together.paste(frame.resize(FILM), (0, FILM[1] * number))
        palette = together.quantize(COLOURS, dither=Image.Dither.NONE)
        frames = [frame.resize(FILM).quantize(palette=palette, dither=Image.Dither.NONE) for frame in self._frames]
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=self._lasting_ms, loop=0, optimize=True)
        _say(f"{path}: {len(frames)} pictures, {path.stat().st_size / 1e6:.2f} MB")


def _size(browser: webdriver.Chrome, size: tuple[int, int]) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def _shoot(browser: webdriver.Chrome, path: Path) -> None:
    time.sleep(0.3)
    browser.save_screenshot(str(path.with_suffix(".png")))
    shrink(path.with_suffix(".png"))


def _wait(browser: webdriver.Chrome, condition: str, at_most_s: float = 300.0) -> None:
    _until(lambda: _holds(browser, condition), condition, at_most_s)


def _holds(browser: webdriver.Chrome, condition: str) -> bool:
    return bool(browser.execute_script(f"return Boolean({condition})"))


def _until(holds: Callable[[], bool], what: str, at_most_s: float) -> None:
    deadline = time.monotonic() + at_most_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"this did not happen: {what}")
        time.sleep(0.1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
