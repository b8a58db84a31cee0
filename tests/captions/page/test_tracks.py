"""WebVTT as Chromium itself reads and paints it."""

import io
import random
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from PIL import Image
from selenium import webdriver

from ecg_audio.captions import vtt
from ecg_audio.captions.cues import cues
from ecg_audio.captions.styling import Style
from tests.captions.page.conftest import DESKTOP, RATE_HZ, Opened
from tests.support.colour_vision import contrast
from tests.support.results import factory

pytestmark = pytest.mark.browser


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
    return quote(text)
