"""The report page keeps step with the sound, and goes where its address and its reader say."""

import random
import time

import pytest
from selenium.webdriver.common.keys import Keys

from ecg_audio.captions.cues import cues
from tests.captions.page.conftest import Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


def test_twenty_random_words_are_in_step(opened: Open) -> None:
    """Wherever the clock stands, the lit word and the caption are those being said."""
    analysis = factory.analysis(words=200, speakers=2)
    page = opened(analysis)
    captions = cues(analysis.segments)
    seen = 0
    for word in random.Random(7).sample(analysis.words, 20):
        page.seek((word.start_s + word.end_s) / 2)
        now_s = page.clock_s
        spoken = [other for other in analysis.words if other.start_s <= now_s]
        assert page.lit == max(spoken, key=lambda other: other.start_s).text
        current = [word for cue in captions if cue.start_s <= now_s < cue.end_s for word in cue.words]
        shown = page.ask(
            "[...document.querySelectorAll('.caption .word')].map(w => [w.textContent, w.matches('.yet')])"
        )
        assert [(text, yet) for text, yet in shown] == [(w.text, w.start_s > now_s) for w in current]
        seen += bool(current)  # a word that begins while somebody else is read waits for the gap between two cues
    assert seen > 15


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


@pytest.mark.parametrize(("at", "time_s"), [("#t=4", 4), ("#t=0:05.5", 5.5), ("#t=0:00:03", 3), ("#t=x", 0)])
def test_address_leads_to_a_time(opened: Open, at: str, time_s: float) -> None:
    """`#t=` opens the page at a time, given in seconds or as a clock shows it."""
    page = opened(factory.analysis(words=60), at=at)
    assert page.clock_s == pytest.approx(time_s, abs=0.05)
    page.driver.execute_script("location.hash = 't=6'")
    page.wait("Math.abs(document.querySelector('audio').currentTime - 6) < 0.05")


def test_choices_are_remembered(opened: Open) -> None:
    """What was chosen is there again when the page is opened again."""
    page = opened(factory.analysis())
    page.driver.execute_script(
        "const s = document.getElementById('speed'); s.value = '1.5'; s.dispatchEvent(new Event('change'))"
    )
    page.find("#theme").click()
    page.driver.execute_script(
        "const i = document.getElementById('intensity'); i.value = '0.4'; i.dispatchEvent(new Event('input'))"
    )
    page.press("c")
    page.driver.refresh()
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.find("#speed").get_property("value") == "1.5"
    assert page.ask("document.documentElement.dataset.theme") == "dark"
    assert page.find("#preset").get_property("value") == "karaoke"
    assert page.ask("document.getElementById('caption').className").split() == ["caption", "as-karaoke", "follows"]
    assert page.find("#intensity").get_property("value") == "0.4"
    assert page.ask("document.documentElement.style.getPropertyValue('--i')") == "0.4"
    page.wait("document.querySelector('audio').playbackRate === 1.5")


def test_what_is_remembered_and_makes_no_sense_is_passed_over(opened: Open) -> None:
    """A preset or an intensity that there is not leaves the page as it is made."""
    page = opened(factory.analysis())
    page.driver.execute_script("localStorage.setItem('ecg-preset', 'loud'); localStorage.setItem('ecg-intensity', 'x')")
    page.driver.refresh()
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.find("#preset").get_property("value") == "expressive"
    assert page.find("#intensity").get_property("value") == "1"


def test_who_speaks_is_said_where_two_speak_at_once(opened: Open) -> None:
    """Lines of two at once begin with a dash and the name, as in the files."""
    said = (("Cid", 0.5, "Good morning everybody"), ("Ann", 4, "I never said that"), ("Bob", 4.2, "Oh you did"))
    words = [
        factory.word(text, start_s + 0.4 * index, start_s + 0.4 * index + 0.3, speaker)
        for speaker, start_s, line in said
        for index, text in enumerate(line.split())
    ]
    page = opened(factory.analysis(words=words))
    page.seek(4.5)
    lines = page.ask("[...document.querySelectorAll('.caption p')].map(line => line.textContent)")
    assert lines == ["- Ann: I never said that", "- Bob: Oh you did"]
