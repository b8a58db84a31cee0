"""The page's pauses and sounds in a real browser: a list that leads to them, and a sign while one is heard."""

import pytest

from tests.captions.page.conftest import Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


def test_sounds_are_shown_while_they_are_heard(opened: Open) -> None:
    """The list names each event and seeks to it; the sign is on the stage, and only as long as it is heard."""
    analysis = factory.analysis()
    assert analysis.events is not None
    laughter = analysis.events[1]
    page = opened(analysis)
    assert page.ask("[...document.querySelectorAll('.events button')].map((one) => one.textContent.slice(5))") == [
        "[0 s of silence]",
        "[laughter]",
    ]
    page.ask("document.querySelector('.events').closest('details').open = true")
    page.driver.execute_script("document.querySelectorAll('.events button')[1].click()")
    page.wait("document.querySelector('.heard').textContent === '[laughter]'")
    assert page.ask("!document.querySelector('.heard').hidden")
    assert page.clock_s == pytest.approx(laughter.start_s, abs=0.2)
    page.seek(laughter.start_s - 1)
    assert page.ask("document.querySelector('.heard').hidden")
    assert page.complaints() == []


def test_a_result_without_events_has_no_list(opened: Open) -> None:
    """Where nobody looked nothing is said of sounds."""
    page = opened(factory.analysis(events=None, event_kinds=()))
    assert page.ask("document.querySelector('.events')") is None
    assert page.complaints() == []
