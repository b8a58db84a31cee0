"""A report page in a real browser: Chromium and its driver on PATH, `pytest -m browser`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ecg_audio.analysis import Analysis
from ecg_audio.captions import html as report
from tests.support.results import factory

DESKTOP, PHONE = (1440, 900), (390, 844)
SMALL, TURNED = (320, 640), (844, 390)  # phones
RATE_HZ = 16_000


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    """One headless Chromium for all tests."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("no chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "mute-audio"):
        options.add_argument(f"--{flag}")
    options.add_argument("--autoplay-policy=no-user-gesture-required")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield browser
    browser.quit()


class Opened:
    """A page in the browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def ask(self, script: str, *arguments: Any) -> Any:
        """What a piece of script returns."""
        return self.driver.execute_script(f"return ({script})", *arguments)

    def wait(self, script: str) -> None:
        """Wait until a condition holds in the page."""
        WebDriverWait(self.driver, 10, 0.05).until(lambda _: self.ask(script))

    def find(self, selector: str) -> Any:
        """An element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        """Keys, wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def seek(self, time_s: float) -> None:
        """Put the recording's clock somewhere and wait until it is there."""
        self.driver.execute_script("document.querySelector('audio').currentTime = arguments[0]", time_s)
        self.wait("!document.querySelector('audio').seeking")
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    @property
    def clock_s(self) -> float:
        """The recording's clock."""
        return float(self.ask("document.querySelector('audio').currentTime"))

    @property
    def lit(self) -> str | None:
        """The word that the transcript shows as being said."""
        word: str | None = self.ask("document.querySelector('.lines .lit')?.textContent")
        return word

    def complaints(self) -> list[str]:
        """What the console holds since it was last asked: errors and blocked contents."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


Open = Callable[..., Opened]


@pytest.fixture
def opened(driver: webdriver.Chrome, tmp_path: Path) -> Open:
    """Writes a page with a recording of silence beside it, opens it from disk and waits until it is alive."""

    def open_page(
        analysis: Analysis,
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        sound: bool = True,
        at: str = "",
        **options: Any,
    ) -> Opened:
        if sound:
            samples = np.zeros(round(analysis.recording.duration_s * RATE_HZ), np.int16)
            soundfile.write(tmp_path / "recording.wav", samples, RATE_HZ)
        frames = options.pop("frames", factory.frames(analysis))
        href = "recording.wav" if sound else None
        (tmp_path / "page.html").write_text(
            report.page(analysis, frames, media_href=href, media_kind="audio", **options), "utf-8"
        )
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": min(size) < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.get_log("browser")  # type: ignore[no-untyped-call]
        driver.get((tmp_path / "page.html").as_uri())
        driver.execute_script("localStorage.clear()")
        driver.get("about:blank")  # else an address that differs by its end alone opens nothing anew
        driver.get((tmp_path / "page.html").as_uri() + at)
        page = Opened(driver)
        page.wait("document.documentElement.dataset.ready === 'yes'")
        if sound:
            page.wait("!document.getElementById('play').disabled && document.querySelector('audio').readyState >= 1")
        return page

    return open_page
