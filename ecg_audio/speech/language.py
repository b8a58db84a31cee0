"""Which language is spoken where: what Whisper knows, asked of every few seconds of speech.

Whisper answers for a spectrogram much shorter than its 30 s too, at the price of its length, and about as well: so a
recording is asked everywhere before it is cut up for recognition, and two languages never share a stretch.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecg_audio.analysis import Notice, Span

if TYPE_CHECKING:
    from ecg_audio.speech.activity import Scores  # needs numpy, and whoever only asks for a code does not

LANGUAGES = frozenset(
    """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is
    it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk
    sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
    """.split()  # noqa: SIM905 - a hundred quoted codes are harder to read
)
"""Codes of the languages Whisper was trained on."""

PLACE_S = 12.0  # so much speech tells its language: of places of 4 s one in five is wrong, of 12 s one in fifteen
DIVIDED = 0.2  # a second language this likely makes a place worth asking in halves
DOUBTED_BELOW = 0.9  # Korean was once taken for Thai with 0.86; clear speech is above 0.94
LISTED = 8  # regions that a notice names

CHANGE = math.log(10.0)  # what a change of language from one place to the next costs, in nats
TELLING_S = 6.0  # shorter places count by their share of this
LEAST = 1e-3  # no place is surer than this that a language is not spoken


@dataclass(frozen=True, slots=True)
class Ballot:
    """How likely each language is in one place."""

    place: Span
    probabilities: Mapping[str, float]

    @property
    def duration_s(self) -> float:
        """Of the place."""
        return self.place.end_s - self.place.start_s

    def probability(self, language: str) -> float:
        """Of one language; 0 where it was not named."""
        return self.probabilities.get(language, 0.0)


class Region(Span):
    """Neighbouring places in one language, with its mean probability in them."""

    language: str
    probability: float


def asked(
    speech: Sequence[Span], duration_s: float, scores: "Sequence[Scores]", ask: Callable[[Span], Mapping[str, float]]
) -> list[Ballot]:
    """Ask everywhere somebody speaks, about 12 s at a time; where two languages are likely, each half by itself.

    Args:
        speech: ordered and disjoint.
        duration_s: of the recording.
        scores: of the detectors, for `activity.stretches`.
        ask: how likely each language is in a span.
    """
    from ecg_audio.speech import activity

    waiting = list(activity.stretches(speech, duration_s, PLACE_S, scores=scores))[::-1]
    ballots = []
    while waiting:
        place = waiting.pop()
        ballot = Ballot(place, ask(place))
        halves = activity.split(place, speech) if ambivalent(ballot.probabilities) else ()
        waiting += reversed(halves)
        if not halves:
            ballots.append(ballot)
    return ballots


def ambivalent(probabilities: Mapping[str, float]) -> bool:
    """Whether two languages are likely, as where somebody changes from one to the other."""
    return len(probabilities) > 1 and sorted(probabilities.values())[-2] >= DIVIDED


def regions(ballots: Sequence[Ballot]) -> tuple[Region, ...]:
    """Where which language is spoken: the likeliest course of languages, in which each change has its price.

    So a place that is sure keeps its own language, one that is not takes its neighbours', and several that are fairly
    sure of the same together keep theirs (Viterbi 1967).

    Args:
        ballots: in order of time.
    """
    found: list[Region] = []
    course = zip(_course(ballots), ballots, strict=True)
    for language, group in itertools.groupby(course, key=lambda pair: pair[0]):
        places = [ballot for _, ballot in group]
        total_s = sum(ballot.duration_s for ballot in places)
        mean = sum(ballot.probability(language) * ballot.duration_s for ballot in places) / total_s
        found.append(
            Region(
                start_s=places[0].place.start_s,
                end_s=places[-1].place.end_s,
                language=language,
                probability=round(min(1.0, mean), 4),
            )
        )
    return tuple(found)


def spoken(regions: Sequence[Region]) -> tuple[str, float]:
    """The language that is spoken longest, and its mean probability where it is.

    Raises:
        ValueError: nobody speaks.
    """
    if not regions:
        raise ValueError("nobody speaks")
    lengths_s: dict[str, float] = {}
    weighed: dict[str, float] = {}
    for region in regions:
        length_s = region.end_s - region.start_s
        lengths_s[region.language] = lengths_s.get(region.language, 0.0) + length_s
        weighed[region.language] = weighed.get(region.language, 0.0) + length_s * region.probability
    language = max(lengths_s, key=lambda code: (lengths_s[code], code))
    return language, round(weighed[language] / lengths_s[language], 4)


def at(regions: Sequence[Region], span: Span) -> str:
    """The language of a span: that of the region which holds most of it."""
    return max(regions, key=lambda region: min(region.end_s, span.end_s) - max(region.start_s, span.start_s)).language


def doubts(regions: Sequence[Region]) -> list[Notice]:
    """What a reader should know of languages that nobody named: doubts, and that there are several."""
    notices = []
    unsure = [region for region in regions if region.probability < DOUBTED_BELOW]
    if unsure:
        message = (
            f"nobody named the language, and it was hard to tell: {_listed(unsure)}; words there may be wrong "
            "throughout; where the language is known, name it"
        )
        notices.append(Notice(code="LANGUAGE_DOUBTED", message=message))
    if len({region.language for region in regions}) > 1:
        message = f"several languages were heard, and each was recognised as itself: {_listed(regions)}"
        notices.append(Notice(code="SEVERAL_LANGUAGES", message=message))
    return notices


def _listed(regions: Sequence[Region]) -> str:
    named = [
        f"{region.language!r} at {region.start_s:.0f}-{region.end_s:.0f} s (probability {region.probability:.2f})"
        for region in regions[:LISTED]
    ]
    more = [f"{len(regions) - LISTED} more places"] if len(regions) > LISTED else []
    return ", ".join(named + more)


def _course(ballots: Sequence[Ballot]) -> list[str]:
    """The language of each place, of those that lead anywhere."""
    languages = sorted({max(one.probabilities, key=one.probability) for one in ballots if one.probabilities})
    if not languages:
        return ["und"] * len(ballots)
    import numpy as np

    from ecg_audio.speech.likeliest import best_path

    scores = [
        [min(1.0, ballot.duration_s / TELLING_S) * math.log(max(LEAST, ballot.probability(code))) for code in languages]
        for ballot in ballots
    ]
    return [languages[state] for state in best_path(np.array(scores), np.full(len(ballots), CHANGE))]
