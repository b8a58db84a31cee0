"""The report page opens from disk: complete, deaf to hostile text, with or without its recording."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from selenium.webdriver.common.by import By

from ecg_audio.analysis import Notice
from tests.captions.page.conftest import RATE_HZ, Open
from tests.captions.test_formats import HOSTILE
from tests.captions.test_page import HOSTILE as CLOSING
from tests.support.results import factory

pytestmark = pytest.mark.browser


def test_page_opens_from_disk_and_complains_of_nothing(opened: Open) -> None:
    """Nothing is blocked, nothing fails, and the recording's own facts are on the page."""
    page = opened(factory.analysis(words=48, speakers=3))
    page.seek(5)
    assert page.complaints() == []
    assert page.find("h1").text == "회의 기록.mp4"
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#speakers tbody tr")) == 3
    assert "1 word could not be aligned" in page.find("#notices").text
    assert "tiny-emotion" in page.find("#facts").text


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
