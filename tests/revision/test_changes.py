"""A revision is told in numbers."""

import pytest

from ecg_audio.analysis import Edits, SegmentEdit
from ecg_audio.revision.changes import changes
from ecg_audio.revision.draft import drafted
from tests.support.results import factory


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (Edits(), "nothing"),
        (Edits(segments={1: SegmentEdit(text="")}), "6 words"),
        (Edits(speakers={"Speaker 1": "Sheila"}), "1 name"),
        (Edits(speakers={"Speaker 1": "Speaker 2"}), "1 name"),
        (Edits(segments={0: SegmentEdit(speaker="Speaker 2")}), "1 segment given to others"),
        (
            Edits(speakers={"Speaker 1": "A", "Speaker 2": "B"}, segments={2: SegmentEdit(text="Why")}),
            "6 words, 2 names",
        ),
    ],
)
def test_a_revision_is_told_in_numbers(edits: Edits, said: str) -> None:
    """Words that are others, names that are new or gone, segments that changed hands."""
    before = factory.analysis(words=24, speakers=2)
    after = drafted(before, edits)
    after = after.model_copy(update={"speakers": ()}) if edits.speakers else after
    assert changes(before, after) == said
