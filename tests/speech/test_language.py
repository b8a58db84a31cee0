"""Which language is spoken, by a vote over several places."""

import pytest

from ecg_audio.analysis import Span
from ecg_audio.speech.language import BALLOTS, LANGUAGES, Ballot, polling_places, vote


def test_the_likeliest_language_wins_with_its_mean_probability() -> None:
    """One sure place does not outvote two long ones that agree."""
    ballots = [Ballot(2.0, {"ko": 0.9, "en": 0.1}), Ballot(4.0, {"en": 0.8, "ko": 0.2}), Ballot(4.0, {"en": 0.7})]
    language, probability = vote(ballots)
    assert language == "en"
    assert probability == pytest.approx(0.02 + 0.32 + 0.28)


def test_nobody_can_vote_on_silence() -> None:
    """Without ballots there is no language."""
    with pytest.raises(ValueError, match="nobody voted"):
        vote([])


def test_places_are_spread_over_the_recording() -> None:
    """Each part of the recording sends its longest stretch, so that a foreign intro decides little."""
    stretches = [Span(start_s=10 * index, end_s=10 * index + (5 if index % 2 else 3)) for index in range(20)]
    places = polling_places(stretches)
    assert len(places) == BALLOTS
    assert [place.start_s // 40 for place in places] == [0, 1, 2, 3, 4]
    assert all(place.end_s - place.start_s == 5 for place in places)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_stretches_than_places_are_all_asked(count: int) -> None:
    """A short recording is asked everywhere."""
    stretches = [Span(start_s=index, end_s=index + 0.5) for index in range(count)]
    assert polling_places(stretches) == stretches


def test_codes_are_those_that_requests_can_carry() -> None:
    """A hundred languages, all of two or three letters."""
    assert len(LANGUAGES) == 100
    assert all(code.isalpha() and len(code) in (2, 3) for code in LANGUAGES)
