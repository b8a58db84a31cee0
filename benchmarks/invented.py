"""How many words are invented where nobody speaks, and how many true ones are doubted: `python -m benchmarks.invented`.

Sounds without speech are generated, always the same: silence, noises, hum, claps, tones, chords. Every word over them
is invented; those that are not marked as suspect would be believed. Bare faster-whisper hears the same sounds with the
same model and its own defaults, without and with its voice detection, and marks nothing.

Material is a folder of recordings with NAME.txt beside them (the words that were said). A word that stands in the
reference and is marked as suspect is lost to whoever leaves suspect words out.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.accuracy import AUDIO_SUFFIXES, SAMPLE_RATE_HZ, _converted
from benchmarks.edges import frames_of
from benchmarks.wording import plain
from ecg_audio.analysis import Word
from ecg_audio.progress import silent
from ecg_audio.request import AUTO, UNGUIDED
from ecg_audio.speech import edges, suspect
from ecg_audio.speech.engine import Engine, shared

SECONDS = 60.0

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Invented:
    """Words over a sound without speech: ours by whether they are marked, bare faster-whisper's by its settings."""

    sound: str
    duration_s: float
    marked: int
    not_marked: int
    bare: int | None
    bare_with_vad: int | None

    def per_hour(self, words: int | None) -> float | None:
        """Words an hour of this sound."""
        return None if words is None else words * 3600 / self.duration_s


@dataclass(frozen=True)
class Lost:
    """Words of one recording that were said and recognised, and how many of them are marked; and the wrong ones."""

    name: str
    reference_words: int
    true: int
    true_marked: int
    wrong: int
    wrong_marked: int


# Sounds


def sounds(seconds: float) -> dict[str, Samples]:
    """Sounds without speech by name, (samples,) each; the same for the same length."""
    count = round(seconds * SAMPLE_RATE_HZ)
    t = np.arange(count) / SAMPLE_RATE_HZ
    rng = np.random.default_rng(20)
    white, pink = rng.standard_normal(count), _pink(count, rng)
    hum = sum(np.sin(2 * np.pi * 50 * h * t) / h for h in range(1, 6))
    swelling = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)
    return {
        "silence": np.zeros(count),
        "white noise, -60 dBFS": 1e-3 * white,
        "white noise, -40 dBFS": 1e-2 * white,
        "white noise, -20 dBFS": 1e-1 * white,
        "pink noise, -40 dBFS": 1e-2 * pink,
        "pink noise, -20 dBFS": 1e-1 * pink,
        "pink noise that swells 4 times a second": 5e-2 * pink * swelling,
        "mains hum": 5e-2 * hum + 5e-4 * white,
        "claps": 5e-4 * white + _scattered(count, rng, 0.3, 1.5, _clap),
        "tones": _scattered(count, rng, 1.5, 2.5, _tone),
        "a tone with vibrato": 5e-2 * _vibrato(t),
        "chords": _scattered(count, rng, 0.9, 1.0, _chord),
    }


def _pink(count: int, rng: np.random.Generator) -> Samples:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    made = np.fft.irfft(spectrum, count)
    return np.asarray(made / np.std(made))


def _scattered(
    count: int,
    rng: np.random.Generator,
    least_s: float,
    most_s: float,
    make: Callable[[np.random.Generator], Samples],
) -> Samples:
    """Sounds that begin so far apart."""
    made = np.zeros(count)
    at = 0
    while at < count:
        one = make(rng)[: count - at]
        made[at : at + len(one)] += one
        at += round(rng.uniform(least_s, most_s) * SAMPLE_RATE_HZ)
    return made


def _clap(rng: np.random.Generator) -> Samples:
    return 0.2 * rng.standard_normal(3200) * np.exp(-np.arange(3200) / (0.02 * SAMPLE_RATE_HZ))


def _tone(rng: np.random.Generator) -> Samples:
    length = round(rng.uniform(0.3, 1.5) * SAMPLE_RATE_HZ)
    return 0.2 * np.hanning(length) * np.sin(2 * np.pi * rng.uniform(200, 2000) / SAMPLE_RATE_HZ * np.arange(length))


def _chord(rng: np.random.Generator) -> Samples:
    t = np.arange(round(0.9 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    notes_hz = rng.choice([261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 523.3], 3, replace=False)
    harmonics = sum(np.sin(2 * np.pi * note_hz * h * t) / h for note_hz in notes_hz for h in (1, 2, 3, 4))
    return np.asarray(0.08 * np.exp(-3 * t) * harmonics)


def _vibrato(t: Samples) -> Samples:
    phase = np.cumsum(2 * np.pi * (220 + 5 * np.sin(2 * np.pi * 5.5 * t)) / SAMPLE_RATE_HZ)
    breath = 0.5 + 0.5 * np.sin(2 * np.pi * 0.4 * t)
    return np.asarray(breath * sum(np.sin(h * phase) / h for h in range(1, 9)))


# Measuring


def invented(engine: Engine, bare: "Bare | None", seconds: float, folder: Path) -> list[Invented]:
    """Count the words over every sound."""
    found = []
    for name, samples in sounds(seconds).items():
        recording = folder / f"{len(found)}.flac"
        soundfile.write(recording, samples, SAMPLE_RATE_HZ)
        words = _recognised(engine, recording, AUTO)
        marked = sum(word.suspect is not None for word in words)
        found.append(
            Invented(
                name,
                seconds,
                marked,
                len(words) - marked,
                bare.words(recording, vad_filter=False) if bare else None,
                bare.words(recording, vad_filter=True) if bare else None,
            )
        )
        _print_invented(found[-1])
    return found


def lost(engine: Engine, material: Path, folder: Path) -> list[Lost]:
    """Count the true words that are marked, in every recording of a folder that has a reference."""
    found = []
    for audio in sorted(path for path in material.iterdir() if path.suffix in AUDIO_SUFFIXES):
        reference = audio.with_suffix(".txt")
        if not reference.is_file():
            continue
        words = _recognised(engine, _converted(audio, folder), "en")
        found.append(scored(audio.stem, plain(reference.read_text()), words))
        print(f"{found[-1].name:24} {found[-1].true_marked} of {found[-1].true} true words marked", flush=True)
    return found


def _recognised(engine: Engine, recording: Path, language: str) -> list[Word]:
    """All words as they are published, suspect or not: recognised, aligned, edges refined, examined."""
    transcript = engine.transcribe(recording, language=language, guidance=UNGUIDED, report=silent)
    aligned = engine.align(recording, transcript, report=silent)
    samples, _ = soundfile.read(recording, dtype="float32")
    frames = frames_of(samples)
    refined = edges.refined(aligned, frames["rms_dbfs"], frames["f0_hz"])
    examined = suspect.examined(refined.transcript, recognised=aligned, unsounded=refined.outside)
    return [word for utterance in examined.utterances for word in utterance.words]


def scored(name: str, reference: list[str], words: list[Word]) -> Lost:
    """Which recognised words are those of the reference, by the alignment with the fewest errors."""
    said = [(part, word.suspect is not None) for word in words for part in plain(word.text)]
    true: set[int] = set()
    if said:
        compared = jiwer.process_words(" ".join(reference), " ".join(part for part, _ in said))
        for chunk in compared.alignments[0]:
            if chunk.type == "equal":
                true.update(range(chunk.hyp_start_idx, chunk.hyp_end_idx))
    marked = {index for index, (_, suspect) in enumerate(said) if suspect}
    return Lost(name, len(reference), len(true), len(true & marked), len(said) - len(true), len(marked - true))


class Bare:
    """faster-whisper by itself, as its own README runs it."""

    def __init__(self, model: str) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(model, device="cpu", cpu_threads=len(os.sched_getaffinity(0)))

    def words(self, recording: Path, *, vad_filter: bool) -> int:
        """How many words it writes."""
        segments, _ = self._model.transcribe(str(recording), vad_filter=vad_filter)
        return sum(len(segment.text.split()) for segment in segments)


# Printing


def _print_invented(one: Invented) -> None:
    figures = [one.marked, one.not_marked, one.bare, one.bare_with_vad]
    shown = " ".join(f"{'-' if (rate := one.per_hour(count)) is None else f'{rate:.0f}':>12}" for count in figures)
    print(f"{one.sound:42} {shown}", flush=True)


def summary(found: list[Invented], doubted: list[Lost]) -> Mapping[str, float | None]:
    """Words an hour over all sounds, and the share of true words that are marked."""
    hours = sum(one.duration_s for one in found) / 3600
    totals = {name: [getattr(one, name) for one in found] for name in ("marked", "not_marked", "bare", "bare_with_vad")}
    true = sum(one.true for one in doubted)
    return {
        **{
            f"{name}_per_hour": None if None in counts or not hours else sum(counts) / hours
            for name, counts in totals.items()
        },
        "true_words_lost": sum(one.true_marked for one in doubted) / true if true else None,
    }


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.invented", description=__doc__)
    parser.add_argument("--material", type=Path, help="folder of recordings with .txt references")
    parser.add_argument("--models", default=AUTO, help="what the engine recognises with, as in a request")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each sound")
    parser.add_argument(
        "--bare", help="the model that bare faster-whisper runs: a folder or a name; none: it is left out"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    engine = shared(arguments.models)
    try:
        with tempfile.TemporaryDirectory(prefix="ecg-invented-") as folder:
            print(f"{'words an hour':42} {'marked':>12} {'not marked':>12} {'bare':>12} {'bare, VAD':>12}", flush=True)
            bare = Bare(arguments.bare) if arguments.bare else None
            found = invented(engine, bare, arguments.seconds, Path(folder))
            doubted = lost(engine, arguments.material, Path(folder)) if arguments.material else []
    finally:
        engine.close()
    pooled = summary(found, doubted)
    for name, figure in pooled.items():
        if figure is not None:
            print(f"{name:24} {figure:.4g}")
    if arguments.json:
        document: dict[str, Any] = {
            "pooled": pooled,
            "sounds": list(map(asdict, found)),
            "lost": list(map(asdict, doubted)),
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
