"""How right a recorded call is, one person a channel: `python -m benchmarks.calls --material DIR`.

Material is a folder of clear read speech as `benchmarks.dialogues` takes it. Two readers call each other: their clips
take turns, and each begins before the other's has ended. The truth about time is exact: of each clip is left what is
less than 25 dB below its loud parts, pauses of less than 0.3 s included, and the rest is silence. The call is analysed
by the command line as it is and with each voice leaking into the other channel, and its mix is analysed too, to
compare. Prints one JSON object a line; DER has collar 0 and counts overlap.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.accuracy import AUDIO_SUFFIXES
from benchmarks.wording import Spoken, attributed, plain_words
from ecg_audio.analysis import Analysis, Turn
from ecg_audio.results import document

RATE_HZ = 16_000
HOP = 160  # samples of a level frame: 10 ms
BELOW_LOUD_DB = 25.0
ABOVE_FLOOR_DB = 6.0  # a clip's own noise is no speech
PAUSE_S = 0.3
FADE_S = 0.01
OVERLAP_S = 2.5
NOISE = 1e-4  # of a line: -80 dBFS
LEAK_DELAY_S = 0.02


@dataclass(frozen=True)
class Call:
    """Two channels, (samples, 2) float32 at 16 kHz, and the truth about them."""

    samples: NDArray[np.float32]
    words: tuple[Spoken, ...]
    turns: tuple[Turn, ...]

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE_HZ

    @property
    def overlap_s(self) -> float:
        """How long both speak at once."""
        pairs = itertools.combinations(self.turns, 2)
        return sum(
            max(0.0, min(a.end_s, b.end_s) - max(a.start_s, b.start_s)) for a, b in pairs if a.speaker != b.speaker
        )


def call(material: Path, leak_db: float | None = None) -> Call:
    """The first two readers of a folder on the telephone.

    Args:
        material: NAME.wav or .flac, and its words in NAME.txt; what stands before a first hyphen is the reader.
        leak_db: how much fainter each is heard in the other's channel; None: not at all.
    """
    readers: dict[str, list[Path]] = {}
    for clip in sorted(material.iterdir()):
        if clip.suffix in AUDIO_SUFFIXES and clip.with_suffix(".txt").is_file():
            readers.setdefault(clip.stem.split("-")[0], []).append(clip)
    if len(readers) < 2:
        raise SystemExit(f"{material} has clips with words of {len(readers)} reader(s): two are needed")
    queues = list(readers.values())[:2]
    order = [
        (reader, clip)
        for clips in itertools.zip_longest(*queues)
        for reader, clip in enumerate(clips)
        if clip is not None
    ]
    ends_s = [0.5, 0.5]  # of each reader's last clip
    placed: list[tuple[int, float, NDArray[np.float32]]] = []
    words: list[Spoken] = []
    turns: list[Turn] = []
    for reader, clip in order:
        sound, spoken = cut(_samples(clip))
        start_s = round(max(ends_s[reader] + 0.5, ends_s[1 - reader] - OVERLAP_S), 2)
        placed.append((reader, start_s, sound))
        speaker = f"SPEAKER_{reader:02d}"
        words += [(word, speaker) for word in clip.with_suffix(".txt").read_text().split()]
        turns += [Turn(speaker=speaker, start_s=start_s + a, end_s=start_s + b) for a, b in spoken]
        ends_s[reader] = start_s + len(sound) / RATE_HZ
    channels = np.zeros((2, round((max(ends_s) + 1.0) * RATE_HZ)), np.float32)
    for reader, start_s, sound in placed:
        at = round(start_s * RATE_HZ)
        channels[reader, at : at + len(sound)] += sound
    if leak_db is not None:
        delay = round(LEAK_DELAY_S * RATE_HZ)
        channels[:, delay:] += 10 ** (leak_db / 20) * channels[::-1, :-delay]
    channels += NOISE * np.random.default_rng(0).standard_normal(channels.shape, np.float32)
    return Call(channels.T, tuple(words), tuple(turns))


def speaking(sound: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where somebody speaks in a clean clip, in seconds."""
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    level_db = 10 * np.log10(np.convolve(np.square(frames).mean(axis=1), np.ones(3) / 3, "same") + 1e-12)
    bound_db = max(np.percentile(level_db, 95) - BELOW_LOUD_DB, np.percentile(level_db, 2) + ABOVE_FLOOR_DB)
    found: list[list[int]] = []
    for at in np.flatnonzero(level_db > bound_db).tolist():
        if found and at - found[-1][1] <= PAUSE_S * RATE_HZ / HOP:
            found[-1][1] = at + 1
        else:
            found.append([at, at + 1])
    return [(start * HOP / RATE_HZ, end * HOP / RATE_HZ) for start, end in found]


def cut(sound: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[tuple[float, float]]]:
    """A clip with silence where nobody speaks, and where somebody does."""
    spoken = speaking(sound)
    left = np.zeros(len(sound), np.float32)
    for start_s, end_s in spoken:
        left[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = 1.0
    fade = np.ones(round(FADE_S * RATE_HZ)) / round(FADE_S * RATE_HZ)
    return (sound * np.convolve(left, fade, "same")).astype(np.float32), spoken


def _samples(clip: Path) -> NDArray[np.float32]:
    samples, rate_hz = soundfile.read(clip, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ, quality="HQ")
    return np.asarray(mono - mono.mean(), np.float32)


def analysed(recording: Path, models: str, channels: str, store: Path) -> Analysis:
    """What the command line makes of a recording."""
    command = [sys.executable, "-m", "deployments.cli", "analyze", str(recording), "--models", models, "--json"]
    command += ["--language", "en", "--channels", channels, "--out", str(store)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return document.loads(Path(json.loads(done.stdout)["outputs"]["analysis"]).read_bytes())


def scored(truth: Call, found: Analysis) -> dict[str, float]:
    """Counts of words and shares of time that are wrong."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, hypothesis = Annotation(), Annotation()
    for annotation, turns in ((reference, truth.turns), (hypothesis, found.turns)):
        for turn in turns:
            annotation[Segment(turn.start_s, turn.end_s), len(annotation)] = turn.speaker
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rate = DiarizationErrorRate(collar=0.0, skip_overlap=False)(
            reference, hypothesis, uem=Timeline([Segment(0.0, truth.duration_s)])
        )
    words = plain_words((word.text, word.speaker) for segment in found.segments for word in segment.words)
    return {"der": round(rate, 4), "words_found": len(words), **asdict(attributed(plain_words(truth.words), words))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, required=True, help="folder of clips with their words")
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--leak-db", type=float, default=-25.0, help="how loud each is in the other's channel")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecg-calls-") as folder:
        for leak_db, channels in ((None, "auto"), (arguments.leak_db, "auto"), (None, "mixed")):
            truth = call(arguments.material, leak_db)
            recording = Path(folder, "call.wav")
            soundfile.write(recording, truth.samples, RATE_HZ)
            found = analysed(recording, arguments.models, channels, Path(folder, "store"))
            told = {"channels": channels, "leak_db": leak_db, "duration_s": round(truth.duration_s, 1)}
            told |= {"overlap_s": round(truth.overlap_s, 1), "by": found.diarization_model}
            print(json.dumps(told | scored(truth, found)), flush=True)


if __name__ == "__main__":
    main()
