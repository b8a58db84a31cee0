"""The report page in a real browser: in step with the sound, searchable, accessible, and deaf to hostile text.

Needs Chromium and its driver on PATH; run with `pytest -m browser`. The accessibility check takes the path of
axe-core's axe.min.js in ECG_AXE.
"""

import io
import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ecg_audio.analysis import Analysis, Notice
from ecg_audio.captions import html as report
from ecg_audio.captions import srt, transcript, vtt
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.captions.styling import Style
from tests.captions.sight import contrast
from tests.captions.test_boundaries import NOT_FIRST, NOT_LAST
from tests.captions.test_formats import HOSTILE
from tests.captions.test_page import HOSTILE as CLOSING
from tests.captions.test_scripts import SAID
from tests.captions.test_scripts import segment as in_script
from tests.results import factory

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1440, 900), (390, 844)
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One headless Chromium for the module."""
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
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
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


def test_page_opens_from_disk_and_complains_of_nothing(opened: Open) -> None:
    """Nothing is blocked, nothing fails, and the recording's own facts are on the page."""
    page = opened(factory.analysis(words=48, speakers=3))
    page.seek(5)
    assert page.complaints() == []
    assert page.find("h1").text == "회의 기록.mp4"
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#speakers tbody tr")) == 3
    assert "1 word could not be aligned" in page.find("#notices").text
    assert "tiny-emotion" in page.find("#facts").text


def test_twenty_random_words_are_in_step(opened: Open) -> None:
    """Wherever the clock stands, the lit word and the caption are those being said."""
    analysis = factory.analysis(words=200, speakers=2)
    page = opened(analysis)
    captions = cues(analysis.segments)
    for word in random.Random(7).sample(analysis.words, 20):
        page.seek((word.start_s + word.end_s) / 2)
        now_s = page.clock_s
        spoken = [other for other in analysis.words if other.start_s <= now_s]
        assert page.lit == max(spoken, key=lambda other: other.start_s).text
        (cue,) = [cue for cue in captions if cue.start_s <= now_s < cue.end_s]
        shown = page.ask(
            "[...document.querySelectorAll('.caption .word')].map(w => [w.textContent, w.matches('.yet')])"
        )
        assert [(text, yet) for text, yet in shown] == [(w.text, w.start_s > now_s) for w in cue.words]


def test_captions_keep_step_while_playing(opened: Open) -> None:
    """During play the lit word is never more than a twentieth of a second away from the clock."""
    analysis = factory.analysis(words=60)
    page = opened(analysis)
    page.seek(2)
    page.press(Keys.SPACE)
    page.wait("!document.querySelector('audio').paused")
    late = []
    for _ in range(40):
        now_s, start_ms = page.ask(
            "(() => { const i = document.querySelector('.lines .lit').dataset.word;"
            " const d = JSON.parse(document.getElementById('data').textContent);"
            " return [document.querySelector('audio').currentTime, d.words.start[i]]; })()"
        )
        due = max(word.start_s for word in analysis.words if word.start_s <= now_s)
        if start_ms / 1000 != pytest.approx(due, abs=0.001):
            late.append(now_s - due)
        time.sleep(0.05)
    assert page.clock_s > 3
    assert all(lag < 0.05 for lag in late), late


def test_clicking_a_word_seeks(opened: Open) -> None:
    """A word in the transcript leads the recording to its beginning, and so does a time in the margin."""
    analysis = factory.analysis(words=30)
    page = opened(analysis)
    page.find("[data-word='14']").click()
    assert page.clock_s == pytest.approx(analysis.words[14].start_s, abs=0.002)
    page.driver.find_elements(By.CSS_SELECTOR, ".at")[2].click()
    assert page.clock_s == pytest.approx(analysis.segments[2].start_s, abs=0.002)


def test_search_finds_without_case_and_accents(opened: Open) -> None:
    """Letters match whatever their case and accents, across words; enter goes round the matches and seeks."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    page.press("/")
    page.press("NAIVE <b>")
    hits = [index for index, word in enumerate(analysis.words) if word.text == "naïve"]
    assert page.find("#found").text == str(len(hits))
    page.press(Keys.ENTER)
    assert page.find("#found").text == f"1 of {len(hits)}"
    assert page.clock_s == pytest.approx(analysis.words[hits[0]].start_s, abs=0.002)
    page.press(Keys.SHIFT, Keys.ENTER)
    page.wait(f"document.getElementById('found').textContent === '{len(hits)} of {len(hits)}'")
    page.press(Keys.ESCAPE)
    assert page.driver.find_elements(By.CSS_SELECTOR, ".hit") == []
    page.press("/")
    page.press("nowhere said")
    assert page.find("#found").text == "none"


def test_keyboard_does_everything(opened: Open) -> None:
    """Play, pause, jump, step by word and segment, change captions and theme, help: without a pointer."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    page.press(Keys.ARROW_RIGHT)
    assert page.clock_s == pytest.approx(5, abs=0.01)
    before = page.lit
    page.press(".")
    assert page.lit != before
    page.press(",")
    assert page.lit == before
    page.press("]")
    assert page.clock_s in [pytest.approx(segment.start_s, abs=0.002) for segment in analysis.segments]
    page.press("k")
    page.wait("!document.querySelector('audio').paused")
    assert page.find("#play").get_attribute("aria-label") == "Pause"
    page.press(" ")
    page.wait("document.querySelector('audio').paused")
    page.press("c")
    assert page.find("#preset").get_property("value") == "karaoke"
    page.press("t")
    assert page.ask("document.documentElement.dataset.theme") == "dark"
    page.press("?")
    assert page.ask("document.getElementById('help').open")
    page.press(Keys.ESCAPE)
    assert not page.ask("document.getElementById('help').open")


def test_presets_change_what_words_look_like(opened: Open) -> None:
    """Expressive words differ in weight and size, karaoke and plain ones do not, and off shows none."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    page.seek(analysis.words[4].start_s)
    sizes = "new Set([...document.querySelectorAll('.caption .word')].map(w => getComputedStyle(w).fontSize)).size"
    assert page.ask(sizes) > 1
    page.driver.execute_script(
        "const i = document.getElementById('intensity'); i.value = 0; i.dispatchEvent(new Event('input'))"
    )
    assert page.ask(sizes) == 1
    for name, words in (("karaoke", True), ("plain", True), ("off", False)):
        page.press("c")
        assert page.find("#preset").get_property("value") == name
        assert bool(page.driver.find_elements(By.CSS_SELECTOR, ".caption .word")) == words
        assert page.ask(sizes) <= 1


@pytest.mark.parametrize("dark", [False, True])
def test_theme_follows_the_system_until_told_otherwise(opened: Open, dark: bool) -> None:
    """The ground is as dark as the system wants it; the button turns it over."""
    page = opened(factory.analysis(), dark=dark)
    brightness = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    )
    assert (page.ask(brightness) < 200) == dark
    page.find("#theme").click()
    assert (page.ask(brightness) < 200) != dark


def test_hostile_words_are_shown_as_text_and_run_nothing(opened: Open) -> None:
    """Scripts, quotes, RTL and emoji in words, names and titles: all seen as letters, no element, no dialogue."""
    attacks = [*HOSTILE, CLOSING, "<img src=x onerror=alert(1)>", "javascript:alert(1)"]
    base = factory.analysis(words=6 * len(attacks))
    segments = []
    for segment, text in zip(base.segments, attacks, strict=False):
        words = tuple(word.model_copy(update={"text": text, "suspect": text}) for word in segment.words)
        segments.append(segment.model_copy(update={"words": words, "text": text, "speaker": text}))
    notice = (Notice(code="X", message=CLOSING),)
    page = opened(base.model_copy(update={"segments": tuple(segments), "title": CLOSING, "notices": notice}))
    data = json.loads(page.ask("document.getElementById('data').textContent"))
    shown = page.ask("[...document.querySelectorAll('.lines .word')].map(word => word.textContent)")
    assert shown == data["words"]["text"]
    assert "<script>alert(1)</script>" in shown
    for start_ms in data["words"]["start"][::6]:
        page.seek(start_ms / 1000 + 0.01)
    assert page.ask("document.querySelectorAll('script').length") == 2
    assert page.ask("document.querySelectorAll('.lines img, .caption img, .lines i + b, .lines script').length") == 0
    assert page.find("h1").text == data["title"]
    assert page.complaints() == []


def test_page_without_recording_asks_for_it(opened: Open, tmp_path: Path) -> None:
    """Without its recording the page still shows everything, and plays the file that the reader opens."""
    analysis = factory.analysis()
    page = opened(analysis, sound=False)
    page.find("[data-word='5']").click()
    assert page.lit == analysis.words[5].text
    assert page.find("#play").get_property("disabled")
    soundfile.write(tmp_path / "mine.wav", np.zeros(RATE_HZ * 20, np.int16), RATE_HZ)
    page.find("#file").send_keys(str(tmp_path / "mine.wav"))
    page.wait("!document.getElementById('play').disabled")
    assert page.clock_s == pytest.approx(analysis.words[5].start_s, abs=0.002)


def test_missing_recording_is_said(opened: Open, tmp_path: Path) -> None:
    """A recording that is not where the page looks for it is said in words."""
    page = opened(factory.analysis())
    (tmp_path / "recording.wav").unlink()
    page.driver.refresh()
    page.wait("!document.getElementById('nosound').hidden")
    assert "could not be opened" in page.find("#nosound-text").text


@pytest.mark.parametrize("size", [PHONE, (320, 640), (768, 1024), DESKTOP, (2560, 1440)])
def test_nothing_is_clipped_at_any_width(opened: Open, size: tuple[int, int]) -> None:
    """From a small phone to a large screen the page never scrolls sideways, and captions stay on their stage."""
    analysis = factory.analysis(words=60, speakers=4)
    page = opened(analysis, size=size)
    assert page.ask("document.documentElement.scrollWidth") <= size[0]
    for word in analysis.words[::10]:
        page.seek(word.start_s)
        inside = page.ask(
            "(() => { const s = document.getElementById('stage').getBoundingClientRect();"
            " return [...document.querySelectorAll('.caption .word')].every(w => { const r = w.getBoundingClientRect();"
            " return r.left >= s.left && r.right <= s.right && r.top >= s.top && r.bottom <= s.bottom; }); })()"
        )
        assert inside


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_nothing(opened: Open, size: tuple[int, int], dark: bool) -> None:
    """The accessibility checker finds no violation of WCAG 2.2 A and AA, nor of good practice."""
    source = os.environ.get("ECG_AXE")
    if not source:
        pytest.skip("ECG_AXE does not name axe-core's axe.min.js (npm pack axe-core)")
    page = opened(factory.analysis(words=60, speakers=4), size=size, dark=dark)
    page.seek(6)
    page.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    page.driver.execute_script(Path(source).read_text("utf-8"))
    found = page.driver.execute_async_script("axe.run().then(arguments[0])")
    page.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
    assert [(v["id"], v["impact"], [node["html"] for node in v["nodes"]]) for v in found["violations"]] == []


@pytest.mark.parametrize("size", [PHONE, (768, 1024), DESKTOP, (2560, 1440)])
def test_nothing_lies_over_the_foot_of_the_page(opened: Open, size: tuple[int, int]) -> None:
    """Scrolled to the end, what is seen at the place of each heading and figure is that heading or figure."""
    page = opened(factory.analysis(words=400, speakers=4), size=size)
    page.driver.execute_script("document.body.style.paddingBottom = '100vh'")
    for selector in (
        "#people",
        "#speakers tbody tr:last-child th",
        "#origin",
        "#facts dt:last-of-type",
        "#stages tbody tr:last-child th",
    ):
        page.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        assert page.ask(
            "(() => { const e = document.querySelector(arguments[0]), r = e.getBoundingClientRect();"
            " const seen = document.elementFromPoint(r.left + 4, r.top + r.height / 2);"
            " return e === seen || e.contains(seen); })()",
            selector,
        ), selector


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_transcript_is_seen_early_and_follows(opened: Open, size: tuple[int, int]) -> None:
    """The transcript begins on the first screen, the word being said stays in sight, scrolling by hand is respected."""
    analysis = factory.analysis(words=600, speakers=3)
    page = opened(analysis, size=size)
    assert page.ask("document.querySelector('.lines .word').getBoundingClientRect().bottom") < size[1]
    seen = (
        "(() => { const w = document.querySelector('.lines .lit').getBoundingClientRect(),"
        " b = document.getElementById('lines').getBoundingClientRect();"
        " return w.top >= b.top && w.bottom <= Math.min(b.bottom, innerHeight); })()"
    )
    for share in (0.3, 0.9, 0.5):
        page.seek(analysis.recording.duration_s * share)
        assert page.ask(seen)
    page.driver.execute_script(
        "const b = document.getElementById('lines'); b.dispatchEvent(new WheelEvent('wheel')); b.scrollTop = 0"
    )
    assert not page.find("#follow").is_selected()
    page.seek(analysis.recording.duration_s * 0.8)
    assert page.ask("document.getElementById('lines').scrollTop") == 0
    page.find("#follow").click()
    page.wait(seen)


def test_keys_work_after_the_seek_bar_and_lists_were_used(opened: Open) -> None:
    """Space plays and arrows jump by five seconds while the seek bar has the focus, and after a list was used."""
    page = opened(factory.analysis(words=96))
    page.find("#seek").click()
    before_s = page.clock_s
    page.press(Keys.ARROW_RIGHT)
    assert page.clock_s == pytest.approx(before_s + 5, abs=0.05)
    page.press(Keys.SPACE)
    page.wait("!document.querySelector('audio').paused")
    page.press("k")
    page.wait("document.querySelector('audio').paused")
    page.driver.execute_script(
        "const s = document.getElementById('speed'); s.focus();"
        "s.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}));"
        "s.value = '2'; s.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    page.press("k")
    page.wait("!document.querySelector('audio').paused")


@pytest.mark.parametrize(("at", "time_s"), [("#t=4", 4), ("#t=0:05.5", 5.5), ("#t=0:00:03", 3), ("#t=x", 0)])
def test_address_leads_to_a_time(opened: Open, at: str, time_s: float) -> None:
    """`#t=` opens the page at a time, given in seconds or as a clock shows it."""
    page = opened(factory.analysis(words=60), at=at)
    assert page.clock_s == pytest.approx(time_s, abs=0.05)
    page.driver.execute_script("location.hash = 't=6'")
    page.wait("Math.abs(document.querySelector('audio').currentTime - 6) < 0.05")


def test_speed_and_theme_are_remembered(opened: Open) -> None:
    """What was chosen is there again when the page is opened again."""
    page = opened(factory.analysis())
    page.driver.execute_script(
        "const s = document.getElementById('speed'); s.value = '1.5'; s.dispatchEvent(new Event('change'))"
    )
    page.find("#theme").click()
    page.driver.refresh()
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.find("#speed").get_property("value") == "1.5"
    assert page.ask("document.documentElement.dataset.theme") == "dark"
    page.wait("document.querySelector('audio').playbackRate === 1.5")


def test_words_are_reached_by_keys(opened: Open) -> None:
    """Tab stops once in the transcript's words, arrows lead from word to word and row to row, enter plays."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    assert page.ask("document.querySelectorAll('.lines .word[tabindex=\"0\"]').length") == 1
    page.driver.execute_script("document.querySelector('.lines .word[tabindex]').focus()")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.ARROW_RIGHT)
    assert page.ask("Number(document.activeElement.dataset.word)") == 7
    page.press(Keys.ENTER)
    assert page.clock_s == pytest.approx(analysis.words[7].start_s, abs=0.002)


def test_page_explains_its_typography_and_names_its_lanes(opened: Open) -> None:
    """A line says what larger, raised, wider and italic mean, while words look so; a page that opens is not empty."""
    page = opened(factory.analysis(words=48))
    assert "louder than this speaker usually is" in page.find("#voices").text
    assert page.find("#caption").text.strip()
    page.press("c")
    assert not page.find("#voices").is_displayed()


def test_readers_choose_what_shows_what(opened: Open) -> None:
    """Another mapping restyles words and legend, is kept, and is one press away from what it was."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    loud = next(index for index, word in enumerate(analysis.words) if word.emphasis and word.emphasis.louder)
    told = f"getComputedStyle(document.querySelector('.lines [data-word=\"{loud}\"]'))"
    before = page.ask(f"[{told}.fontWeight, {told}.top]")
    page.driver.execute_script("document.querySelector('#mapping').open = true")
    for name, measure in (("weight", "nothing"), ("size", "nothing"), ("height", "loudness")):
        page.find(f"#mapping [data-property={name}] option[value={measure}]").click()
    assert page.ask(f"{told}.fontWeight") == "400" != before[0]
    assert page.ask(f"{told}.top") != before[1]
    assert "raised: louder" in page.find("#voices").text
    page.driver.refresh()
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.ask(f"{told}.fontWeight") == "400"
    page.driver.execute_script("document.querySelector('#mapping-usual').click()")
    assert page.ask(f"[{told}.fontWeight, {told}.top]") == before


def test_a_mapping_is_saved_as_a_style_file(opened: Open, tmp_path: Path) -> None:
    """What the page saves is a style that `ecg captions --style` takes, with the reader's mapping in it."""
    page = opened(factory.analysis(words=48))
    keep = "blob.text().then((text) => window.made.push(text)); return '#';"
    page.driver.execute_script(f"window.made = []; URL.createObjectURL = (blob) => {{ {keep} }}")
    page.driver.execute_script("document.querySelector('#mapping-save').click()")
    page.wait("window.made.length === 1")
    file = tmp_path / "style.toml"
    file.write_text(page.ask("window.made[0]"), "utf-8")
    assert Style.load(file) == Style.preset("expressive")


@pytest.mark.parametrize(
    ("text", "leftwards"), [("مرحبا بكم جميعا", True), ("שלום לכם היום", True), ("hello to you", False)]
)
def test_captions_run_as_their_text_does(opened: Open, text: str, leftwards: bool) -> None:
    """The words of a live caption and of the transcript follow each other from right to left where their letters do."""
    base = factory.analysis(words=12)
    segments = []
    for segment in base.segments:
        words = tuple(w.model_copy(update={"text": t}) for w, t in zip(segment.words, text.split(), strict=False))
        segments.append(segment.model_copy(update={"words": words, "text": text}))
    page = opened(base.model_copy(update={"segments": tuple(segments)}))
    page.seek(base.segments[0].words[1].start_s)
    for selector in (".caption .word", ".lines .word"):
        lefts = page.ask(
            "[...document.querySelectorAll(arguments[0])].slice(0, 3).map(w => w.getBoundingClientRect().left)",
            selector,
        )
        assert lefts == sorted(lefts, reverse=leftwards)


def test_downloads_are_the_files_of_the_command_line(opened: Open) -> None:
    """SRT, WebVTT (plain) and TXT made in the page are those of `ecg captions`, byte for byte; JSON has every word."""
    analysis = factory.analysis(words=96, speakers=3)
    page = opened(analysis)
    page.driver.execute_script(
        "window.made = []; window.names = []; const url = URL.createObjectURL;"
        "URL.createObjectURL = b => { made.push(b); return url(b); };"
        "HTMLAnchorElement.prototype.click = function () { names.push(this.download); }"
    )
    for button in page.driver.find_elements(By.CSS_SELECTOR, ".downloads button"):
        button.click()
    texts = page.driver.execute_async_script("Promise.all(made.map(b => b.text())).then(arguments[0])")
    shown = cues(analysis.segments, CueSettings.for_language(analysis.text_language))
    assert texts[:3] == [srt.dumps(shown), vtt.dumps(shown, "plain"), transcript.plain(analysis)]
    written = json.loads(texts[3])
    assert [w["text"] for s in written["segments"] for w in s["words"]] == [w.text for w in analysis.words]
    assert page.ask("names") == ["회의 기록.srt", "회의 기록.vtt", "회의 기록.txt", "회의 기록.json"]


@pytest.mark.parametrize("language", ["th", "ja", "zh", "ko", "km"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_transcript_turns_at_words_in_every_script(opened: Open, language: str, width: int) -> None:
    """At any width each line of the transcript begins with a word and with what may begin a line."""
    one = in_script(language, 2)
    analysis = factory.analysis(words=12, speakers=1)
    page = opened(analysis.model_copy(update={"segments": (one,), "language": language}), size=(width, 800))
    turned = page.ask(
        "(() => { const found = []; let last = null;"
        " const walk = document.createTreeWalker(document.querySelector('.lines .said'), NodeFilter.SHOW_TEXT);"
        " for (let node; (node = walk.nextNode()); ) for (let at = 0; at < node.length; at++) {"
        " if (node.data[at] === ' ') continue;"
        " const range = new Range(); range.setStart(node, at); range.setEnd(node, at + 1);"
        " const { left, top, width, height } = range.getBoundingClientRect(); if (!width) { found.push(''); continue; }"
        " const foot = top + height; if (last !== null && foot > last + 12) found.push('/'); last = foot;"
        " found.push(node.data[at]); } return found; })()"
    )
    words = SAID[language].split()
    whole = {0, *accumulate(map(len, words))}
    lines = "".join(turned).split("/")
    starts, at = [], 0
    for character in turned:
        if character == "/":
            starts.append(at)
        else:
            at += 1
    assert set(starts) <= whole
    assert starts or width > 1000
    assert all(line[0] not in NOT_FIRST and line[-1] not in NOT_LAST for line in lines if line)


def test_page_brings_its_typeface(opened: Open) -> None:
    """Words are set in the carried typeface, in all its weights, without a request to anywhere."""
    page = opened(factory.analysis(words=24))
    page.wait("document.fonts.status === 'loaded'")
    assert page.ask("[...document.fonts].some(face => face.family.includes('Carried') && face.status === 'loaded')")
    assert page.ask("performance.getEntriesByType('resource').map(r => r.name).filter(n => n.startsWith('http'))") == []
    widths = page.ask(
        "[300, 400, 600, 900].map(weight => { const span = document.createElement('span');"
        " span.textContent = 'louder'; span.style.fontWeight = weight; document.querySelector('.said').append(span);"
        " const { width } = span.getBoundingClientRect(); span.remove(); return width; })"
    )
    assert widths == sorted(set(widths))


def test_doubtful_words_are_seen_at_a_glance(opened: Open) -> None:
    """Words of little confidence and suspect ones are underlined, each in its way; the legend says what that means."""
    analysis = factory.analysis(words=24)
    first = analysis.segments[0]
    words = (
        first.words[0].model_copy(update={"confidence": 0.2, "suspect": None, "timing": "aligned"}),
        first.words[1].model_copy(update={"confidence": 0.9, "suspect": "SILENT"}),
        *first.words[2:],
    )
    changed = first.model_copy(update={"words": words})
    page = opened(analysis.model_copy(update={"segments": (changed, *analysis.segments[1:])}))
    looks = page.ask(
        "[...document.querySelectorAll('.lines .word')].slice(0, 2).map(w => getComputedStyle(w).textDecorationStyle)"
    )
    assert looks == ["dashed", "wavy"]
    legend = page.find("#legend").text
    assert "confidence below 50 %" in legend and "not to be trusted" in legend


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_live_captions_stand_out(opened: Open, theme: str) -> None:
    """Said or not yet said, each word of a live caption is 4.5 : 1 from the stage, in the colours that are computed."""
    analysis = factory.analysis(words=48, speakers=3)
    page = opened(analysis, dark=theme == "dark")
    for word in analysis.words[::7]:
        page.seek(word.start_s + 0.01)
        time.sleep(0.2)  # colours fade
        ground = page.ask("getComputedStyle(document.getElementById('stage')).backgroundColor")
        for colour in page.ask("[...document.querySelectorAll('.caption .word')].map(w => getComputedStyle(w).color)"):
            assert contrast(_hexadecimal(colour), _hexadecimal(ground)) >= 4.5


@pytest.mark.parametrize("preset", ["expressive", "karaoke", "plain"])
def test_painted_captions_stand_out(opened: Open, preset: str) -> None:
    """By pixels, in each preset: the letters of every word on the stage are 4.5 : 1 from what is behind them."""
    analysis = factory.analysis(words=48, speakers=3)
    page = opened(analysis)
    while page.find("#preset").get_property("value") != preset:
        page.press("c")
    seen = 0
    for word in analysis.words[3::15]:
        page.seek(word.start_s + 0.01)
        time.sleep(0.3)  # colours fade
        for shown in page.driver.find_elements(By.CSS_SELECTOR, ".caption .word"):
            if not re.search("[a-z]{3}", shown.text):  # letters that every machine has
                continue
            with Image.open(io.BytesIO(shown.screenshot_as_png)) as picture:
                pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
            colours, counts = np.unique(pixels, axis=0, return_counts=True)
            ground = _written(colours[counts.argmax()])
            assert max(contrast(_written(colour), ground) for colour in colours[counts >= 3]) >= 4.5, shown.text
            seen += 1
    assert seen > 8


def _written(colour: np.ndarray) -> str:
    return "#" + "".join(f"{channel:02X}" for channel in colour)


def _hexadecimal(colour: str) -> str:
    return "#" + "".join(f"{int(channel):02X}" for channel in re.findall(r"\d+", colour)[:3])


def test_karaoke_track_lights_the_word_being_said(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """At 20 random times, what Chromium's own track shows as not yet said are the words that begin later."""
    analysis = factory.analysis(words=120, speakers=1)
    shown = cues(analysis.segments)
    soundfile.write(tmp_path / "sound.wav", np.zeros(round(analysis.recording.duration_s * RATE_HZ), np.int16), RATE_HZ)
    track = f"data:text/vtt;charset=utf-8,{_quoted(vtt.dumps(shown, 'karaoke'))}"
    page = f"<video width='1280' height='720' src='sound.wav'><track default src='{track}'></video>"
    (tmp_path / "karaoke.html").write_text(page, "utf-8")
    metrics = {"width": DESKTOP[0], "height": DESKTOP[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get((tmp_path / "karaoke.html").as_uri())
    browser = Opened(driver)
    browser.wait(
        "document.querySelector('video').readyState >= 1"
        " && document.querySelector('video').textTracks[0].cues?.length > 0"
    )
    nodes = (
        "(() => { const c = document.querySelector('video').textTracks[0].activeCues[0]?.getCueAsHTML();"
        " if (!c) return null;"
        " const found = []; let at = null; const walk = (n) => { for (const k of n.childNodes) {"
        " if (k.nodeType === 7) at = k.data;"
        " else if (k.nodeName === 'SPAN' && !k.title) found.push([k.textContent, at]);"
        " else walk(k); } };"
        " walk(c); return found; })()"
    )
    for word in random.Random(3).sample(analysis.words, 20):
        (cue,) = [cue for cue in shown if word.start_s in {other.start_s for other in cue.words}]
        at_s = max(word.start_s, cue.start_s) + 0.01  # a cue may wait a little for the one before it
        driver.execute_script("document.querySelector('video').currentTime = arguments[0]", at_s)
        browser.wait("!document.querySelector('video').seeking")
        browser.wait("document.querySelector('video').textTracks[0].activeCues.length > 0")
        now_s = browser.ask("document.querySelector('video').currentTime")
        said = [text for text, at in browser.ask(nodes) if at is None or _stamped(at) <= now_s]
        assert said == [w.text for w in cue.words if w.start_s <= now_s + 0.0005]
        if cue.speakers[0]:  # white words of nobody known would be lost on the white page
            _check_pixels(driver, said, [word.text for word in cue.words[len(said) :]])


def _check_pixels(driver: webdriver.Chrome, said: list[str], unsaid: list[str]) -> None:
    """What is painted: words said and words to come, each in their own colour, 4.5 : 1 from the box."""
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    palette = Style.preset("karaoke").palette
    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)

    def painted(colour: str) -> int:
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return int((np.abs(pixels - wanted).max(axis=2) <= 3).sum())

    assert painted(palette.ground) > 1000
    for colour, texts in ((palette.dark[0], said), (palette.unsaid, unsaid)):
        assert contrast(colour, palette.ground) >= 4.5
        assert (painted(colour) > 0) <= bool(texts)
        if re.search("[a-z]{3}", " ".join(texts)):  # letters that every machine has
            assert painted(colour) > 20


def _stamped(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_an_hour_opens_whole(opened: Open) -> None:
    """A page of an hour (8 000 words, 360 000 frames) is alive, follows the seek bar and fits in 150 MB of heap."""
    analysis = factory.analysis(words=8_000, speakers=4)
    count = round(analysis.recording.duration_s * 100)
    frames = {
        "rms_dbfs": np.random.default_rng(0).uniform(-60, -10, count).astype(np.float32),
        "f0_hz": np.full(count, 150, np.float32),
    }
    page = opened(analysis, sound=False, frames=frames)
    assert count > 350_000
    assert page.ask("performance.memory.usedJSHeapSize") < 150e6
    page.find("#seek").click()
    assert page.lit


def test_chromium_reads_the_vtt_as_it_was_meant(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Chromium's own parser finds every cue, its times, its text and its voice."""
    analysis = factory.analysis(words=60, speakers=3)
    shown = cues(analysis.segments)
    document = vtt.dumps(shown)
    page = f"<video><track default src='data:text/vtt;charset=utf-8,{_quoted(document)}'></video>"
    (tmp_path / "track.html").write_text(page, "utf-8")
    driver.get((tmp_path / "track.html").as_uri())
    browser = Opened(driver)
    browser.wait("document.querySelector('video').textTracks[0].cues?.length > 0")
    read = browser.ask(
        "[...document.querySelector('video').textTracks[0].cues].map(c => "
        "[c.startTime, c.endTime, c.getCueAsHTML().textContent])"
    )
    assert [(round(a, 3), round(b, 3), text) for a, b, text in read] == [
        (round(cue.start_s, 3), round(cue.end_s, 3), "\n".join(cue.texts)) for cue in shown
    ]


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)
