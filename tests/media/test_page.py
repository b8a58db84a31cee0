"""docs/media.md: what happens to which kind of file, held by extracting each."""

from pathlib import Path

import pytest

from tests.support.media import kinds
from tests.support.media.kinds import KINDS, Kind, found

PAGE = Path(__file__).parents[2] / "docs" / "media.md"


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_the_page_says_what_comes_out(kind: Kind) -> None:
    """Each kind's line is what extraction gives: tones within 10 ms of their times and 0.2 dB of their levels."""
    result = found(kind)
    assert result.onsets_s == pytest.approx(kind.times_s, abs=0.01)
    assert result.level_dbfs == pytest.approx(kinds.TRUE_DBFS + kind.louder_db, abs=0.2)
    assert kinds.row(kind) in PAGE.read_text(encoding="utf-8")


def test_the_page_is_in_step_with_its_text() -> None:
    """What stands around the table is the text beside the kinds."""
    text = Path(kinds.__file__).with_name("media_page.md").read_text(encoding="utf-8")
    before, after = text.split("{{ROWS}}")
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(before)
    assert page.endswith(after)
