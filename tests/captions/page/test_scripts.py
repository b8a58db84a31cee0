"""Text of the report page in every script: it runs and turns as its readers expect."""

from itertools import accumulate

import pytest

from tests.captions.page.conftest import Open
from tests.captions.test_boundaries import NOT_FIRST, NOT_LAST
from tests.captions.test_scripts import SAID
from tests.captions.test_scripts import segment as in_script
from tests.support.results import factory

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("text", "leftwards"), [("مرحبا بكم جميعا", True), ("שלום לכם היום", True), ("hello to you", False)]
)
def test_captions_run_as_their_text_does(opened: Open, text: str, leftwards: bool) -> None:
    """The words of a live caption and of the transcript follow each other from right to left where their letters do."""
    base = factory.analysis(words=12)
    segments = []
    for segment in base.segments:
        words = tuple(w.model_copy(update={"text": t}) for w, t in zip(segment.words, text.split(), strict=False))
        segments.append(segment.model_copy(update={"words": words, "text": text}))
    page = opened(base.model_copy(update={"segments": tuple(segments)}))
    page.seek(base.segments[0].words[1].start_s)
    for selector in (".caption .word", ".lines .word"):
        lefts = page.ask(
            "[...document.querySelectorAll(arguments[0])].slice(0, 3).map(w => w.getBoundingClientRect().left)",
            selector,
        )
        assert lefts == sorted(lefts, reverse=leftwards)


@pytest.mark.parametrize("language", ["th", "ja", "zh", "ko", "km"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_transcript_turns_at_words_in_every_script(opened: Open, language: str, width: int) -> None:
    """At any width each line of the transcript begins with a word and with what may begin a line."""
    one = in_script(language, 2)
    analysis = factory.analysis(words=12, speakers=1)
    page = opened(analysis.model_copy(update={"segments": (one,), "language": language}), size=(width, 800))
    turned = page.ask(
        "(() => { const found = []; let last = null;"
        " const walk = document.createTreeWalker(document.querySelector('.lines .said'), NodeFilter.SHOW_TEXT);"
        " for (let node; (node = walk.nextNode()); ) for (let at = 0; at < node.length; at++) {"
        " if (node.data[at] === ' ') continue;"
        " const range = new Range(); range.setStart(node, at); range.setEnd(node, at + 1);"
        " const { left, top, width, height } = range.getBoundingClientRect(); if (!width) { found.push(''); continue; }"
        " const foot = top + height; if (last !== null && foot > last + 12) found.push('/'); last = foot;"
        " found.push(node.data[at]); } return found; })()"
    )
    words = SAID[language].split()
    whole = {0, *accumulate(map(len, words))}
    lines = "".join(turned).split("/")
    starts, at = [], 0
    for character in turned:
        if character == "/":
            starts.append(at)
        else:
            at += 1
    assert set(starts) <= whole
    assert starts or width > 1000
    assert all(line[0] not in NOT_FIRST and line[-1] not in NOT_LAST for line in lines if line)
