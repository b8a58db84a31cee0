"""Which words are said in an unusual way: by this speaker, at this place of the phrase, for such a word.

Speech falls towards the end of a phrase in loudness and pitch, its last word is drawn out, and function words are said
softly and in passing; none of this is emphasis, so it is allowed for before a word is compared with its neighbours of
the same phrase and with what the speaker usually does. What is left is measured in decibels, semitones and a ratio of
length; inside a dead zone it is no emphasis. The zones are as wide as this speaker's words vary.

The level is that of a word's loudest frames, as edges move it least. How long a word is drawn is read from two clocks,
its letters and its sound: half as long again, a word changes its spectrum more slowly.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.analysis import Emphasis, SpokenWord
from ecg_audio.voice.function_words import is_function_word
from ecg_audio.voice.spans import edges, frame_ranges, known

Array = Any

FEWEST_FRAMES = 3
"""Frames without which a word has no pitch (voiced ones), and no pace (audible ones)."""
CEPSTRA = tuple(f"mfcc_{index:02d}" for index in range(1, 13))
APART = 4  # frames between which the change of the spectrum is measured
AUDIBLE_DB = 15.0  # below a word's loudest frame; what is softer says little about its sound

PAUSE_S = 0.25  # as long as this ends a phrase
SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")
NEAR_S = 1.0  # within which neighbours say most about what was to be expected
ANOTHER_PHRASE = 0.3  # what a neighbour beyond a phrase's edge counts
USUAL_WEIGHT = 1.0  # what the speaker's own median counts beside the neighbours


@dataclass(frozen=True, slots=True)
class Scale:
    """What is known beforehand about one measure, from real speech; units are the measure's own."""

    function: float  # of a function word, against others
    fall: float  # from the first to the last word of a phrase
    final: float  # of the last word of a phrase
    clip: float  # a neighbour further off than this counts as so far
    spread: float  # standard deviation of what is left, of most speakers
    up: float  # standard deviations that end the dead zone, above ...
    down: float  # ... and below
    full: float  # standard deviations beyond the dead zone that are full emphasis


LOUDNESS = Scale(function=-1.0, fall=-2.0, final=-1.0, clip=5.0, spread=3.0, up=0.75, down=2.3, full=2.0)
PITCH = Scale(function=0.0, fall=-1.3, final=0.0, clip=3.0, spread=1.8, up=1.1, down=2.3, full=2.0)
SLOWNESS = Scale(function=0.0, fall=0.0, final=0.35, clip=0.5, spread=0.4, up=0.75, down=2.3, full=2.0)
LETTERS = 0.6  # the longer the word, the shorter its letters: length grows by this power of their number
CHANGE = 1.1  # what the second clock counts beside the first
FEWEST_WORDS = 5
"""With fewer nobody knows what is usual for a speaker; how much most speakers vary is known beforehand."""
NEIGHBOURS = 12  # words on each side that are looked at
MOST_SPREADS = 2.5  # a word further off says no more about how much a speaker varies
LEAST_SPREAD = 0.5  # of most speakers': the steadiest voice needs as much to stand out
FUNCTION_SPREAD = 1.75  # function words vary more
FAINTEST = 0.5  # an emphasis is seen or is none
LIKE_MOST = 40.0  # words; a speaker of fewer is taken to vary like most speakers rather than as was measured


class WordMeasures(NamedTuple):
    """What was measured of n words: float64 (n,) each, NaN where not measurable."""

    level_db: Array
    pitch_st: Array
    log_length: Array
    log_change: Array


def measure_words(words: Sequence[SpokenWord], frames: Mapping[str, Array]) -> WordMeasures:
    """Measure words.

    Args:
        words: with times.
        frames: the columns of `analysis.FRAME_COLUMNS`, float32 (frames,), NaN where not measurable.
    """
    power = np.asarray(frames["rms"], np.float64) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        semitones = 12.0 * np.log2(np.asarray(frames["f0_hz"], np.float64))
    change = _changes(frames)
    starts_s, ends_s = edges(words)
    out = WordMeasures(*np.full((len(WordMeasures._fields), len(words)), np.nan))
    for index, (first, end) in enumerate(zip(*frame_ranges(starts_s, ends_s, len(power)), strict=True)):
        heard = power[first:end]
        if not len(heard) or not heard.max() > 0.0:
            continue
        out.level_db[index] = 5.0 * math.log10(float((heard**2).mean()))  # 10 of a power, and this is one squared
        pitch = semitones[first:end]
        voiced = pitch[np.isfinite(pitch)]
        if len(voiced) >= FEWEST_FRAMES:
            out.pitch_st[index] = np.median(voiced)
        audible = change[first:end][heard >= heard.max() * 10 ** (-AUDIBLE_DB / 10)]
        audible = audible[np.isfinite(audible)]
        if len(audible) >= FEWEST_FRAMES and audible.any():
            out.log_change[index] = math.log(float(audible.mean()))
    timed = np.array([word.timing != "interpolated" for word in words], np.bool_) & (ends_s > starts_s)
    np.log(ends_s - starts_s, out=out.log_length, where=timed)
    return out


def judge(words: Sequence[SpokenWord], heard: WordMeasures, languages: Sequence[str | None]) -> list[Emphasis | None]:
    """What stands out, word by word.

    Args:
        words: of the whole recording, in the order of their segments.
        heard: what was measured of them.
        languages: in which each is said, ISO 639 codes; None: unknown, and none is taken for a function word.

    Returns:
        None for a word of nobody known, or of somebody who says too little to have habits.
    """
    own: dict[str, list[int]] = defaultdict(list)
    for index, word in enumerate(words):
        if word.speaker is not None:
            own[word.speaker].append(index)
    function = np.array(
        [is_function_word(word.text, language) for word, language in zip(words, languages, strict=True)]
    )
    found: list[Emphasis | None] = [None] * len(words)
    for indices in own.values():
        said = [words[index] for index in indices]
        measured = WordMeasures(*(column[indices] for column in heard))
        for index, emphasis in zip(indices, _of_one_speaker(said, measured, function[indices]), strict=True):
            found[index] = emphasis
    return found


def _changes(frames: Mapping[str, Array]) -> Array:
    """How far the spectrum moves around each frame; NaN where it is not measured."""
    cepstra = np.stack([np.asarray(frames[name], np.float64) for name in CEPSTRA])
    change = np.full(cepstra.shape[1], np.nan)
    if len(change) > APART:
        moved = cepstra[:, APART:] - cepstra[:, :-APART]
        change[APART // 2 : -APART // 2] = np.sqrt((moved**2).sum(axis=0))
    return change


class _Places(NamedTuple):
    """Where n words of one speaker stand."""

    middle_s: Array
    phrase: Array  # number of the phrase
    share: Array  # of the phrase before the word, 0 for its first and 1 for its last
    last: Array  # 1 for the last word of a phrase of several
    function: Array
    letters: Array


def _places(words: Sequence[SpokenWord], function: Array) -> _Places:
    out = _Places(*np.zeros((len(_Places._fields), len(words))))
    out.function[:] = function
    first = 0
    for number, phrase in enumerate(_phrases(words)):
        for at, word in enumerate(phrase):
            index = first + at
            out.middle_s[index] = (word.start_s + word.end_s) / 2
            out.phrase[index] = number
            out.share[index] = at / max(1, len(phrase) - 1)
            out.last[index] = len(phrase) > 1 and at == len(phrase) - 1
            out.letters[index] = sum(character.isalnum() for character in word.text)
        first += len(phrase)
    return out


def _phrases(words: Sequence[SpokenWord]) -> Iterator[list[SpokenWord]]:
    """What a speaker says in one breath: up to a pause or the end of a sentence."""
    if not words:
        return
    phrase = [words[0]]
    for before, word in pairwise(words):
        if word.start_s - before.end_s >= PAUSE_S or before.text.rstrip("\"'”’)").endswith(SENTENCE_END):
            yield phrase
            phrase = []
        phrase.append(word)
    yield phrase


def _of_one_speaker(words: Sequence[SpokenWord], heard: WordMeasures, function: Array) -> list[Emphasis | None]:
    places = _places(words, function)
    with np.errstate(divide="ignore"):
        letters = np.where(places.letters > 0, np.log(places.letters), np.nan)
    length = heard.log_length - LETTERS * letters
    loudness_db = _deviations(heard.level_db, places, LOUDNESS)
    pitch_st = _deviations(heard.pitch_st, places, PITCH)
    longer = _deviations(length, places, SLOWNESS)
    slowness = _deviations(length - CHANGE * heard.log_change, places, SLOWNESS)
    columns = {
        "loudness_db": loudness_db,
        "pitch_st": pitch_st,
        "length_ratio": np.exp(longer),
        "louder": _strengths(loudness_db, places, LOUDNESS),
        "higher": _strengths(pitch_st, places, PITCH),
        "slower": _strengths(slowness, places, SLOWNESS),
    }
    rows = zip(*map(known, columns.values()), strict=True)
    return [
        None if all(value is None for value in row) else Emphasis(**dict(zip(columns, row, strict=True)))
        for row in rows
    ]


def _deviations(values: Array, places: _Places, scale: Scale) -> Array:
    """How far each value is from what was to be expected there; NaN where unknown, or too few are known to tell."""
    allowed = scale.function * places.function + scale.fall * places.share + scale.final * places.last
    rest = values - allowed
    known = np.isfinite(rest)
    if known.sum() < FEWEST_WORDS:
        return np.full(len(values), np.nan)
    rest -= np.median(rest[known])
    bounded = np.where(known, np.clip(rest, -scale.clip, scale.clip), 0.0)
    out = np.full(len(values), np.nan)
    for index in np.flatnonzero(known):
        first = max(0, int(index) - NEIGHBOURS)
        near = slice(first, int(index) + NEIGHBOURS + 1)
        weights = np.exp(-np.abs(places.middle_s[near] - places.middle_s[index]) / NEAR_S) * known[near]
        weights *= np.where(places.phrase[near] == places.phrase[index], 1.0, ANOTHER_PHRASE)
        weights[index - first] = 0.0  # a word is not its own measure
        out[index] = rest[index] - (weights * bounded[near]).sum() / (weights.sum() + USUAL_WEIGHT)
    return out


def _strengths(deviations: Array, places: _Places, scale: Scale) -> Array:
    """What is left outside of the dead zone, -1 to 1."""
    known = np.isfinite(deviations)
    if not known.any():
        return deviations
    bounded = np.clip(deviations[known], -MOST_SPREADS * scale.spread, MOST_SPREADS * scale.spread)
    count = len(bounded)
    variance = (LIKE_MOST * scale.spread**2 + float((bounded**2).sum())) / (LIKE_MOST + count)
    spread = max(LEAST_SPREAD * scale.spread, math.sqrt(variance)) * np.where(places.function > 0, FUNCTION_SPREAD, 1.0)
    z = deviations / spread
    beyond = np.where(z > 0, z - scale.up, -z - scale.down)
    strength = np.clip(FAINTEST + (1 - FAINTEST) * beyond / scale.full, FAINTEST, 1.0)
    return np.where(known, np.where(beyond > 0, np.sign(z) * strength, 0.0), np.nan)
