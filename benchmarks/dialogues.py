"""Conversations with a known truth, spliced from read speech: who speaks when, and who said each word.

Material is a folder of clear read speech, NAME.wav (or .flac) with its words in NAME.txt. The part of a name before its
first hyphen is the reader (`austen-0870` and `austen-0930` are one person). Clips are cut into phrases at the pauses
found in their waveform, and the phrases of two readers take turns, with gaps between them that may be negative: then
both are heard at once. The same seed makes the same conversation.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

Hear = Callable[[NDArray[np.float32]], str]

SAMPLE_RATE_HZ = 16_000
HOP = 160  # samples of a level frame: 10 ms
SHORTEST_PAUSE_S = 0.12
BELOW_SPEECH_DB = 20.0  # a pause is at least this much below the clip's loud tenth
ABOVE_FLOOR_DB = 6.0  # but not within the clip's own noise
SHORTEST_PHRASE_S = 0.9  # a shorter piece stays with its neighbour
EDGE_S = 0.04  # kept around a phrase, so that no consonant is cut
LEVEL_DBFS = -23.0  # of every phrase, so that nobody is told apart by level
FADE_S = 0.01
LONGEST_S = 25.0
GAP_S = (-0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that one reader says without a pause, with the sound of them, (samples,) float32 at 16 kHz."""

    reader: str
    words: tuple[str, ...]
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase in its place. The times are of its sound, without the silence around it."""

    speaker: str
    start_s: float
    end_s: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation of two readers, (samples,) float32 at 16 kHz, and the truth about it in order of time."""

    name: str
    samples: NDArray[np.float32]
    said: tuple[Said, ...]

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """(word, speaker) of every word, in the order in which their phrases begin."""
        return tuple((word, said.speaker) for said in self.said for word in said.words)


def dialogues(material: Path, seeds: Sequence[int], hear: Hear) -> tuple[Dialogue, ...]:
    """One conversation for each seed; none where the material has fewer than two readers.

    Args:
        material: folder with clips and, beside each, its words.
        seeds: a conversation is named after its seed.
        hear: recognises (samples,) float32 at 16 kHz: which words lie between two pauses is found out so.
    """
    readers: dict[str, list[list[Phrase]]] = {}
    for clip in sorted(material.iterdir()):
        words = clip.with_suffix(".txt")
        if clip.suffix in (".wav", ".flac") and words.is_file():
            reader = clip.stem.split("-")[0]
            readers.setdefault(reader, []).append(
                phrases(reader, _samples(clip), tuple(words.read_text().split()), hear)
            )
    return tuple(_dialogue(readers, seed) for seed in seeds) if len(readers) > 1 else ()


def phrases(reader: str, samples: NDArray[np.float32], words: tuple[str, ...], hear: Hear) -> list[Phrase]:
    """Cut a clip at its pauses, and its words where the pauses lie between them.

    Args:
        reader: who reads.
        samples: (samples,) float32 at 16 kHz.
        words: all that is said in the clip.
        hear: recognises a piece on its own; its words need not be right, only alike.
    """
    edge = round(EDGE_S * SAMPLE_RATE_HZ)
    sounds = [samples[max(0, start - edge) : end + edge] for start, end in _sounding(samples)]
    shares = shared_out(words, [tuple(_plain(hear(sound))) for sound in sounds] if len(sounds) > 1 else [words])
    return [Phrase(reader, share, _levelled(sound)) for share, sound in zip(shares, sounds, strict=True) if share]


def shared_out(words: tuple[str, ...], heard: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Cut words into as many runs as pieces were heard, so that runs and pieces differ in the fewest letters."""
    count = len(words)
    least = [0.0] + [np.inf] * count  # letters that differ when the first `n` words are shared out
    starts: list[list[int]] = []  # for each piece, where its run begins if it ends before word `n`
    for piece in heard:
        said = " ".join(piece)
        costs = [
            [least[start] + Levenshtein.distance(" ".join(words[start:end]), said) for start in range(end + 1)]
            for end in range(count + 1)
        ]
        starts.append([int(np.argmin(row)) for row in costs])
        least = [min(row) for row in costs]
    runs: list[tuple[str, ...]] = []
    end = count
    for back in reversed(starts):
        runs.insert(0, words[back[end] : end])
        end = back[end]
    return runs


def _plain(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]+", " ", text.lower()).split()


def _samples(clip: Path) -> NDArray[np.float32]:
    samples, sample_rate_hz = soundfile.read(clip, dtype="float32", always_2d=True)
    mono: NDArray[np.float32] = soxr.resample(samples.mean(axis=1), sample_rate_hz, SAMPLE_RATE_HZ, quality="HQ")
    return mono


def _sounding(samples: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pieces between pauses, in samples; a piece too short for a phrase is joined over the shorter of its pauses."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    level_db = 10 * np.log10(np.convolve(np.square(frames).mean(axis=1), np.ones(3) / 3, "same") + 1e-12)
    bound_db = max(np.percentile(level_db, 90) - BELOW_SPEECH_DB, np.percentile(level_db, 2) + ABOVE_FLOOR_DB)
    runs = [(quiet, len(list(group))) for quiet, group in itertools.groupby(level_db < bound_db)]
    edges = [0, *itertools.accumulate(length for _, length in runs)]
    shortest = SHORTEST_PAUSE_S * SAMPLE_RATE_HZ / HOP
    pieces: list[list[int]] = []
    for (quiet, _), (start, end) in zip(runs, itertools.pairwise(edges), strict=True):
        if quiet:
            continue
        if pieces and start - pieces[-1][1] < shortest:
            pieces[-1][1] = end
        else:
            pieces.append([start, end])
    while len(pieces) > 1:
        lengths = [end - start for start, end in pieces]
        short = int(np.argmin(lengths))
        if lengths[short] >= SHORTEST_PHRASE_S * SAMPLE_RATE_HZ / HOP:
            break
        sides = [side for side in (short - 1, short) if 0 <= side < len(pieces) - 1]
        at = min(sides, key=lambda side: pieces[side + 1][0] - pieces[side][1])
        pieces[at : at + 2] = [[pieces[at][0], pieces[at + 1][1]]]
    return [(start * HOP, end * HOP) for start, end in pieces]


def _levelled(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sound at the common level, faded in and out."""
    power = np.square(sound, dtype=np.float64)
    active = power[power > power.max() * 1e-4]
    gain = 10 ** (LEVEL_DBFS / 20) / np.sqrt(active.mean())
    fade = np.minimum(1.0, np.arange(len(sound)) / (FADE_S * SAMPLE_RATE_HZ))
    return np.asarray(sound * gain * fade * fade[::-1], dtype=np.float32)


def _dialogue(readers: dict[str, list[list[Phrase]]], seed: int) -> Dialogue:
    """Two readers take turns until both have nothing more to say, or the time is up."""
    random = np.random.default_rng(seed)
    names = [str(name) for name in random.permutation(sorted(readers))[:2]]
    queues = [_in_some_order(readers[name], random) for name in names]
    said: list[Said] = []
    sounds: list[tuple[int, NDArray[np.float32]]] = []
    at_s = 0.3
    for phrase in _alternating(queues):
        length_s = len(phrase.samples) / SAMPLE_RATE_HZ
        if at_s + length_s > LONGEST_S:
            break
        sounds.append((round(at_s * SAMPLE_RATE_HZ), phrase.samples))
        said.append(Said(phrase.reader, at_s + EDGE_S, at_s + length_s - EDGE_S, phrase.words))
        # the gap is between sounds: the edges kept around both lie in it
        at_s += length_s - 2 * EDGE_S + random.uniform(*GAP_S)
    samples = np.zeros(max(start + len(sound) for start, sound in sounds) + round(0.3 * SAMPLE_RATE_HZ), np.float32)
    for start, sound in sounds:
        samples[start : start + len(sound)] += sound
    return Dialogue(f"dialogue-{seed}", samples, tuple(said))


def _in_some_order(clips: list[list[Phrase]], random: np.random.Generator) -> list[Phrase]:
    """All phrases of a reader, clip by clip; a clip's own order stays, so that sentences stay whole where they can."""
    return [phrase for index in random.permutation(len(clips)) for phrase in clips[index]]


def _alternating(queues: list[list[Phrase]]) -> Iterator[Phrase]:
    for turn in itertools.zip_longest(*queues):
        yield from (phrase for phrase in turn if phrase is not None)
