"""Voice features against known answers and against Praat: `python -m benchmarks.features --material DIR [--json F]`.

Known answers: vowels by source and filter with set jitter, shimmer, formants and noise, ours and Praat's error beside
each other. Real speech: pieces of 3 s of every recording in a folder, correlation with Praat and mean difference for
each feature; nothing is left out. Our harmonics-to-noise ratio is of the band that the pitch is read from, below 2.5
kHz and fading to 5: it hears 2.5 dB less of white noise than Praat's, which takes all of it. Speed: ours, Praat and
librosa give the same features of the same sound on one core.
"""

import argparse
import json
import os
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from benchmarks.feature_peers import praat  # noqa: E402
from benchmarks.feature_voices import RATE_HZ, VOWELS, sustained  # noqa: E402
from benchmarks.voice import recordings  # noqa: E402
from ecg_audio.analysis import FRAME_COLUMNS, LOW_VOICE_HZ  # noqa: E402
from ecg_audio.voice.frames import measure  # noqa: E402
from ecg_audio.voice.spans import Aggregator, describe  # noqa: E402

Array = Any

PIECE_S = 3.0
LEAST_VOICED = 0.2
TRUSTED_R = 0.8
NOISE_DB = (None, 30.0, 20.0, 10.0)


def ours(samples: Array) -> dict[str, float]:
    """Our figures of a stretch of sound, NaN where absent."""
    batches = list(measure([samples], threads=1))
    frames = {name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}
    duration_s = len(samples) / RATE_HZ
    (voice,) = describe(Aggregator(frames).over(np.array([0.0]), np.array([duration_s])), np.array([duration_s]))
    assert voice is not None
    figures = voice.model_dump(exclude={"mfcc", "volume_category", "volume_peaks"})
    return {name: np.nan if value is None else value for name, value in figures.items()}


def known_answers() -> dict[str, dict[str, dict[str, float]]]:
    """Mean absolute errors of ours and Praat by noise and feature: hertz, decibels, or shares as they are."""
    errors: dict[str, dict[str, dict[str, list[float]]]] = {}
    for noise_db in NOISE_DB:
        rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: {"truth": [], "ours": [], "praat": []})
        for seed, (f0_hz, vowel) in enumerate((f0, vowel) for f0 in (100.0, 130.0, 210.0) for vowel in VOWELS):
            voice = sustained(
                f0_hz,
                vowel,
                jitter=0.002 * (seed % 5),
                shimmer_db=0.1 * (seed % 7),
                hnr_db=noise_db,
                scale=1.0 if f0_hz < LOW_VOICE_HZ else 1.12,
                seed=seed,
            )
            mine, theirs = ours(voice.samples), praat(voice.samples, f0_hz < LOW_VOICE_HZ)
            for name, truth in voice.truth.items():
                rows[name]["truth"].append(abs(truth))
                rows[name]["ours"].append(abs(mine[name] - truth))
                rows[name]["praat"].append(abs(theirs[name] - truth))
        errors["none" if noise_db is None else f"{noise_db:g} dB"] = {
            name: {who: float(np.nanmean(values)) for who, values in row.items()} for name, row in rows.items()
        }
    return errors


def real_speech(material: dict[str, Array]) -> dict[str, dict[str, float]]:
    """Correlation with Praat and our mean difference from it, by feature, over pieces of the recordings."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    step = int(PIECE_S * RATE_HZ)
    for samples in material.values():
        for start in range(0, len(samples) - step + 1, step):
            piece = samples[start : start + step]
            mine = ours(piece)
            if mine["voiced_fraction"] < LEAST_VOICED:
                continue
            theirs = praat(piece, mine["f0_median_hz"] < LOW_VOICE_HZ)
            for name, value in theirs.items():
                pairs[name].append((mine[name], value))
    found = {}
    for name, values in pairs.items():
        both = np.array([pair for pair in values if np.isfinite(pair).all()])
        r = float(np.corrcoef(both.T)[0, 1]) if len(both) > 2 else np.nan
        found[name] = {
            "pieces": len(values),
            "compared": len(both),
            "r": r,
            "bias": float((both[:, 0] - both[:, 1]).mean()),
            "praat_mean": float(both[:, 1].mean()),
        }
    return found


def speed(samples: Array, rounds: int) -> dict[str, float]:
    """Median seconds for the same features, in alternation on one core."""
    from benchmarks.voice_peers import librosa_features, one_core

    one_core()
    ours(samples[: 5 * RATE_HZ])
    mine, theirs = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        for _batch in measure([samples], threads=1):
            pass
        mine.append(time.perf_counter() - started)
        started = time.perf_counter()
        librosa_features(samples)
        praat(samples, low_voice=True)
        praat(samples, low_voice=False)  # the other formants' ceiling too, as ours
        theirs.append(time.perf_counter() - started)
    ratio = float(np.median([b / a for a, b in zip(mine, theirs, strict=True)]))
    return {
        "seconds_of_sound": len(samples) / RATE_HZ,
        "ours_s": float(np.median(mine)),
        "praat_and_librosa_s": float(np.median(theirs)),
        "times_faster": ratio,
    }


def show(report: dict[str, Any]) -> None:
    """Print the report for people."""
    for noise, rows in report["known_answers"].items():
        print(
            f"\nsynthetic vowels, white noise: {noise}\n{'':20}{'mean truth':>12}{'ours':>12}{'Praat':>12}  abs. error"
        )
        for name, row in rows.items():
            print(f"{name:20}{row['truth']:12.5f}{row['ours']:12.5f}{row['praat']:12.5f}")
    if "real_speech" in report:
        print(f"\nreal speech, pieces of {PIECE_S:g} s\n{'':20}{'r':>8}{'bias':>12}{'of':>12}{'compared':>10}")
        for name, row in report["real_speech"].items():
            mark = "" if row["r"] >= TRUSTED_R else f"  r < {TRUSTED_R:g}"
            print(f"{name:20}{row['r']:8.3f}{row['bias']:12.5f}{row['praat_mean']:12.5f}{row['compared']:10d}{mark}")
        print("\n", report["speed"])


def main() -> None:
    """Entry of `python -m benchmarks.features`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, help="folder of recordings; without one, known answers alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the report here")
    options = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is NaN, and counted as such
    report: dict[str, Any] = {"known_answers": known_answers()}
    if options.material:
        material = recordings(options.material)
        report["real_speech"] = real_speech(material)
        report["speed"] = speed(np.concatenate(list(material.values()))[: 30 * RATE_HZ], options.rounds)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
