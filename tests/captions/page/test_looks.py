"""What words look like on the report page, what that means, and who chooses it."""

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from ecg_audio.captions.styling import Style
from tests.captions.page.conftest import DESKTOP, PHONE, Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


def test_presets_change_what_words_look_like(opened: Open) -> None:
    """Expressive words differ in weight and size, karaoke and plain ones do not, and off shows none."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    loud = next(word for word in analysis.words if word.emphasis and word.emphasis.louder)
    page.seek((loud.start_s + loud.end_s) / 2)
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


def test_page_explains_its_typography_and_names_its_lanes(opened: Open) -> None:
    """A line says what larger, raised, wider and italic mean, while words look so; a page that opens is not empty."""
    page = opened(factory.analysis(words=48))
    legend = page.find("#voices").text
    assert all(part in legend for part in ("larger: louder", "raised: higher", "wider: slower", "italic: whispered"))
    assert page.find("#caption").text.strip()
    page.press("c")
    assert not page.find("#voices").is_displayed()


@pytest.mark.parametrize(("size", "most"), [(DESKTOP, 1), (PHONE, 2)])
def test_the_legend_is_short_and_keys_open_the_rest(opened: Open, size: tuple[int, int], most: int) -> None:
    """It takes one line of a desktop's screen, two of a phone's; what it is measured by is a key away."""
    page = opened(factory.analysis(words=48), size=size)
    height, line = page.ask(
        "(() => { const e = document.getElementById('voices');"
        " return [e.getBoundingClientRect().height, parseFloat(getComputedStyle(e).lineHeight)]; })()"
    )
    assert height < (most + 0.5) * line
    assert not page.find("#mapping p").is_displayed()
    page.find("#query").click()
    while page.ask("document.activeElement.id") != "voices":
        assert page.ask("document.activeElement.id") in ("query", "previous", "next")
        page.press(Keys.TAB)
    page.press(Keys.ENTER)
    assert "usual for this speaker" in page.find("#mapping p").text
    assert page.find("#mapping select").is_displayed()


def test_words_to_come_are_dimmed_emphasised_or_not(opened: Open) -> None:
    """In karaoke each word that is not yet said has the colour of such words, and each that is said has another."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    page.press("c")
    found = (
        "[...document.querySelectorAll('.caption .word')].map(w =>"
        " [w.matches('.yet'), w.matches('.look'), getComputedStyle(w).color])"
    )
    dimmed = 0
    for segment in analysis.segments:
        page.seek(segment.start_s + 0.1)
        page.wait("document.getAnimations().length === 0")  # colours fade
        unsaid = "#" + Style.preset("karaoke").palette.unsaid.lstrip("#").lower()
        for yet, look, colour in page.ask(found):
            rgb = "#" + "".join(f"{int(channel):02x}" for channel in re.findall(r"\d+", colour)[:3])
            assert (rgb == unsaid) == yet
            dimmed += yet and look
    assert dimmed > 3


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
