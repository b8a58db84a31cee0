"""The transcript of the report page: clicked, searched, followed, and honest about doubtful words."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.captions.page.conftest import DESKTOP, PHONE, SMALL, TURNED, Open
from tests.support.results import factory

pytestmark = pytest.mark.browser


def test_clicking_a_word_seeks(opened: Open) -> None:
    """A word in the transcript leads the recording to its beginning, and so does a time in the margin."""
    analysis = factory.analysis(words=30)
    page = opened(analysis)
    page.find("[data-word='14']").click()
    assert page.clock_s == pytest.approx(analysis.words[14].start_s, abs=0.002)
    page.driver.find_elements(By.CSS_SELECTOR, ".at")[2].click()
    assert page.clock_s == pytest.approx(analysis.segments[2].start_s, abs=0.002)


def test_search_finds_without_case_and_accents(opened: Open) -> None:
    """Letters match whatever their case and accents, across words; enter goes round the matches and seeks."""
    analysis = factory.analysis(words=48)
    page = opened(analysis)
    page.press("/")
    page.press("NAIVE <b>")
    hits = [index for index, word in enumerate(analysis.words) if word.text == "naïve"]
    assert page.find("#found").text == str(len(hits))
    page.press(Keys.ENTER)
    assert page.find("#found").text == f"1 of {len(hits)}"
    assert page.clock_s == pytest.approx(analysis.words[hits[0]].start_s, abs=0.002)
    page.press(Keys.SHIFT, Keys.ENTER)
    page.wait(f"document.getElementById('found').textContent === '{len(hits)} of {len(hits)}'")
    page.press(Keys.ESCAPE)
    assert page.driver.find_elements(By.CSS_SELECTOR, ".hit") == []
    page.press("/")
    page.press("nowhere said")
    assert page.find("#found").text == "none"


@pytest.mark.parametrize("size", [PHONE, SMALL, TURNED, DESKTOP])
def test_transcript_is_seen_early_and_follows(opened: Open, size: tuple[int, int]) -> None:
    """The transcript begins on the first screen, the word being said stays in sight, scrolling by hand is respected."""
    analysis = factory.analysis(words=600, speakers=3)
    page = opened(analysis, size=size)
    assert page.ask("document.querySelector('.lines .word').getBoundingClientRect().bottom") < size[1]
    seen = (
        "(() => { const w = document.querySelector('.lines .lit').getBoundingClientRect(),"
        " b = document.getElementById('lines').getBoundingClientRect();"
        " return w.top >= b.top && w.bottom <= Math.min(b.bottom, innerHeight); })()"
    )
    for share in (0.3, 0.9, 0.5):
        page.seek(analysis.recording.duration_s * share)
        assert page.ask(seen)
    page.driver.execute_script(
        "const b = document.getElementById('lines'); b.dispatchEvent(new WheelEvent('wheel')); b.scrollTop = 0"
    )
    assert not page.find("#follow").is_selected()
    page.seek(analysis.recording.duration_s * 0.8)
    assert page.ask("document.getElementById('lines').scrollTop") == 0
    page.find("#follow").click()
    page.wait(seen)


def test_doubtful_words_are_seen_at_a_glance(opened: Open) -> None:
    """Words of little confidence and suspect ones are underlined, each in its way; the legend says what that means."""
    analysis = factory.analysis(words=24)
    first = analysis.segments[0]
    words = (
        first.words[0].model_copy(update={"confidence": 0.2, "suspect": None, "timing": "aligned"}),
        first.words[1].model_copy(update={"confidence": 0.9, "suspect": "SILENT"}),
        *first.words[2:],
    )
    changed = first.model_copy(update={"words": words})
    page = opened(analysis.model_copy(update={"segments": (changed, *analysis.segments[1:])}))
    looks = page.ask(
        "[...document.querySelectorAll('.lines .word')].slice(0, 2).map(w => getComputedStyle(w).textDecorationStyle)"
    )
    assert looks == ["dashed", "wavy"]
    legend = page.find("#legend").text
    assert "confidence below 50 %" in legend and "not to be trusted" in legend


@pytest.mark.parametrize(
    ("confidences", "said"),
    [
        ((None, None), "0 suspect, confidence not measured"),
        ((0.2, 0.9), "0 suspect, 1 with a confidence below 50 %"),
        ((0.9, None), "0 suspect, 0 of 1 with a confidence below 50 %"),
    ],
)
def test_confidence_that_nobody_measured_is_not_called_high(
    opened: Open, confidences: tuple[float | None, ...], said: str
) -> None:
    """The facts count words of little confidence among those whose confidence is known."""
    analysis = factory.analysis(words=2)
    given = iter(confidences)
    segments = tuple(
        segment.model_copy(
            update={
                "words": tuple(
                    word.model_copy(update={"confidence": next(given), "suspect": None}) for word in segment.words
                )
            }
        )
        for segment in analysis.segments
    )
    page = opened(analysis.model_copy(update={"segments": segments}))
    assert said in page.find("#facts").text
