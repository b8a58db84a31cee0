"""How far each voice feature can be trusted: `python -m benchmarks.repeatability --material DIR`.

The same speech is measured as it is and as it arrives under other conditions (`benchmarks.conditions`). Pieces of
0.35 s stand for words, pieces of 3 s for segments. For each column, condition and length: ICC(2,1) (Shrout and Fleiss
1979: two ways, random, absolute agreement, single measurement), the mean difference (bias), and the limits of
agreement (Bland and Altman 1986: bias and 1.96 standard deviations of the differences), over all pieces in which both
were measured.

Writes ecg_audio/results/repeatability.json, from which the tables' columns take their metadata, and docs/features.md.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from benchmarks.conditions import CONDITIONS, RATE_HZ, SHIFT_S  # noqa: E402
from benchmarks.voice import recordings  # noqa: E402
from ecg_audio.analysis import FRAME_COLUMNS, VoiceFeatures  # noqa: E402
from ecg_audio.results import trust  # noqa: E402
from ecg_audio.voice.frames import measure  # noqa: E402
from ecg_audio.voice.spans import Aggregator, describe  # noqa: E402
from ecg_audio.voice.statistics import pitch_statistics  # noqa: E402

Array = Any

LENGTHS_S = {"word": 0.35, "segment": 3.0}
AUDIBLE_DBFS = -45.0
"""Pieces below hold no speech to measure."""
FEWEST = 10
"""Pieces that a figure needs."""
NOT_OF_THE_SOUND = ("words_per_s", "clipped_ratio")
"""The recogniser's, and the source's."""
SCALARS = tuple(
    name
    for name, field in VoiceFeatures.model_fields.items()
    if field.annotation == (float | None) and name not in NOT_OF_THE_SOUND
)
"""Columns measured from the sound."""


def measured(samples: Array, starts_s: Array, ends_s: Array) -> dict[str, Array]:
    """Each scalar column over each piece, NaN where absent."""
    batches = list(measure([samples]))
    frames = {name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}
    pitch = pitch_statistics(frames["f0_hz"])
    voices_hz = np.full(len(starts_s), pitch.median_hz if pitch else np.nan)
    voices = describe(Aggregator(frames).over(starts_s, ends_s), ends_s - starts_s, voices_hz=voices_hz)
    return {
        name: np.array(
            [np.nan if voice is None or (value := getattr(voice, name)) is None else value for voice in voices]
        )
        for name in SCALARS
    }


def agreement(one: Array, other: Array) -> dict[str, float | int | None]:
    """ICC(2,1), bias and limits of agreement of two measurements of the same pieces."""
    both = np.stack([one, other], axis=1)
    both = both[np.isfinite(both).all(axis=1)]
    n = len(both)
    present = int(np.isfinite(one).sum())
    if n < FEWEST:
        return {"icc": None, "bias": None, "low": None, "high": None, "pieces": n, "of": present}
    grand, rows, columns = both.mean(), both.mean(axis=1), both.mean(axis=0)
    between = 2 * ((rows - grand) ** 2).sum() / (n - 1)
    raters = n * ((columns - grand) ** 2).sum()
    residual = ((both - rows[:, None] - columns + grand) ** 2).sum() / (n - 1)
    below = between + residual + 2 * (raters - residual) / n
    difference = both[:, 1] - both[:, 0]
    bias, spread = float(difference.mean()), float(1.96 * difference.std(ddof=1))
    return {
        "icc": float((between - residual) / below) if below > 0.0 else None,
        "bias": bias,
        "low": bias - spread,
        "high": bias + spread,
        "pieces": n,
        "of": present,
    }


def run(material: dict[str, Array]) -> dict[str, Any]:
    """The whole table: by length, column and condition."""
    found: dict[str, Any] = {name: {column: {} for column in SCALARS} for name in LENGTHS_S}
    pieces = {}
    for length, seconds in LENGTHS_S.items():
        for name, samples in material.items():
            # the last piece ends before what the coders pad
            starts_s = np.arange(0.2, len(samples) / RATE_HZ - seconds - 0.2, seconds)
            pieces[length, name] = (starts_s, starts_s + seconds)
    plain = {key: measured(material[key[1]], *times) for key, times in pieces.items()}
    for condition, (_words, change) in CONDITIONS.items():
        changed = {name: change(samples) for name, samples in material.items()}
        later_s = SHIFT_S if condition == "shifted" else 0.0
        for length in LENGTHS_S:
            sides: dict[str, list[tuple[Array, Array]]] = {column: [] for column in SCALARS}
            for name in material:
                starts_s, ends_s = pieces[length, name]
                before, after = plain[length, name], measured(changed[name], starts_s - later_s, ends_s - later_s)
                loud = before["rms_dbfs"] > AUDIBLE_DBFS
                for column in SCALARS:
                    sides[column].append((before[column][loud], after[column][loud]))
            for column, pairs in sides.items():
                one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
                found[length][column][condition] = agreement(one, other)
    return {
        "conditions": {name: words for name, (words, _change) in CONDITIONS.items()},
        "lengths_s": LENGTHS_S,
        "recordings": len(material),
        "seconds": round(sum(len(samples) for samples in material.values()) / RATE_HZ),
        "figures": found,
    }


def rounded(value: Any) -> Any:
    """Figures with four significant digits, so that the file says no more than is known."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Entry of `python -m benchmarks.repeatability`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--material", type=Path, help="folder of recordings; without one, the conversation in pyannote.audio"
    )
    parser.add_argument("--against-praat", type=Path, help="the JSON of `python -m benchmarks.features --json`")
    options = parser.parse_args()
    report = run(recordings(options.material))
    if options.against_praat:
        report["against_praat"] = json.loads(options.against_praat.read_text())["real_speech"]
    elif trust.FILE.exists():
        report["against_praat"] = json.loads(trust.FILE.read_text()).get("against_praat", {})
    trust.FILE.write_text(json.dumps(rounded(report), indent=1) + "\n")
    trust.load.cache_clear()
    Path("docs/features.md").write_text(trust.markdown())


if __name__ == "__main__":
    main()
