"""How surely people are known by their voices: `python -m benchmarks.voices --material DIR`.

Material is a folder of recordings; NAME.rttm says who speaks where, under names that hold for all of them. A recording
without one holds one person, whom nobody names: recordings whose names share what stands before the first "-" may be
one person's or not, so pairs of them are left out.

Stretches in which one person speaks alone are cut into parts of 3, 5 and 10 s, and each part's vector is compared with
every other one's, as `ecg voices` does. For each length: the equal error rate over all pairs; the share of pairs of two
people that would be called one (false names); and the share of one person's pairs that would not (missed). The
threshold is found without the person who is judged: the lowest one at which, of the pairs of all others, 1 in 100 has a
false name. Beside it the same for the thresholds that are built in. Intervals are Wilson's, over pairs, and by drawing
whole speakers again (bootstrap), which is the honest one where speakers are few and each is in many pairs.

The same again with one part of each pair as another wire, microphone or room would bring it (`benchmarks.conditions`).
Prints one JSON object a line.
"""

import argparse
import itertools
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from benchmarks.accuracy import AUDIO_SUFFIXES
from benchmarks.conditions import CONDITIONS
from ecg_audio.analysis import Span
from ecg_audio.request import EMBEDDED
from ecg_audio.results import rttm
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import known_voices, voice_vectors, weights
from ecg_audio.speech.settings import EngineSettings

LENGTHS_S = (3.0, 5.0, 10.0)
FALSE_AT_MOST = 0.01
DRAWS = 1000


@dataclass(frozen=True)
class Part:
    """A part of one person's speech, and its voice."""

    speaker: str
    recording: str
    vector: tuple[float, ...]


@dataclass(frozen=True)
class Pairs:
    """Pairs of parts: how alike they are, whether they are one person's, and whose (pairs, 2), by number."""

    cosine: np.ndarray
    one: np.ndarray
    whose: np.ndarray
    speakers: int


def main() -> None:
    """Cut, embed, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--lengths", type=float, nargs="+", default=list(LENGTHS_S))
    parser.add_argument("--conditions", nargs="*", default=["mp3_64", "telephone", "noise_10", "room"])
    given = parser.parse_args()
    recordings = [path for path in sorted(given.material.iterdir()) if path.suffix in AUDIO_SUFFIXES]
    with tempfile.TemporaryDirectory() as folder:
        sounds = {path.stem: _samples(path) for path in recordings}
        spans = {path.stem: _alone(path, len(sounds[path.stem]) / RATE_HZ) for path in recordings}
        for length_s in given.lengths:
            parts = _parts(sounds, spans, length_s, Path(folder), lambda samples: samples)
            _say(length_s, "as it is", _pairs(parts, parts))
            for name in given.conditions if length_s == known_voices.LEAST_S else ():
                told, changed = CONDITIONS[name]
                _say(length_s, told, _pairs(parts, _parts(sounds, spans, length_s, Path(folder), changed)))


def _samples(path: Path) -> np.ndarray:
    found, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(found.mean(axis=1), rate_hz, RATE_HZ), dtype=np.float32)


def _alone(path: Path, duration_s: float) -> dict[str, tuple[Span, ...]]:
    truth = path.with_suffix(".rttm")
    if not truth.is_file():
        return {path.stem: (Span(start_s=0.0, end_s=duration_s),)}
    return known_voices.alone(rttm.loads(truth.read_text()))


def _parts(
    sounds: dict[str, np.ndarray],
    spans: dict[str, dict[str, tuple[Span, ...]]],
    length_s: float,
    folder: Path,
    changed: Callable[[np.ndarray], np.ndarray],
) -> list[Part]:
    settings = weights.choose(EngineSettings.read(), EMBEDDED).settings
    found = []
    for recording, samples in sounds.items():
        path = folder / f"{recording}.wav"
        soundfile.write(path, changed(samples), RATE_HZ, subtype="FLOAT")
        for speaker, own in spans[recording].items():
            cut = list(_cut(own, length_s))
            made = voice_vectors.embed(str(path), settings, cut).vectors if cut else ()
            found += [Part(speaker, recording, vector) for vector in made if vector is not None]
    return found


def _cut(spans: Sequence[Span], length_s: float) -> Iterator[tuple[Span, ...]]:
    """Parts of so much speech, one after the other; what is left at the end is none."""
    part: list[Span] = []
    for span in spans:
        at_s = span.start_s
        while span.end_s - at_s > known_voices.SHORTEST_S:
            end_s = min(span.end_s, at_s + length_s - known_voices.seconds(part))
            part.append(Span(start_s=at_s, end_s=end_s))
            at_s = end_s
            if known_voices.seconds(part) > length_s - 0.01:
                yield tuple(part)
                part = []


def _pairs(first: Sequence[Part], second: Sequence[Part]) -> Pairs:
    names = sorted({part.speaker for part in first})
    rows = []
    for (i, a), (j, b) in itertools.product(enumerate(first), enumerate(second)):
        unnamed = a.speaker == a.recording and b.speaker == b.recording
        doubtful = unnamed and a.speaker != b.speaker and a.speaker.split("-")[0] == b.speaker.split("-")[0]
        if i < j and not doubtful:
            rows.append((float(np.dot(a.vector, b.vector)), names.index(a.speaker), names.index(b.speaker)))
    cosine, one, other = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(cosine, one == other, np.stack([one, other], axis=1), len(names))


def _say(length_s: float, condition: str, pairs: Pairs) -> None:
    figures = {
        "part_s": length_s,
        "second_part": condition,
        "speakers": len(np.unique(pairs.whose)),
        "pairs_of_one": int(pairs.one.sum()),
        "pairs_of_two": int((~pairs.one).sum()),
        "equal_error_rate": _interval(pairs, _equal_error),
        "left_one_out": _left_one_out(pairs),
        **{
            name: {"threshold": threshold, **_rates(pairs, np.full(len(pairs.cosine), threshold))}
            for name, threshold in (("sure", known_voices.SURE), ("maybe", known_voices.MAYBE))
        },
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def _left_one_out(pairs: Pairs) -> dict[str, Any]:
    """Each pair judged by a threshold that was found without its first speaker, and again without its second."""
    thresholds, judged = [], []
    for speaker in np.unique(pairs.whose):
        with_them = (pairs.whose == speaker).any(axis=1)
        threshold = float(np.quantile(pairs.cosine[~with_them & ~pairs.one], 1 - FALSE_AT_MOST))
        thresholds.append(threshold)
        judged.append((with_them, threshold))
    chosen = np.concatenate([np.flatnonzero(rows) for rows, _ in judged])
    own = np.concatenate([np.full(int(rows.sum()), threshold) for rows, threshold in judged])
    again = Pairs(pairs.cosine[chosen], pairs.one[chosen], pairs.whose[chosen], pairs.speakers)
    return {
        "thresholds": [round(min(thresholds), 3), round(max(thresholds), 3)],
        **_rates(again, own, counted=pairs),
    }


def _rates(pairs: Pairs, thresholds: np.ndarray, counted: Pairs | None = None) -> dict[str, Any]:
    named = pairs.cosine >= thresholds
    two, one = int((~(counted or pairs).one).sum()), int((counted or pairs).one.sum())
    false, missed = float(named[~pairs.one].mean()), float((~named[pairs.one]).mean())
    spread = _bootstrap(pairs, lambda weights: _weighted(named[~pairs.one], weights[~pairs.one]))
    return {
        "false_names": round(false, 4),
        "false_names_wilson_95": _wilson(false, two),
        "false_names_by_speakers_95": spread,
        "missed": round(missed, 4),
        "missed_wilson_95": _wilson(missed, one),
    }


def _equal_error(pairs: Pairs, weights: np.ndarray) -> float:
    """Where as large a share of one person's pairs is missed as of two people's is taken for one."""
    order = np.argsort(-pairs.cosine)
    one, weight = pairs.one[order], weights[order]
    mine, others = np.cumsum(weight * one), np.cumsum(weight * ~one)
    if not mine[-1] or not others[-1]:
        return math.nan
    missed, false = 1 - mine / mine[-1], others / others[-1]
    place = int(np.argmin(np.abs(missed - false)))
    return float((missed[place] + false[place]) / 2)


def _interval(pairs: Pairs, figure: Callable[[Pairs, np.ndarray], float]) -> dict[str, Any]:
    return {
        "is": round(figure(pairs, np.ones(len(pairs.cosine))), 4),
        "by_speakers_95": _bootstrap(pairs, lambda weights: figure(pairs, weights)),
    }


def _bootstrap(pairs: Pairs, figure: Callable[[np.ndarray], float]) -> list[float]:
    """The middle 95 % of a figure when as many speakers are drawn again, with their pairs."""
    random = np.random.default_rng(16)
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(0, pairs.speakers, pairs.speakers), minlength=pairs.speakers)
        a, b = times[pairs.whose[:, 0]], times[pairs.whose[:, 1]]
        drawn.append(figure(np.where(pairs.one, a, a * b).astype(float)))
    return [round(float(value), 4) for value in np.nanquantile(drawn, (0.025, 0.975))]


def _weighted(named: np.ndarray, weights: np.ndarray) -> float:
    return float((named * weights).sum() / weights.sum()) if weights.sum() else math.nan


def _wilson(share: float, count: int, z: float = 1.96) -> list[float]:
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return [round(max(0.0, middle - half), 4), round(middle + half, 4)]


if __name__ == "__main__":
    main()
