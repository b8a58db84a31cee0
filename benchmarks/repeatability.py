"""How far each voice feature can be trusted: `python -m benchmarks.repeatability --material DIR`.

The same speech is measured as it is and as it arrives under other conditions (`benchmarks.conditions`). Frames are
compared as they are. Pieces of 0.35 s stand for words, 8 of them for a segment of 3 s, and stretches of 12 s for
speakers, whose segments they are; so figures that compare a word with its speaker's others are had, too. For each
column, condition and level: ICC(2,1) (Shrout and Fleiss 1979: two ways, random, absolute agreement, single
measurement), the mean difference (bias), and the limits of agreement (Bland and Altman 1986: bias and 1.96 standard
deviations of the differences), over all pieces in which both were measured.

What follows from the words' times and texts alone, such as pauses, is left out: the pieces are the same throughout.

Writes ecg_audio/results/repeatability.json, from which the tables' columns take their metadata, docs/features.md and
docs/tables.md.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
from pydantic import BaseModel  # noqa: E402

from benchmarks.conditions import CONDITIONS, RATE_HZ, SHIFT_S  # noqa: E402
from benchmarks.voice import recordings  # noqa: E402
from ecg_audio.analysis import (  # noqa: E402
    FRAME_COLUMNS,
    FRAME_HOP_S,
    Emphasis,
    PitchStatistics,
    RelativeVoice,
    Segment,
    SpokenWord,
    Tempo,
    VoiceFeatures,
    VolumeStatistics,
)
from ecg_audio.results import trust  # noqa: E402
from ecg_audio.voice.expression import express  # noqa: E402
from ecg_audio.voice.frames import measure  # noqa: E402

Array = Any

EDGE_S = 0.2
MODELS: dict[str, type[BaseModel]] = {
    "voice": VoiceFeatures,
    "relative": RelativeVoice,
    "emphasis": Emphasis,
    "volume": VolumeStatistics,
    "pitch": PitchStatistics,
    "tempo": Tempo,
}

LENGTHS_S = {"frame": FRAME_HOP_S, "word": 0.35, "segment": 3.0, "speaker": 12.0}
AUDIBLE_DBFS = -45.0
"""Pieces below hold no speech to measure."""
FEWEST = 10
"""Pieces that a figure needs."""
WORDS = 8
"""In a segment."""
LEFT_OUT = {
    "clipped_ratio",  # the source's
    "words_per_s",  # the others follow from the words' times and texts
    "relative_rate_z",
    "emphasis_length_ratio",
    *(f"tempo_{name}" for name in Tempo.model_fields if "syllables" not in name),
}

Measured = dict[str, dict[str, Array]]
"""By level and column, (pieces,), NaN where absent."""


def measured(samples: Array, later_s: float, duration_s: float) -> Measured:
    """Every column at every level, over the same pieces of the speech whatever was done to it.

    Args:
        samples: float32 (samples,), 16 kHz.
        later_s: so much was cut off at its beginning.
        duration_s: of the speech as it was.
    """
    batches = list(measure([samples]))
    frames = {name: np.concatenate([batch[name] for batch in batches]) for name in FRAME_COLUMNS}
    segments = _segments(later_s, duration_s)
    heard = express(segments, (), frames, len(samples) / RATE_HZ)
    words = [word for segment in heard.segments for word in segment.words]
    first, count = round((EDGE_S - later_s) / FRAME_HOP_S), int((duration_s - 2 * EDGE_S) / FRAME_HOP_S)
    return {
        "frame": {name: column[first : first + count].astype(float) for name, column in frames.items()},
        "word": _columns(words, voice="", relative="relative_", emphasis="emphasis_"),
        "segment": _columns(heard.segments, voice="", relative="relative_"),
        "speaker": _columns(heard.speakers, voice="", volume="volume_", pitch="pitch_", tempo="tempo_"),
    }


def _segments(later_s: float, duration_s: float) -> tuple[Segment, ...]:
    """Pieces that stand for segments and words, of speakers whose stretches follow each other."""
    segment_s, word_s = LENGTHS_S["segment"], LENGTHS_S["word"]
    found = []
    # the last piece ends before what the coders pad
    for index, at_s in enumerate(np.arange(EDGE_S, duration_s - segment_s - EDGE_S, segment_s)):
        start_s = float(at_s) - later_s
        name = f"{int(index * segment_s / LENGTHS_S['speaker']):03d}"
        starts_s = [start_s + number * word_s for number in range(WORDS)]
        words = tuple(SpokenWord(text="word", start_s=one, end_s=one + word_s, speaker=name) for one in starts_s)
        end_s = start_s + segment_s
        found.append(Segment(id=index, start_s=start_s, end_s=end_s, speaker=name, text="", words=words))
    return tuple(found)


def _columns(pieces: Sequence[Any], **prefixes: str) -> dict[str, Array]:
    """The scalar columns of pieces, as the tables call them, from models in them."""
    found: dict[str, Array] = {}
    for model, prefix in prefixes.items():
        values = [getattr(piece, model) for piece in pieces]
        for name, field in MODELS[model].model_fields.items():
            if field.annotation in (float | None, float) and f"{prefix}{name}" not in LEFT_OUT:
                one = (None if value is None else getattr(value, name) for value in values)
                found[f"{prefix}{name}"] = np.array([np.nan if figure is None else figure for figure in one])
    return found


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
    """The whole table: by level, column and condition."""
    lengths_s = {name: len(samples) / RATE_HZ for name, samples in material.items()}
    plain = {name: measured(samples, 0.0, lengths_s[name]) for name, samples in material.items()}
    found: dict[str, Any] = {level: {} for level in LENGTHS_S}
    for condition, (_words, change) in CONDITIONS.items():
        later_s = SHIFT_S if condition == "shifted" else 0.0
        changed = {name: measured(change(samples), later_s, lengths_s[name]) for name, samples in material.items()}
        for level in LENGTHS_S:
            loud = np.concatenate([one[level]["rms_dbfs"] for one in plain.values()]) > AUDIBLE_DBFS
            for column in next(iter(plain.values()))[level]:
                one, other = (
                    np.concatenate([each[level][column] for each in side.values()])[loud] for side in (plain, changed)
                )
                if np.isfinite(one).any():
                    found[level].setdefault(column, {})[condition] = agreement(one, other)
    return {
        "conditions": {name: words for name, (words, _change) in CONDITIONS.items()},
        "lengths_s": LENGTHS_S,
        "recordings": len(material),
        "seconds": round(sum(lengths_s.values())),
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
    for page, module in (("features", "trust"), ("tables", "columns")):
        made = subprocess.run([sys.executable, "-m", f"ecg_audio.results.{module}"], capture_output=True, check=True)
        Path(f"docs/{page}.md").write_bytes(made.stdout)


if __name__ == "__main__":
    main()
