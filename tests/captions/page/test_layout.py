"""The report page at every size: nothing clipped, nothing covered."""

import pytest

from ecg_audio.analysis import Analysis, Emphasis, Event, SpokenWord
from tests.captions.page.conftest import DESKTOP, PHONE, SMALL, TURNED, Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [PHONE, SMALL, TURNED, (768, 1024), DESKTOP, (2560, 1440)])
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


@pytest.mark.parametrize("size", [PHONE, SMALL, TURNED, (768, 1024), DESKTOP, (2560, 1440)])
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


def test_the_opened_legend_stays_beside_the_stage_of_a_turned_phone(opened: Open) -> None:
    """Opened, it is scrolled for itself: the transcript keeps some of its height, and nothing leaves its column."""
    page = opened(factory.analysis(words=400, speakers=4), size=TURNED)
    page.driver.execute_script("document.getElementById('mapping').open = true")
    assert page.ask("(e => e.scrollHeight <= e.clientHeight)(document.getElementById('transcript'))")
    assert page.ask("document.getElementById('lines').clientHeight") >= 100
    assert page.ask("document.getElementById('mapping').clientHeight") >= 60


@pytest.mark.parametrize("size", [PHONE, SMALL, TURNED, (740, 900), DESKTOP])
def test_a_sound_and_the_longest_captions_share_the_stage(opened: Open, size: tuple[int, int]) -> None:
    """While a sound is heard, its sign covers no word and no name, and two full loud lines are on the stage."""
    analysis = _loud_talk()
    page = opened(analysis, size=size)
    for word in analysis.words[::4]:
        page.seek(word.start_s + 0.01)
        assert page.find(".heard").is_displayed()
        misplaced = page.ask(
            "(() => { const box = e => e.getBoundingClientRect(), find = s => document.querySelector(s);"
            " const s = box(find('#stage')), h = box(find('.heard'));"
            " return [...document.querySelectorAll('.caption .word, .caption .name span')].filter(e => {"
            " const r = box(e); return r.left < s.left || r.right > s.right || r.top < s.top || r.bottom > s.bottom"
            " || (r.top < h.bottom && r.bottom > h.top && r.left < h.right && r.right > h.left); })"
            ".map(e => e.textContent); })()"
        )
        assert misplaced == [], word.text


def _loud_talk() -> Analysis:
    """Two long lines by one speaker, then two at once; every third word is loud, and laughter never ends."""
    said = (
        (
            "Ann",
            0.5,
            "The quick brown foxes jumped over seventeen lazy dogs yesterday, whatever anybody remembered of",
        ),
        ("Ann", 8.0, "I never said that about you"),
        ("Bartholomew", 8.3, "Oh you did and everybody heard it"),
    )
    words: list[SpokenWord] = []
    for speaker, start_s, text in said:
        for index, one in enumerate(text.split()):
            at_s = round(start_s + 0.35 * index, 3)
            emphasis = Emphasis(louder=float(index % 3 == 0), higher=float(index % 4 == 1), slower=0.0)
            words.append(factory.word(one, at_s, at_s + 0.3, speaker).model_copy(update={"emphasis": emphasis}))
    return factory.analysis(
        words=words, events=(Event(kind="laughter", start_s=0.0, end_s=60.0, found_by="recogniser"),)
    )
