"""What operators read of a job in Prefect's pages."""

import pytest

from ecg_audio.results.outcome import Outputs, outcome
from flows.summary import LINES, _inert, _markdown, _timeline
from tests.support.results import factory


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Don\'t "stop"', 'Don\'t "stop"'),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("R&B", "R&amp;B"),
        ("a_b *c* `d` [e](f) # |", r"a\_b \*c\* \`d\` \[e\](f) \# \|"),
    ],
)
def test_titles_read_as_they_were_written(text: str, shown: str) -> None:
    """Quotes stay quotes; what would be HTML or Markdown has no power."""
    assert _inert(text) == shown


def test_a_summary_begins_with_the_transcript() -> None:
    """A few lines with the names that captions show, inert; lengths as people say them; a way to the report."""
    words = [
        *(factory.word(text, at, at + 0.5, speaker="SPEAKER_00") for at, text in enumerate(("<b>Hello", "*there*"))),
        *(factory.word("word", 3 + at, 3.5 + at, speaker=f"SPEAKER_{at % 2:02d}") for at in range(20)),
        factory.word("long", 30, 336, speaker="SPEAKER_00"),
    ]
    found = factory.analysis(words)
    places = {name: f"/store/{name}" for name in Outputs.model_fields if name not in ("tables", "presets")}
    ended = outcome(found, Outputs(**places, tables={}), ())
    told = _markdown(found, ended)
    assert "> **Speaker 1** &lt;b&gt;Hello \\*there\\* word  \n" in told and told.count("\n> ") == LINES
    assert " · 5:36 · " in told and "SPEAKER_" not in told and f"**Open the report**: `ecg open {ended.job_id}`" in told
    assert "Speaker 1<" in _timeline(found.turns, 336.5) and "5:36<" in _timeline(found.turns, 336.5)
    reached = ended.model_copy(update={"outputs": Outputs(**{**places, "report": "https://a/r.html"}, tables={})})
    assert "[**Open the report**](https://a/r.html)" in _markdown(found, reached)
