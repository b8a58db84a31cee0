"""Which stretch of sound each word is said in: one choice over the whole recording, by dynamic programming.

Words keep their order and stay near where they were timed, and what is said in a stretch fits into it. Whoever timed
them, only two things are believed: about where a word is, and about how long its letters take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Timing, Word
from ecg_audio.speech import lengths
from ecg_audio.speech.islands import Islands

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NEAR_S = 1.5  # no timing is off by more
AWAY_S = 0.25  # a word that is nearer to sound than this is said in it
SLACK_S = 0.001

# costs: that of a word whose sound is all in another stretch is about 1
SHARE_COST: dict[Timing, float] = {"aligned": 2.0, "engine": 1.0, "interpolated": 0.5}
DISTANCE_COST = 4.0  # per second between a word's time and the stretch that it is given to
LEFT_COST, NEVER_LEFT_COST = 2.5, 50.0  # of a word that no stretch takes: where it is far from all sound, and else
LENGTH_COST = 0.5  # of a stretch that is one standard deviation longer or shorter than its words
MOST_CROWDED, MOST_EMPTY = 9.0, 2.0  # bounds of that, in variances: sound that is no recognised word is common
LENGTH_SPREAD, LENGTH_SPREAD_S = 0.35, 0.12  # of a word's length, and of a stretch's
UNSAID_COST_PER_S, MOST_UNSAID_COST = 1.5, 0.6  # of sound that no word is said in
UNSAID_UNVOICED = 0.2  # the share of that where the sound has no voice
UNVOICED_COST = 0.5  # of a word in such sound
VOICED_SHARE = 0.1


def owners(words: Sequence[Word], times: Floats, sound: Islands) -> Indices:
    """The island of each word: (words,) int64, never falling; -1 for words outside all sound.

    Args:
        words: in the order of speech.
        times: (words, 2) float64, when each begins and ends, seconds.
        sound: of the recording.
    """
    if not len(sound.start_s):
        return np.full(len(words), -1, np.int64)
    holding = _holders(times, sound)
    placed = np.all((holding >= 0) | (_away_s(times, sound) > AWAY_S))
    if placed and np.all(np.diff(times[:, 0]) >= 0):
        return holding  # every word is in one stretch already, or far from all
    return _Assignment(words, times, sound).owners()


def _holders(times: Floats, sound: Islands) -> Indices:
    """The island that holds the whole word, -1 where none does."""
    around = np.searchsorted(sound.start_s - SLACK_S, times[:, 0], side="right") - 1
    held = (around >= 0) & (times[:, 1] <= sound.end_s[around] + SLACK_S)
    return np.where(held, around, -1)


def _away_s(times: Floats, sound: Islands) -> Floats:
    """(words,) how far each is from the nearest island, seconds; 0 where it touches one."""
    following = np.searchsorted(sound.end_s, times[:, 0], side="left")
    starts_s = np.concatenate([sound.start_s, [np.inf]])
    ends_s = np.concatenate([[-np.inf], sound.end_s])
    nearest_s: Floats = np.minimum(starts_s[following] - times[:, 1], times[:, 0] - ends_s[following])
    return np.maximum(0.0, nearest_s)


def _sound_s(times: Floats, sound: Islands) -> Floats:
    """(words,) how many seconds of each word are in islands."""
    before_s = np.concatenate([[0.0], np.cumsum(sound.end_s - sound.start_s)])

    def until(at_s: Floats) -> Floats:
        island = np.maximum(np.searchsorted(sound.start_s, at_s, side="right") - 1, 0)
        inside_s = np.clip(at_s - sound.start_s[island], 0.0, sound.end_s[island] - sound.start_s[island])
        return np.asarray(before_s[island] + inside_s, np.float64)

    return until(times[:, 1]) - until(times[:, 0])


@dataclass(frozen=True, slots=True)
class _Step:
    """How the best ways through one island came about, for numbers of words from `low` on.

    `came[i]`: how many words had been given when this island began to take; `skipped[i]`: how many before those that
    were left to no island just before it.
    """

    low: int
    came: Indices
    skipped: dict[int, int]


class _Assignment:
    """The cheapest way to give words to islands in order; an island takes some of the next words or none."""

    def __init__(self, words: Sequence[Word], times: Floats, sound: Islands) -> None:
        self._times, self._sound = times, sound
        self._sound_s = _sound_s(times, sound)
        ordinary_s = np.array([lengths.expected_s(word.text) for word in words])
        said = self._sound_s > 0
        # the pace of this recording
        pace = float(np.median(self._sound_s[said] / ordinary_s[said])) if said.any() else 1.0
        wanted_s = ordinary_s * min(2.0, max(0.5, pace))
        self._wanted_s = np.concatenate([[0.0], np.cumsum(wanted_s)])
        self._squares = np.concatenate([[0.0], np.cumsum(wanted_s**2)])
        self._share_cost = np.array([SHARE_COST[word.timing] for word in words])
        # the island before which a word may be left to none, -1: none
        following = np.searchsorted(sound.start_s, times[:, 1], side="left")
        self._leaves = np.where(_away_s(times, sound) > AWAY_S, following, -1)
        self._starts_s, self._ends_s = np.maximum.accumulate(times, axis=0).T

    def owners(self) -> Indices:
        """(words,) the island of each."""
        costs = {0: 0.0}  # number of words given until now: what the cheapest way costs
        steps = []
        for island in range(len(self._sound.start_s)):
            costs, step = self._through(island, costs)
            steps.append(step)
        # words after the last island are left
        rest = np.concatenate([np.cumsum(self._left(len(steps))[::-1])[::-1], [0.0]])
        at = min(costs, key=lambda given: costs[given] + float(rest[given]))
        found = np.full(len(self._leaves), -1, np.int64)
        for island in reversed(range(len(steps))):
            since = int(steps[island].came[at - steps[island].low])
            found[since:at] = island
            at = steps[island].skipped[since]
        return found

    def _left(self, island: int, words: slice = slice(None)) -> Floats:
        """What it costs to leave each word to no island just before this one."""
        return np.where(self._leaves[words] == island, LEFT_COST, NEVER_LEFT_COST)

    def _through(self, island: int, costs: dict[int, float]) -> tuple[dict[int, float], _Step]:
        """Let an island take words, after some before it may have been left."""
        begin_s, end_s = float(self._sound.start_s[island]), float(self._sound.end_s[island])
        # words that end long before are given or left by now, words that begin long after come later
        low = max(min(costs), int(np.searchsorted(self._ends_s, begin_s - NEAR_S)))
        high = max(low, int(np.searchsorted(self._starts_s, end_s + NEAR_S, side="right")))
        ready, skipped = self._skipped(island, costs, low, high)
        taking = np.concatenate([[0.0], np.cumsum(self._taking(island, slice(low, high)))])
        voiced = self._voiced(island)
        unsaid = min(MOST_UNSAID_COST, UNSAID_COST_PER_S * (end_s - begin_s)) * (1.0 if voiced else UNSAID_UNVOICED)
        best, came = ready + unsaid, np.arange(low, high + 1)
        for since in range(low, high):
            until = np.arange(since + 1, high + 1)
            spread_s = LENGTH_SPREAD_S + LENGTH_SPREAD * np.sqrt(self._squares[until] - self._squares[since])
            off = (end_s - begin_s - self._wanted_s[until] + self._wanted_s[since]) / spread_s
            misfit = LENGTH_COST * np.minimum(off**2, np.where(off < 0, MOST_CROWDED, MOST_EMPTY))
            total = ready[since - low] + taking[until - low] - taking[since - low] + misfit
            better = total < best[until - low]
            best[until - low] = np.where(better, total, best[until - low])
            came[until - low] = np.where(better, since, came[until - low])
        return dict(zip(range(low, high + 1), best.tolist(), strict=True)), _Step(low, came, skipped)

    def _skipped(self, island: int, costs: dict[int, float], low: int, high: int) -> tuple[Floats, dict[int, int]]:
        """The costs for low to high words when some may be left, and how many there were before those."""
        ready, origins = [], {}
        first = min(costs)
        cost, origin = np.inf, first
        left = self._left(island, slice(first, high)).tolist()
        for given in range(first, high + 1):
            if given > first:
                cost += left[given - 1 - first]
            if costs.get(given, np.inf) <= cost:
                cost, origin = costs[given], given
            if given >= low:
                ready.append(cost)
                origins[given] = origin
        return np.array(ready), origins

    def _taking(self, island: int, near: slice) -> Floats:
        """What it costs to give each of the words near an island to it, for where they were timed."""
        begin_s, end_s = self._sound.start_s[island], self._sound.end_s[island]
        starts_s, ends_s, whole_s = self._times[near, 0], self._times[near, 1], self._sound_s[near]
        inside_s = np.maximum(0.0, np.minimum(ends_s, end_s) - np.maximum(starts_s, begin_s))
        elsewhere = 1.0 - np.divide(inside_s, whole_s, out=np.ones_like(inside_s), where=whole_s > 0)
        away_s = np.maximum(0.0, np.maximum(begin_s - ends_s, starts_s - end_s))
        cost: Floats = self._share_cost[near] * elsewhere + DISTANCE_COST * away_s
        return cost + (0.0 if self._voiced(island) else UNVOICED_COST)

    def _voiced(self, island: int) -> bool:
        return self._sound.voiced is None or bool(self._sound.voiced[island] >= VOICED_SHARE)
