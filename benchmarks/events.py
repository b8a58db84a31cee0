"""Which pauses and sounds are found, and how often one is named where none is.

`python -m benchmarks.events --material FOLDER` takes recordings of speech (NAME.wav or .flac; with NAME.txt it is clear
read speech, with NAME.rttm a meeting) and measures three things with the embedded models:

- mixed: into each recording, at pauses, before it and after it, come sounds made by rule (`benchmarks.sounds`), three
  seconds of nothing, and four voices at once, 3 to 12 dB below the speech: what is where is known;
- laughter of real meetings, labelled below by spectrogram and by who speaks when in the reference;
- speech alone, of readers and of meetings in which nobody laughs, at other tempos: whatever is named there is false.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks import sounds
from ecg_audio.analysis import Diarization, Event, EventKind
from ecg_audio.request import EMBEDDED
from ecg_audio.sounds.events import EventSearch
from ecg_audio.speech import edges, suspect
from ecg_audio.speech.engine import LocalEngine
from ecg_audio.speech.listen import LONGEST_S
from ecg_audio.voice import frames

RATE_HZ = sounds.RATE_HZ
KINDS: tuple[EventKind, ...] = get_args(EventKind)
MADE = {"tone": (sounds.tone,), "noise": (sounds.noise,), "applause": (sounds.claps, sounds.applause)}
MADE |= {"music": (sounds.music,)}
LASTING_S = (2.5, 5.0)
BELOW_SPEECH_DB = (3.0, 12.0)
CLEAR_S = 0.7  # of the room alone, before and after a sound
PAUSE_S = 3.0
MATCHED = 0.3  # of the shorter of two that are to be the same

LAUGHTER: Mapping[str, tuple[tuple[float, float], ...]] = {
    # AMI: bursts several times a second over breath, or several speakers' turns that begin together without a word
    "dev00": (),
    "dev01": (),
    "trn01": ((18.8, 19.5), (28.5, 30.0)),
    "trn02": (),
    "trn03": (),
    "trn04": ((14.1, 16.7),),
    "trn05": ((8.5, 9.2),),
}

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is where in a recording. `judged` are the kinds of which everything is known."""

    name: str
    samples: Samples
    events: tuple[tuple[EventKind, float, float], ...]
    judged: tuple[EventKind, ...]


@dataclass(slots=True)
class Score:
    """Counts for one kind in one part of the benchmark."""

    true: int = 0  # events that there are
    recalled: int = 0  # of them
    found: int = 0  # events that are named
    right: int = 0  # of them
    hours: float = 0.0

    @property
    def row(self) -> dict[str, Any]:
        """The counts, and what follows from them; None: nothing to divide by."""
        return {
            **asdict(self),
            "hours": round(self.hours, 3),
            "recall": round(self.recalled / self.true, 3) if self.true else None,
            "precision": round(self.right / self.found, 3) if self.found else None,
            "false_per_hour": round((self.found - self.right) / self.hours, 2) if self.hours else None,
        }


def mixed(clips: Mapping[str, Samples], seed: int) -> Iterator[Truth]:
    """Each clip with one of each sound, a pause and a babble, in any order."""
    for number, (name, clip) in enumerate(clips.items()):
        rng = np.random.default_rng((seed, number))
        others = [other for other_name, other in clips.items() if other_name != name]
        level = _speech_level(clip)
        made: list[tuple[EventKind, Samples]] = []
        for kind in KINDS:
            length_s = float(rng.uniform(*LASTING_S))
            if kind in MADE:
                maker = MADE[kind][int(rng.integers(0, len(MADE[kind])))]
                made.append((kind, maker(length_s, rng)))
            elif kind == "crosstalk":
                made.append((kind, _babble(others, length_s, rng)))
            elif kind == "pause":
                made.append((kind, np.zeros(round(PAUSE_S * RATE_HZ), np.float32)))
        order = [made[int(index)] for index in rng.permutation(len(made))]
        parts: list[Samples] = []
        events: list[tuple[EventKind, float, float]] = []
        at = 0
        pieces = _cut(clip, len(order) - 1)
        for index, piece in enumerate(pieces):
            parts.append(piece)
            at += len(piece)
            if index == len(order):
                break
            kind, sound = order[index]
            room = _room(clip, len(sound) + round(2 * CLEAR_S * RATE_HZ), rng)
            begin = round(CLEAR_S * RATE_HZ)
            gain = level * 10 ** (-rng.uniform(*BELOW_SPEECH_DB) / 20) / 0.1
            room[begin : begin + len(sound)] += gain * sound
            if kind != "pause":
                events.append((kind, (at + begin) / RATE_HZ, (at + begin + len(sound)) / RATE_HZ))
            elif 0 < index < len(pieces) - 1:  # before and after all talk a pause is none
                events.append((kind, at / RATE_HZ, (at + len(room)) / RATE_HZ))
            parts.append(room)
            at += len(room)
        judged = tuple(kind for kind in KINDS if kind not in ("pause", "laughter"))
        yield Truth(f"mixed {name}", np.concatenate(parts), tuple(events), (*judged, "pause"))


def meetings(clips: Mapping[str, Samples]) -> Iterator[Truth]:
    """The recordings whose laughter is labelled, as they are."""
    for name, clip in clips.items():
        if name in LAUGHTER:
            events = tuple(("laughter", start_s, end_s) for start_s, end_s in LAUGHTER[name])
            kinds: tuple[EventKind, ...] = ("laughter", "applause", "music", "noise")
            yield Truth(name, clip, events, kinds)  # type: ignore[arg-type]  # a literal in a generator is a str


def clear(clips: Mapping[str, Samples], minutes: float, seed: int) -> Iterator[Truth]:
    """So many minutes of speech, two at a time: whole clips at 0.9 to 1.1 times their tempo, short pauses."""
    done_s = 0.0
    for number in range(1000):
        if done_s >= minutes * 60 or not clips:
            return
        rng = np.random.default_rng((seed, number))
        parts: list[Samples] = []
        while sum(map(len, parts)) < min(120.0, minutes * 60 - done_s) * RATE_HZ:
            clip = list(clips.values())[int(rng.integers(0, len(clips)))]
            parts.append(soxr.resample(clip, RATE_HZ, RATE_HZ * rng.uniform(0.9, 1.1)).astype(np.float32))
            parts.append(_room(clip, round(rng.uniform(0.3, 1.5) * RATE_HZ), rng))
        samples = np.concatenate(parts)
        done_s += len(samples) / RATE_HZ
        yield Truth(f"clear {number}", samples, (), tuple(kind for kind in KINDS if kind != "pause"))


def heard(engine: LocalEngine, samples: Samples, folder: Path) -> tuple[Event, ...]:
    """All events of a recording, as a job finds them with every kind on."""
    path = folder / "recording.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    recognised = engine.align(path, engine.transcribe(path))
    batches = list(frames.measure([samples]))
    measured = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    refined = edges.refined(recognised, measured["rms_dbfs"], measured["f0_hz"])
    transcript = suspect.examined(refined.transcript, recognised=recognised, unsounded=refined.outside)
    diarization: Diarization = engine.diarize(path)
    search = EventSearch(transcript, measured, len(samples) / RATE_HZ, KINDS)
    spoken = transcript.language if transcript.language != "und" else "en"
    remarked = engine.listen(path, spans=search.unnamed(LONGEST_S), language=spoken)
    return search.events(diarization, remarked)


def add(scores: dict[EventKind, Score], truth: Truth, found: Sequence[Event]) -> None:
    """Count what was found in one recording."""
    for kind in truth.judged:
        score = scores.setdefault(kind, Score())
        there = [(start_s, end_s) for name, start_s, end_s in truth.events if name == kind]
        named = [(event.start_s, event.end_s) for event in found if event.kind == kind]
        score.true += len(there)
        score.found += len(named)
        score.recalled += sum(any(_same(one, other) for other in named) for one in there)
        score.right += sum(any(_same(one, other) for other in there) for one in named)
        score.hours += len(truth.samples) / RATE_HZ / 3600


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    common_s = min(one[1], other[1]) - max(one[0], other[0])
    return common_s >= MATCHED * min(one[1] - one[0], other[1] - other[0])


def _cut(clip: Samples, cuts: int) -> list[Samples]:
    """An empty piece, the clip cut at its quietest moments, an empty piece: what sounds stand between."""
    hop = RATE_HZ // 50
    level = np.convolve(clip**2, np.ones(RATE_HZ // 5) / (RATE_HZ // 5), "same")[::hop]
    apart = max(1, min(len(level) // (2 * cuts), 100))
    at: list[int] = []
    for index in np.argsort(level):
        inside = apart < index < len(level) - apart
        if inside and all(abs(int(index) - other) > apart for other in at) and len(at) < cuts - 1:
            at.append(int(index))
    edges_of = [0, *sorted(index * hop for index in at), len(clip)]
    empty = np.zeros(0, np.float32)
    return [empty, *(clip[a:b] for a, b in pairwise(edges_of)), empty][: cuts + 2]


def _room(clip: Samples, count: int, rng: np.random.Generator) -> Samples:
    """The noise of a clip's place: white noise with the spectrum of its quietest half second."""
    size = RATE_HZ // 2
    windows = [clip[at : at + size] for at in range(0, max(1, len(clip) - size), size // 4)]
    quiet = min((one for one in windows if np.any(one)), key=lambda one: float(np.sum(one**2)))
    shape = np.abs(np.fft.rfft(quiet * np.hanning(len(quiet)))) / np.sqrt(np.sum(np.hanning(len(quiet)) ** 2))
    smooth = np.convolve(shape, np.ones(9) / 9, "same")
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(smooth)), smooth)
    return np.asarray(np.fft.irfft(spectrum, count), np.float32)


def _babble(clips: Sequence[Samples], length_s: float, rng: np.random.Generator) -> Samples:
    """Four voices at once, each from somewhere else."""
    count = round(length_s * RATE_HZ)
    total = np.zeros(count, np.float32)
    for _ in range(4):
        clip = clips[int(rng.integers(0, len(clips)))]
        voice = np.tile(clip, count // len(clip) + 2)[int(rng.integers(0, len(clip))) :][:count]
        total += voice / max(1e-6, _speech_level(clip))
    return np.asarray(np.clip(total * 0.05, -0.99, 0.99), np.float32)


def _speech_level(clip: Samples) -> float:
    """The RMS of the loud half of a clip's 100 ms windows."""
    size = RATE_HZ // 10
    power = np.sort([float(np.mean(clip[at : at + size] ** 2)) for at in range(0, len(clip) - size, size)])
    return float(np.sqrt(power[len(power) // 2 :].mean()))


def _clips(material: Path, ending: str) -> dict[str, Samples]:
    """Recordings that have a reference of a kind beside them."""
    found = {}
    for reference in sorted(material.glob(f"*{ending}")):
        for path in (reference.with_suffix(".wav"), reference.with_suffix(".flac")):
            if path.is_file():
                samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
                found[path.stem] = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ).astype(np.float32)
    return found


def main() -> None:
    """Measure, and print each kind's figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, required=True, help="folder of speech with references")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clear-minutes", type=float, default=20.0)
    parser.add_argument(
        "--parts", nargs="+", choices=("mixed", "meetings", "clear"), default=["mixed", "meetings", "clear"]
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    read, met = _clips(given.material, ".txt"), _clips(given.material, ".rttm")
    sober = {**read, **{name: clip for name, clip in met.items() if LAUGHTER.get(name) == ()}}
    made = {
        "mixed": mixed(sober, given.seed),
        "meetings": meetings(met),
        "clear": clear(sober, given.clear_minutes, given.seed),
    }
    figures: dict[str, Any] = {}
    engine = LocalEngine(EMBEDDED)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for part in given.parts:
                scores: dict[EventKind, Score] = {}
                for truth in made[part]:
                    found = heard(engine, truth.samples, Path(folder))
                    add(scores, truth, found)
                    named = [f"{event.kind} {event.start_s:.1f}-{event.end_s:.1f}" for event in found]
                    there = [f"{kind} {start_s:.1f}-{end_s:.1f}" for kind, start_s, end_s in truth.events]
                    print(f"{truth.name}: there {', '.join(there)} | found {', '.join(named)}", flush=True)
                figures[part] = {kind: score.row for kind, score in scores.items()}
                for kind, row in figures[part].items():
                    print(f"{part:9} {kind:10} {json.dumps(row)}", flush=True)
    finally:
        engine.close()
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
