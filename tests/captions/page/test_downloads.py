"""Files made in the report page are those of the command line."""

import json

import pytest
from selenium.webdriver.common.by import By

from ecg_audio.analysis import LOOPING
from ecg_audio.captions import srt, transcript, vtt
from ecg_audio.captions.cues import CueSettings, cues, left_out
from tests.captions.page.conftest import Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("looping", [0, 1, 6])
def test_downloads_are_the_files_of_the_command_line(opened: Open, looping: int) -> None:
    """SRT, WebVTT (plain) and TXT are those of `ecg captions`, byte for byte, words left out or not; JSON has all."""
    analysis = factory.analysis(words=96, speakers=3)
    first, *others = analysis.segments
    words = tuple(
        word.model_copy(update={"suspect": LOOPING}) if index < looping else word
        for index, word in enumerate(first.words)
    )
    analysis = analysis.model_copy(update={"segments": (first.model_copy(update={"words": words}), *others)})
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
    omitted = left_out(analysis.segments)
    assert omitted == looping
    captions = [srt.dumps(shown), vtt.dumps(shown, "plain", left_out=omitted)]
    assert texts[:3] == [*captions, transcript.plain(analysis)]
    written = json.loads(texts[3])
    assert [w["text"] for s in written["segments"] for w in s["words"]] == [w.text for w in analysis.words]
    assert page.ask("names") == ["회의 기록.srt", "회의 기록.vtt", "회의 기록.txt", "회의 기록.json"]
