"""How the channels of a source become one: by their layout, and by what carries voice.

The mix is the one whose level, window by window, follows that of the channel in which the voice is. So a mean that
cancels gives way to a difference, a channel of hiss is left out, and a voice on one side keeps its level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg_audio.analysis import MixName
from ecg_audio.media.survey import Survey, usual_power

Array = Any

CENTRE, BASS = "FC", {"LFE", "LFE2"}
"""FFmpeg's names of the channel that carries the dialogue of films, and of those that carry effects below speech."""
WORSE_DB = 0.5
"""A later mix must follow the voice better than an earlier one by this much to be preferred."""
MOST_DB = 20.0
"""More than this a mix cannot be wrong in one window."""
EXACT_DB = 0.05
"""A mix within this of the voice's level needs no correction."""
CANCELLING_DB = -0.5
"""Two microphones that a voice reaches at different times lie below this at most places between them."""
LOUD = 1e-2
"""Windows 20 dB below the usual power of the voice say more about noise than about the voice, and are not asked."""
SUM = 1.5
"""Weights that add up to more are a sum, else a mean."""
OPPOSED = -0.5
"""Correlation of channels below which they are in opposite phase."""
SILENT_DB = 40.0
"""Where nobody speaks, a channel this far below the loudest one holds nothing."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights of the channels, in the source's order, and what people call such a mix."""

    weights: tuple[float, ...]
    names: tuple[str, ...]

    @classmethod
    def by_layout(cls, names: tuple[str, ...]) -> Mix:
        """The mix that a layout asks for before anything is known of the sound."""
        if len(names) > 2 and CENTRE in names:
            return cls(tuple(float(name == CENTRE) for name in names), names)
        voices = [name not in BASS for name in names]
        count = sum(voices) or 1
        return cls(tuple(float(voice) / count for voice in voices), names)

    @property
    def used(self) -> tuple[int, ...]:
        """Numbers of the channels that are in the mix."""
        return tuple(index for index, weight in enumerate(self.weights) if weight)

    @property
    def name(self) -> MixName:
        """What people call it."""
        if len(self.weights) == 1:
            return "only"
        if len(self.used) == 1:
            centre = len(self.names) > 2 and self.names[self.used[0]] == CENTRE
            return "centre" if centre else "channel"
        if min(self.weights) < 0.0:
            return "difference"
        return "sum" if sum(self.weights) > SUM else "mean"

    def scaled(self, factor: float) -> Mix:
        """The same mix, louder or softer."""
        return Mix(tuple(round(weight * factor, 4) for weight in self.weights), self.names)

    def factor_to(self, other: Mix, silent: Array) -> float | None:
        """What makes this mix the other one, with channels that hold nothing left aside; None: nothing does."""
        mine, theirs = np.array(self.weights), np.array(other.weights)
        if len(mine) != len(theirs):
            return None
        mine, theirs = mine[~silent], theirs[~silent]
        if not mine.any():
            return None
        factor = float(mine @ theirs / (mine @ mine))
        return factor if factor > 0.0 and np.allclose(mine * factor, theirs, atol=1e-3) else None


def mixed(channels: Array, mix: Mix | None) -> Array:
    """One channel, float32 (n,), of float32 (channels, n).

    Where the number of channels is not that of the mix (a source may change it in the middle), it is their mean.
    """
    if len(channels) == 1:
        return channels[0]
    if mix is None or len(mix.weights) != len(channels):
        return channels.mean(axis=0, dtype=np.float32)
    if len(mix.used) == 1 and mix.weights[mix.used[0]] == 1.0:
        return channels[mix.used[0]]
    return np.array(mix.weights, np.float32) @ channels


def choose(survey: Survey, peaks: Array) -> Mix:
    """The mix that follows the voice.

    Args:
        survey: of the whole source, finished.
        peaks: the largest absolute sample of each channel, about its offset.
    """
    names = survey.names
    fallback = Mix.by_layout(names)
    voices = survey.voices()
    powers, voiced = survey.powers, survey.voiced
    own = np.einsum("kcc->kc", powers)
    voices[[name in BASS for name in names]] = 0
    if voices.any():
        active = voices > 0
        windows = (voiced & active).any(axis=1)
        heard = np.where(voiced & active, own, 0.0)[windows]
    else:
        # nobody speaks: whatever sounds
        active = (peaks > 0.0) & (20.0 * np.log10(np.maximum(peaks, 1e-9) / max(1e-9, peaks.max())) > -SILENT_DB)
        active &= [name not in BASS for name in names]
        windows = own.max(axis=1, initial=0.0) > 0.0
        heard = np.where(active, own, 0.0)[windows]
    if not active.any():
        return fallback
    if len(names) > 2 and CENTRE in names and active[names.index(CENTRE)]:
        return fallback
    if not len(heard) or not heard.max(axis=1).any():
        return Mix(tuple(float(one) / active.sum() for one in active), names)
    target = heard.max(axis=1)
    loud = target > usual_power(target) * LOUD
    best, least_db = fallback, np.inf
    for weights in _candidates(active, voices, powers[windows]):
        level = np.einsum("c,kcd,d->k", weights, powers[windows][loud], weights)
        with np.errstate(divide="ignore"):
            error_db = np.clip(10.0 * np.log10(np.maximum(level, 0.0) / target[loud]), -MOST_DB, MOST_DB)
        middle_db = float(np.median(error_db))
        spread_db = float(np.abs(error_db - middle_db).mean())
        if middle_db <= -MOST_DB or _cancels(weights, powers[windows][loud]):
            spread_db += MOST_DB
        if spread_db < least_db - WORSE_DB:
            factor = 1.0 if abs(middle_db) < EXACT_DB else 10.0 ** (-middle_db / 20.0)
            best, least_db = Mix(tuple(weights.tolist()), names).scaled(factor), spread_db
    return best


def _cancels(weights: Array, powers: Array) -> bool:
    """Whether channels take sound from each other in a mix: together they are weaker than unrelated ones would be."""
    together = np.einsum("c,kcd,d->k", weights, powers, weights)
    unrelated = np.einsum("c,kcc->k", weights**2, powers)
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(np.nanmedian(10.0 * np.log10(np.maximum(together, 0.0) / unrelated)) < CANCELLING_DB)


def _candidates(active: Array, voices: Array, powers: Array) -> Iterator[Array]:
    """Weights to try, the more usual first: the mean, the mean with its phases put right, each channel alone."""
    count = active.sum()
    yield active / count
    phases = _phases(active, powers)
    if count > 1 and (phases < 0).any():
        yield phases / count
    for channel in np.argsort(-voices, kind="stable"):
        if active[channel] and count > 1:
            yield np.eye(len(active))[channel]


def _phases(active: Array, powers: Array) -> Array:
    """1.0, or -1.0 for a channel in opposite phase to the first active one, and 0.0 for one that is not active."""
    total = powers.sum(axis=0)
    own = np.sqrt(np.maximum(np.diag(total), 1e-20))
    loudest = int(np.argmax(np.where(active, own, 0.0)))
    correlation = total[loudest] / own / own[loudest]
    phases: Array = np.where(active, np.where(correlation < OPPOSED, -1.0, 1.0), 0.0)
    return phases * phases[np.argmax(active)]


def are_separate(survey: Survey) -> bool:
    """Whether two channels hold different voices, one person each, as in recorded telephone calls.

    Each of them must have the voice to itself, or nearly so, in a fair share of the voiced windows, and only a few
    windows may hold the same sound in both, as those of a room or of music do.
    """
    voices = survey.voices()
    if len(voices) != 2 or not voices.all():
        return False
    spoken = survey.voiced.any(axis=1)
    powers = survey.powers[spoken]
    apart_db = 10.0 * np.log10((powers[:, 0, 0] + 1e-12) / (powers[:, 1, 1] + 1e-12))
    own = min((apart_db > ALONE_DB).mean(), (apart_db < -ALONE_DB).mean())
    common = (np.abs(apart_db) < ALONE_DB) & (_correlation(powers) > SAME)
    return bool(own >= LEAST_OWN and common.mean() <= MOST_COMMON)


def are_alike(survey: Survey) -> bool:
    """Whether all channels that sound hold the same: there is nobody to tell apart by them."""
    powers = survey.powers
    own = np.einsum("kcc->c", powers)
    sounding = np.flatnonzero(own > 0.0)
    if len(sounding) < 2:
        return True
    total = powers.sum(axis=0)[np.ix_(sounding, sounding)]
    scale = np.sqrt(np.diag(total))
    return bool((np.abs(total / scale / scale[:, None]) > SAME).all())


def _correlation(powers: Array) -> Array:
    """The absolute correlation of two channels in each window: (windows, 2, 2) to (windows,)."""
    return np.abs(powers[:, 0, 1]) / np.sqrt(powers[:, 0, 0] * powers[:, 1, 1] + 1e-24)


ALONE_DB = 10.0
"""By so much is the one who speaks louder in their own channel than in the other."""
LEAST_OWN = 0.1
"""Share of the voiced windows that each of two separate channels has to itself."""
SAME = 0.9
"""Channels that correlate by more hold the same sound."""
MOST_COMMON = 0.2
"""Share of the voiced windows in which two separate channels may hold the same sound, nearly as loud."""
