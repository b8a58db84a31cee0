"""What people call speakers means those whom captions call so."""

import pytest

from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.captions.names import displayed
from ecg_audio.errors import InvalidRequest
from ecg_audio.revision.draft import drafted
from ecg_audio.revision.edits import meant, resolved
from tests.support.results import factory


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Four segments of two speakers; the fourth of nobody."""
    return factory.analysis(words=24, speakers=2)


def test_a_speaker_is_meant_by_the_name_that_captions_show(analysis: Analysis) -> None:
    """`Speaker 1` is SPEAKER_00 and may be renamed so; a name that was given means itself; nobody else is meant."""
    after = drafted(analysis, Edits(speakers={"Speaker 1": "Sheila"}, segments={1: SegmentEdit(speaker="Speaker 1")}))
    assert [segment.speaker for segment in after.segments] == ["Sheila", "Sheila", "Sheila", None]
    assert meant("Sheila", ("Sheila", "SPEAKER_01")) == "Sheila"
    assert meant("Speaker 2", ("Speaker 2", "SPEAKER_01")) == "Speaker 2"
    assert meant("Speaker 3", ("Sheila", "SPEAKER_01")) is None


@pytest.mark.parametrize(
    "edits",
    [
        Edits(speakers={"SPEAKER_00": "Speaker 2"}),
        Edits(speakers={"Speaker 1": "Speaker 2", "Speaker 2": "Diane"}),
        Edits(speakers={"SPEAKER_00": "Speaker 9", "SPEAKER_01": "SPEAKER_08"}),
        Edits(segments={0: SegmentEdit(speaker="Speaker 7"), 1: SegmentEdit(speaker="SPEAKER_06")}),
    ],
)
def test_no_two_speakers_look_like_one(analysis: Analysis, edits: Edits) -> None:
    """A name that captions show for somebody else means that speaker, whichever of both is new."""
    after = drafted(analysis, edits)
    told = {segment.speaker for segment in after.segments} | {turn.speaker for turn in after.turns}
    assert len({displayed(one) for one in told}) == len(told)


def test_what_is_resolved_stays_so(analysis: Analysis) -> None:
    """A revision keeps whom it meant, and making it again does the same."""
    once = resolved(analysis, Edits(speakers={"Speaker 1": " Speaker  2 ", "SPEAKER_01": "Diane"}))
    assert once.speakers == {"SPEAKER_00": "SPEAKER_01", "SPEAKER_01": "Diane"} and resolved(analysis, once) == once


def test_one_speaker_has_one_new_name(analysis: Analysis) -> None:
    """Two names for one, by the id and by what captions show, are refused; so is a speaker whom nobody is called."""
    with pytest.raises(InvalidRequest, match="Speaker 1 has two new names: Ana and Eva"):
        resolved(analysis, Edits(speakers={"SPEAKER_00": "Ana", "Speaker 1": "Eva"}))
    with pytest.raises(InvalidRequest, match="no speaker Speaker 9; there are Speaker 1, Speaker 2"):
        resolved(analysis, Edits(speakers={"Speaker 9": "Ana"}))
