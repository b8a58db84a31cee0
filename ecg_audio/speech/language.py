"""Which language is spoken: what Whisper knows, and a vote over several places of a recording."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecg_audio.analysis import Span

LANGUAGES = frozenset(
    """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is
    it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk
    sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
    """.split()  # noqa: SIM905 - a hundred quoted codes are harder to read
)
"""Codes of the languages Whisper was trained on."""

BALLOTS = 5


@dataclass(frozen=True, slots=True)
class Ballot:
    """How likely each language is in one stretch of speech."""

    duration_s: float
    probabilities: Mapping[str, float]


def polling_places(stretches: Sequence[Span], count: int = BALLOTS) -> list[Span]:
    """The stretches to ask: the longest of each of `count` equal parts of the list, so that an intro decides little."""
    count = min(count, len(stretches))
    edges = [round(index * len(stretches) / count) for index in range(count + 1)] if count else []
    return [
        max(stretches[first:last], key=lambda stretch: stretch.end_s - stretch.start_s)
        for first, last in itertools.pairwise(edges)
    ]


def vote(ballots: Sequence[Ballot]) -> tuple[str, float]:
    """The likeliest language over all ballots, each weighed by its duration, and its mean probability.

    Raises:
        ValueError: there are no ballots.
    """
    total_s = sum(ballot.duration_s for ballot in ballots)
    if not total_s:
        raise ValueError("nobody voted")
    shares: dict[str, float] = {}
    for ballot in ballots:
        for language, probability in ballot.probabilities.items():
            shares[language] = shares.get(language, 0.0) + probability * ballot.duration_s / total_s
    language = max(shares, key=lambda code: (shares[code], code))
    return language, min(1.0, shares[language])
