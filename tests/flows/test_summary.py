"""What operators read of a job in Prefect's pages."""

import pytest

from flows.summary import _inert


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
