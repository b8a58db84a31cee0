"""How right the pitch is: against synthetic truth and, on real speech, against Praat."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.voice_truth import (
    RANGES_HZ,
    RATE_HZ,
    Score,
    Truth,
    glide,
    mean_score,
    octave_trap,
    praat_truth,
    score,
    with_noise,
)
from ecg_audio.voice.frames import measure

Array = Any
Tracker = Callable[[Array], tuple[Array, Array]]

HELD_OUT_SEED = 1000
"""Thresholds were set on glides of other seeds."""
TUNED_ON = ("austen-0870", "austen-0930", "dev01", "trn01", "trn03", "trn05")
"""Recordings that were listened to when thresholds were set; they are reported apart."""


def ours(samples: Array) -> tuple[Array, Array]:
    """Times in seconds and F0 in Hz, NaN where unvoiced."""
    f0_hz = np.concatenate([batch["f0_hz"] for batch in measure([samples])])
    return np.arange(len(f0_hz)) * 0.01, f0_hz


def praat(samples: Array) -> tuple[Array, Array]:
    """Likewise."""
    import parselmouth

    pitch = parselmouth.Sound(samples.astype(np.float64), RATE_HZ).to_pitch_ac(
        time_step=0.01, pitch_floor=60.0, pitch_ceiling=500.0
    )
    f0_hz = pitch.selected_array["frequency"]
    return pitch.xs(), np.where(f0_hz > 0.0, f0_hz, np.nan)


def pyin(samples: Array) -> tuple[Array, Array]:
    """Likewise."""
    import librosa

    f0_hz, voiced, _ = librosa.pyin(samples, fmin=60.0, fmax=500.0, sr=RATE_HZ, frame_length=1024, hop_length=160)
    return np.arange(len(f0_hz)) * 0.01, np.where(voiced, f0_hz, np.nan)


TRACKERS: dict[str, Tracker] = {"ours": ours, "Praat": praat, "librosa.pyin": pyin}


def scenes() -> Iterator[tuple[str, list[Truth]]]:
    """Synthetic voices by kind."""
    clean = [glide(10.0, low, high, HELD_OUT_SEED + seed) for seed, (low, high) in enumerate(RANGES_HZ)]
    yield "glides, clean", clean
    for snr_db in (20.0, 10.0, 0.0):
        noisy = [with_noise(truth, snr_db, seed) for seed, truth in enumerate(clean)]
        yield f"glides, white noise at {snr_db:.0f} dB", noisy
    traps = [octave_trap(kind, f0) for kind in ("missing", "second", "alternating", "pure") for f0 in (80, 150, 350)]
    yield "octave traps", traps


def synthetic() -> dict[str, dict[str, Score]]:
    """Mean scores by scene and tracker."""
    return {
        name: {
            tracker: mean_score([score(*track(truth.samples), truth) for truth in truths])
            for tracker, track in TRACKERS.items()
        }
        for name, truths in scenes()
    }


def against_praat(recordings: dict[str, Array]) -> dict[str, Score]:
    """Our score on each recording with Praat as the truth, then the means of those held out and tuned on."""
    scores = {name: score(*ours(samples), praat_truth(samples)) for name, samples in recordings.items()}
    held_out = [found for name, found in scores.items() if Path(name).stem not in TUNED_ON]
    tuned = [found for name, found in scores.items() if Path(name).stem in TUNED_ON]
    if held_out:
        scores["mean, held out"] = mean_score(held_out)
    if tuned:
        scores["mean, tuned on"] = mean_score(tuned)
    return scores


def clap() -> dict[str, float]:
    """What one clap of full scale over a quiet voice does: voiced frames lost elsewhere, by us and by Praat."""
    truth = glide(10.0, 100.0, 250.0, HELD_OUT_SEED)
    quiet = (0.03 * truth.samples).astype(np.float32)
    clapped = quiet.copy()
    at = 4 * RATE_HZ
    burst = np.exp(-np.arange(320) / 60) * np.random.default_rng(0).uniform(-1.0, 1.0, 320)
    clapped[at : at + 320] += (burst / np.abs(burst).max()).astype(np.float32)
    lost = {}
    for name in ("ours", "Praat"):
        times_s, before = TRACKERS[name](quiet)
        _, after = TRACKERS[name](clapped)
        elsewhere = np.abs(times_s - 4.0) > 0.1
        voiced = np.isfinite(before) & elsewhere
        lost[name] = 100.0 * float((np.isfinite(before) != np.isfinite(after))[elsewhere].sum() / voiced.sum())
    return lost


def as_json(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores, nested or not, for a report."""
    return {name: asdict(value) if isinstance(value, Score) else as_json(value) for name, value in scores.items()}
