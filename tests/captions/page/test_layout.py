"""The report page at every size: nothing clipped, nothing covered."""

import pytest

from tests.captions.page.conftest import DESKTOP, PHONE, Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


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
