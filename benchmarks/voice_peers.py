"""How fast the voice is measured: ours and its peers, in turn, in one run, on one core.

Every contestant hears the same recording. In each round all of them run once, in alternating order, so that what else
the machine does meets all alike; the figures are medians over rounds, and ratios are taken within a round.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecg_audio.voice.frames import STANDARD, measure
from ecg_audio.voice.kernels.spectrum import POWER_FLOOR, SLOPE_BINS
from ecg_audio.voice.spectrum import STEVENS, tables

Array = Any

RATE_HZ = 16_000
HOP, WINDOW, MELS = 160, 512, 40
SLOW_S = 60.0
"""Peers below some hundred times real time hear this much, and their time is scaled."""
SEGMENT_S = 5.0
LENGTHS_S = (20, 60, 200, 600)


@dataclass(frozen=True)
class Pace:
    """One contestant's time for the whole recording: the median over rounds, and how much faster than real time."""

    name: str
    seconds: float
    times_real_time: float


def one_core() -> None:
    """Bind this process, and the threads it will have, to the last core that it may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def blocks(samples: Array, seconds: float = 1.0) -> Iterator[Array]:
    """The recording as a decoder hands it out."""
    step = int(seconds * RATE_HZ)
    for start in range(0, len(samples), step):
        yield samples[start : start + step]


def ours(samples: Array) -> None:
    """Every column."""
    for _batch in measure(blocks(samples), threads=1):
        pass


def ours_without_pitch(samples: Array) -> None:
    """Every column but F0, its strength and the harmonics-to-noise ratio."""
    for _batch in measure(blocks(samples), settings=None, threads=1):
        pass


def librosa_features(samples: Array) -> tuple[Array, Array]:
    """What we measured without pitch before the balance of spectra was added, one STFT shared by all.

    Returns:
        Magnitudes, float32 (257, frames), and mel bands, float32 (40, frames).
    """
    import librosa

    frame = {"hop_length": HOP, "frame_length": WINDOW}
    magnitude = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP, pad_mode="constant"))
    librosa.feature.rms(y=samples, pad_mode="constant", **frame)
    librosa.feature.zero_crossing_rate(samples, **frame)
    librosa.feature.spectral_centroid(S=magnitude, sr=RATE_HZ)
    librosa.feature.spectral_rolloff(S=magnitude, sr=RATE_HZ)
    librosa.feature.spectral_flatness(S=magnitude)
    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE_HZ, n_mels=MELS)
    librosa.feature.mfcc(S=librosa.power_to_db(mel, amin=1e-10, top_db=None), n_mfcc=13)
    return magnitude, mel


def librosa_all(samples: Array) -> None:
    """All that we measure without pitch: the rest by numpy from the same STFT and mel bands."""
    import librosa

    magnitude, mel = librosa_features(samples)
    power = magnitude**2
    np.abs(librosa.util.frame(np.pad(samples, WINDOW // 2), frame_length=WINDOW, hop_length=HOP)).max(axis=0)
    10.0 * np.log10((power[32:161].sum(axis=0) + POWER_FLOOR) / (power[2:32].sum(axis=0) + POWER_FLOOR))
    10.0 * np.log10((power[2:64].max(axis=0) + POWER_FLOOR) / (power[64:161].max(axis=0) + POWER_FLOOR))
    np.stack([tables().low_slope, tables().high_slope]) @ librosa.power_to_db(power[:SLOPE_BINS], top_db=None)
    of_one_length = magnitude / np.maximum(np.linalg.norm(magnitude, axis=0), POWER_FLOOR)
    np.linalg.norm(np.diff(of_one_length, axis=1), axis=0)
    (mel**STEVENS).sum(axis=0)


def praat_pitch(samples: Array) -> None:
    """Praat's autocorrelation pitch over the same range."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), RATE_HZ)
    sound.to_pitch_ac(time_step=0.01, pitch_floor=STANDARD.floor_hz, pitch_ceiling=STANDARD.ceiling_hz)


def librosa_pyin(samples: Array) -> None:
    """Probabilistic YIN over the same range."""
    import librosa

    librosa.pyin(
        samples, fmin=STANDARD.floor_hz, fmax=STANDARD.ceiling_hz, sr=RATE_HZ, frame_length=1024, hop_length=HOP
    )


def replaced_system(samples: Array) -> None:
    """The replaced system's way: segment by segment, each figure by a librosa call of its own, pitch by piptrack."""
    import librosa

    step = int(SEGMENT_S * RATE_HZ)
    for start in range(0, len(samples) - step + 1, step):
        segment = samples[start : start + step]
        librosa.feature.rms(y=segment)
        librosa.feature.spectral_centroid(y=segment, sr=RATE_HZ)
        librosa.feature.spectral_rolloff(y=segment, sr=RATE_HZ)
        librosa.feature.zero_crossing_rate(segment)
        librosa.feature.mfcc(y=segment, sr=RATE_HZ, n_mfcc=13)
        pitches, strengths = librosa.piptrack(y=segment, sr=RATE_HZ, fmin=75.0, fmax=600.0)
        pitches[strengths > np.median(strengths)].mean()


CONTESTANTS: tuple[tuple[str, Callable[[Array], None], bool], ...] = (
    # name, what runs, whether it is slow
    ("ours", ours, False),
    ("ours without pitch", ours_without_pitch, False),
    ("librosa, shared STFT", librosa_features, False),
    ("librosa, shared STFT, all columns", librosa_all, False),
    ("Praat pitch", praat_pitch, False),
    ("the replaced system", replaced_system, True),
    ("librosa.pyin", librosa_pyin, True),
)


def race(samples: Array, rounds: int) -> tuple[list[Pace], dict[str, float]]:
    """All contestants, `rounds` times.

    Returns:
        Each one's pace, and how many times faster we are than each (medians of the rounds' ratios).
    """
    short = samples[: int(SLOW_S * RATE_HZ)]
    duration_s = len(samples) / RATE_HZ
    for _name, run, _slow in CONTESTANTS:
        run(samples[: 5 * RATE_HZ])  # compilation and lazy imports are not the race
    seconds: dict[str, list[float]] = {name: [] for name, _run, _slow in CONTESTANTS}
    for number in range(rounds):
        for name, run, slow in CONTESTANTS[:: 1 if number % 2 == 0 else -1]:
            heard = short if slow else samples
            started = time.perf_counter()
            run(heard)
            seconds[name].append((time.perf_counter() - started) * len(samples) / len(heard))
    paces = [Pace(name, value := statistics.median(times), duration_s / value) for name, times in seconds.items()]
    both = [a + b for a, b in zip(seconds["librosa, shared STFT"], seconds["Praat pitch"], strict=True)]
    paces.append(Pace("librosa + Praat", statistics.median(both), duration_s / statistics.median(both)))

    def ratio(theirs: list[float], mine: list[float]) -> float:
        return statistics.median(a / b for a, b in zip(theirs, mine, strict=True))

    ratios = {name: ratio(times, seconds["ours"]) for name, times in seconds.items() if name != "ours"}
    del ratios["ours without pitch"]
    ratios["librosa + Praat"] = ratio(both, seconds["ours"])
    for name in ("librosa, shared STFT", "librosa, shared STFT, all columns"):
        ratios[f"{name}, against ours without pitch"] = ratio(seconds[name], seconds["ours without pitch"])
    return paces, ratios


def by_length(samples: Array, rounds: int) -> dict[str, float]:
    """How many times faster the pass without pitch is than librosa's, by how much is heard at once.

    librosa's arrays grow with the recording: what the machine takes for memory decides as much as its processor. Ours
    stay in a near cache.
    """
    found = {}
    for length_s in LENGTHS_S:
        some, ratios = samples[: length_s * RATE_HZ], []
        for _ in range(rounds):
            times = []
            for run in (librosa_features, ours_without_pitch):
                started = time.perf_counter()
                run(some)
                times.append(time.perf_counter() - started)
            ratios.append(times[0] / times[1])
        found[f"{length_s} s"] = statistics.median(ratios)
    return found


def beside_decoding(samples: Array, folder: Path, rounds: int) -> dict[str, float]:
    """Decoding an MP4 alone, and decoding it into the measurement."""
    from ecg_audio.media.container import opened
    from ecg_audio.media.sound import Sound
    from ecg_audio.progress import silent

    path = folder / "recording.mp4"
    _encode(samples, path)
    alone, together = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        with opened(path) as media:
            for _block in Sound(media).blocks(silent):
                pass
        alone.append(time.perf_counter() - started)
        started = time.perf_counter()
        with opened(path) as media:
            for _batch in measure(Sound(media).blocks(silent)):
                pass
        together.append(time.perf_counter() - started)
    ratio = statistics.median(b / a for a, b in zip(alone, together, strict=True))
    return {"decode_s": statistics.median(alone), "decode_and_measure_s": statistics.median(together), "ratio": ratio}


def _encode(samples: Array, path: Path) -> None:
    """48 kHz stereo AAC, as cameras write it."""
    import av
    import soxr

    loud = soxr.resample(samples, RATE_HZ, 48_000).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="stereo")
        for start in range(0, len(loud), 48_000):
            second = loud[start : start + 48_000]
            frame = av.AudioFrame.from_ndarray(np.stack([second, second]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def as_json(paces: list[Pace]) -> list[dict[str, Any]]:
    """Paces for a report."""
    return [asdict(pace) for pace in paces]
