"""Live captions of the report page stand out from their stage, as computed and as painted."""

import io
import re
import time

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By

from tests.captions.page.conftest import Open
from tests.support.colour_vision import contrast
from tests.support.results import factory

pytestmark = pytest.mark.browser


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
