"""The report page needs no pointer: keys do everything, whatever was used before."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.captions.page.conftest import Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


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
