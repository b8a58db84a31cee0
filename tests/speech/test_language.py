"""Which language is spoken where, from the answers of many places."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Span
from ecg_audio.speech.language import (
    DOUBTED_BELOW,
    LANGUAGES,
    LISTED,
    PLACE_S,
    Ballot,
    Region,
    ambivalent,
    asked,
    at,
    doubts,
    regions,
    spoken,
)


def ballots(*answers: tuple[float, dict[str, float]]) -> list[Ballot]:
    """Places one after another, a second apart: (seconds, probabilities) each."""
    found, now = [], 0.0
    for seconds, probabilities in answers:
        found.append(Ballot(Span(start_s=now, end_s=now + seconds), probabilities))
        now += seconds + 1.0
    return found


def course(*answers: tuple[float, dict[str, float]]) -> list[str]:
    """The languages that are heard, one after another."""
    return [region.language for region in regions(ballots(*answers))]


ENGLISH = (12.0, {"en": 0.95, "cy": 0.03})
KOREAN = (12.0, {"ko": 0.95, "ja": 0.03})


def test_silence_has_no_language() -> None:
    """Without ballots there is no language."""
    with pytest.raises(ValueError, match="nobody speaks"):
        spoken([])
    assert regions([]) == ()
    assert doubts([]) == []


def test_korean_then_english_loses_neither() -> None:
    """Each part keeps its language, and the border lies between their places."""
    found = regions(ballots(KOREAN, KOREAN, ENGLISH, ENGLISH))
    assert [(region.language, region.start_s, region.end_s) for region in found] == [
        ("ko", 0.0, 25.0),
        ("en", 26.0, 51.0),
    ]
    assert found[0].probability == 0.95


def test_a_sure_place_in_the_middle_keeps_its_language() -> None:
    """One German sentence in an English talk is German, and the talk goes on in English."""
    assert course(ENGLISH, (10.0, {"de": 0.99, "en": 0.001}), ENGLISH) == ["en", "de", "en"]


@pytest.mark.parametrize(
    "odd",
    [
        (12.0, {"cy": 0.6, "en": 0.35}),
        (12.0, {"zh": 0.75, "en": 0.13}),
        (1.8, {"haw": 0.85, "en": 0.01}),
        (2.0, {"ko": 0.99}),
    ],
)
def test_a_doubtful_or_short_place_takes_its_neighbours_language(odd: tuple[float, dict[str, float]]) -> None:
    """What Whisper takes a mumbled or short place for is no change of language."""
    assert course(ENGLISH, odd, ENGLISH) == ["en"]


def test_doubtful_places_that_agree_are_believed_together() -> None:
    """Four places in a row that each give Korean 0.6 are Korean, although one of them would not be."""
    doubtful = (12.0, {"ko": 0.6, "en": 0.1})
    assert course(ENGLISH, doubtful, ENGLISH) == ["en"]
    assert course(ENGLISH, *[doubtful] * 4, ENGLISH) == ["en", "ko", "en"]


def test_the_language_of_the_recording_is_what_is_spoken_longest() -> None:
    """Its probability is that of its own places alone."""
    found = regions(ballots(KOREAN, ENGLISH, ENGLISH, (12.0, {"en": 0.75})))
    language, probability = spoken(found)
    assert language == "en"
    assert probability == pytest.approx((0.95 + 0.95 + 0.75) / 3, abs=1e-3)


def test_a_stretch_has_the_language_of_its_region() -> None:
    """Also where its padding reaches over the border."""
    found = regions(ballots(KOREAN, ENGLISH))
    assert at(found, Span(start_s=0.0, end_s=12.2)) == "ko"
    assert at(found, Span(start_s=12.8, end_s=25.0)) == "en"


# Notices


def region(language: str, probability: float, start_s: float = 0.0) -> Region:
    """Ten seconds of a language."""
    return Region(start_s=start_s, end_s=start_s + 10, language=language, probability=probability)


def test_a_language_that_is_hard_to_tell_is_doubted_aloud() -> None:
    """A Korean clip that Whisper takes for Thai with 0.73 says so; a sure one says nothing."""
    (notice,) = doubts([region("th", 0.73)])
    assert notice.code == "LANGUAGE_DOUBTED"
    assert "'th' at 0-10 s (probability 0.73)" in notice.message
    assert doubts([region("th", DOUBTED_BELOW)]) == []


def test_several_languages_are_named_with_their_places() -> None:
    """A reader learns where which was heard, and which of them is doubtful."""
    doubted, several = doubts([region("th", 0.7), region("en", 0.96, 12.0)])
    assert doubted.code == "LANGUAGE_DOUBTED"
    assert "'en'" not in doubted.message
    assert several.code == "SEVERAL_LANGUAGES"
    assert "'th' at 0-10 s (probability 0.70), 'en' at 12-22 s (probability 0.96)" in several.message


def test_a_long_list_of_places_is_cut_short() -> None:
    """A notice stays readable, whatever a recording holds."""
    many = [region(("en", "ko")[index % 2], 0.9, 12.0 * index) for index in range(40)]
    (notice,) = doubts(many)
    assert f"{40 - LISTED} more places" in notice.message
    assert len(notice.message) < 700


# Asking


def test_every_place_is_asked() -> None:
    """A minute of speech with pauses: places of up to 12 s that hold all of it."""
    speech = [Span(start_s=5.0 * index, end_s=5.0 * index + 4.5) for index in range(12)]
    found = asked(speech, 60.0, (), lambda _place: {"en": 0.9})
    assert all(ballot.duration_s <= PLACE_S for ballot in found)
    held = sum(
        max(0.0, min(span.end_s, ballot.place.end_s) - max(span.start_s, ballot.place.start_s))
        for span in speech
        for ballot in found
    )
    assert held == pytest.approx(12 * 4.5)


def test_a_place_in_two_languages_is_asked_in_halves() -> None:
    """Eleven seconds, the first five in Korean: the answer to the whole is divided, those to its halves are not."""
    speech = [Span(start_s=0.0, end_s=5.0), Span(start_s=5.6, end_s=11.0)]

    def ask(place: Span) -> dict[str, float]:
        korean_s = max(0.0, min(place.end_s, 5.3) - place.start_s)
        share = korean_s / (place.end_s - place.start_s)
        return {"ko": share, "en": 1 - share}

    found = asked(speech, 11.0, (), ask)
    assert [max(ballot.probabilities, key=ballot.probability) for ballot in found] == ["ko", "en"]
    assert [one.language for one in regions(found)] == ["ko", "en"]


def test_a_place_that_cannot_be_cut_is_asked_once() -> None:
    """Divided answers to speech without a pause end the asking all the same."""
    (ballot,) = asked([Span(start_s=0.0, end_s=9.0)], 9.0, (), lambda _place: {"ko": 0.5, "en": 0.5})
    assert ambivalent(ballot.probabilities)
    assert not ambivalent({"en": 1.0})
    assert not ambivalent({})


@given(
    st.lists(
        st.tuples(
            st.floats(0.3, 12.0),
            st.dictionaries(st.sampled_from(["en", "ko", "de", "th"]), st.floats(0, 1), min_size=1),
        ),
        max_size=12,
    )
)
def test_regions_hold_every_place_once(answers: list[tuple[float, dict[str, float]]]) -> None:
    """In order, neighbours differ, probabilities are such, and the course is no dearer than one language throughout."""
    found = regions(ballots(*answers))
    assert all(before.end_s < after.start_s for before, after in itertools.pairwise(found))
    assert all(before.language != after.language for before, after in itertools.pairwise(found))
    assert all(0 <= one.probability <= 1 for one in found)
    if not answers:
        return
    places = ballots(*answers)
    assert (found[0].start_s, found[-1].end_s) == (places[0].place.start_s, places[-1].place.end_s)
    kept = [at(found, ballot.place) for ballot in places]
    cost = _cost(places, kept)
    for code in {max(ballot.probabilities, key=ballot.probability) for ballot in places}:
        assert cost <= _cost(places, [code] * len(places)) + 1e-6


def _cost(places: list[Ballot], kept: list[str]) -> float:
    changes = sum(before != after for before, after in itertools.pairwise(kept))
    said = sum(
        min(1.0, ballot.duration_s / 6.0) * -math.log(max(1e-3, ballot.probability(code)))
        for ballot, code in zip(places, kept, strict=True)
    )
    return changes * math.log(10.0) + said


def test_codes_are_those_that_requests_can_carry() -> None:
    """A hundred languages, all of two or three letters."""
    assert len(LANGUAGES) == 100
    assert all(code.isalpha() and len(code) in (2, 3) for code in LANGUAGES)
