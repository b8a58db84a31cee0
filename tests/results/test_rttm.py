"""Speaker turns as RTTM."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import Turn
from ecg_audio.errors import InvalidRequest
from ecg_audio.results import rttm
from tests.support.results import factory
from tests.support.results.strategies import turns


def test_a_turn_is_the_line_the_standard_asks_for() -> None:
    """Ten fields, times to the millisecond, in order of time, overlap kept."""
    analysis = factory.analysis(
        turns=(
            Turn(speaker="SPEAKER_01", start_s=1.5, end_s=3.25),
            Turn(speaker="SPEAKER_00", start_s=0.0, end_s=2.0004),
        ),
        job_id="job-1",
    )
    assert rttm.dumps(analysis) == (
        "SPEAKER job-1 1 0.000 2.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
        "SPEAKER job-1 1 1.500 1.750 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    )


@given(st.lists(turns(), max_size=8))
@settings(deadline=None, max_examples=60)
def test_turns_survive_to_the_millisecond(given_turns: list[Turn]) -> None:
    """What is read is what was written, in order of time, names without what RTTM cannot hold."""
    read = rttm.loads(rttm.dumps(factory.empty(turns=tuple(given_turns))))
    expected = sorted(given_turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))
    assert len(read) == len(expected)
    for one, other in zip(read, expected, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.0006)
        assert one.end_s == pytest.approx(other.end_s, abs=0.0006)
        assert not any(character.isspace() for character in one.speaker)


def test_turns_that_meet_still_meet() -> None:
    """Rounding opens no gap and makes no overlap between neighbours."""
    edges = [0.0, 0.3335, 1.1115, 2.0005, 2.9996]
    neighbours = tuple(
        Turn(speaker=f"S{index}", start_s=start, end_s=end) for index, (start, end) in enumerate(pairwise(edges))
    )
    read = rttm.loads(rttm.dumps(factory.empty(turns=neighbours)))
    assert [turn.end_s for turn in read[:-1]] == [turn.start_s for turn in read[1:]]


def test_unsafe_names_become_one_field() -> None:
    """White space in a job id or a speaker's name does not shift the columns."""
    turn = Turn(speaker="Dr. Kim\t2", start_s=0, end_s=1)
    line = rttm.dumps(factory.empty(turns=(turn,), job_id="a b;c"))
    assert line.split()[1] == "a_b_c"
    assert rttm.loads(line)[0].speaker == "Dr._Kim_2"


def test_other_lines_are_skipped() -> None:
    """Comments, blank lines and the standard's other types are no turns."""
    text = (
        ";; a comment\n\n"
        "SPKR-INFO meeting 1 <NA> <NA> <NA> unknown Ann <NA>\n"
        "LEXEME meeting 1 0.1 0.2 hello lex Ann <NA>\n"
        "SPEAKER meeting 1 0.5 1.25 <NA> <NA> Ann <NA>\n"
    )
    assert rttm.loads(text) == (Turn(speaker="Ann", start_s=0.5, end_s=1.75),)


@pytest.mark.parametrize(
    "line",
    [
        "WEBVTT",
        "SPEAKER meeting 1 0.5",
        "SPEAKER meeting 1 zero 1 <NA> <NA> Ann <NA>",
        "SPEAKER meeting 1 -1 1 <NA> <NA> Ann <NA>",
        "SPEAKER meeting 1 0 inf <NA> <NA> Ann <NA>",
    ],
)
def test_a_bad_line_is_named(line: str) -> None:
    """The message says which line is wrong."""
    good = "SPEAKER meeting 1 0 1 <NA> <NA> Ann <NA>"
    with pytest.raises(InvalidRequest, match="line 2"):
        rttm.loads(f"{good}\n{line}\n")
