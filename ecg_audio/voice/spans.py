"""How spans of time sounded: frames to words, segments, turns and speakers, in one compiled pass.

A frame belongs to a span that holds its centre. A span too short to hold any takes the nearest frame; one that lies
outside the recording, or ends before it begins, has no frames and no figures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg_audio.analysis import FRAME_HOP_S, VoiceFeatures, VolumeCategory
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.syllables import find_nuclei

Array = Any

SILENCE_DBFS = -60.0
"""Frames below are silence: they count for `silence_ratio` and for no spectral figure."""

VOLUME_CATEGORIES: tuple[tuple[float, VolumeCategory], ...] = ((-35.0, "low"), (-25.0, "medium"), (-15.0, "high"))
SHORTEST_FOR_RATE_S = 0.25
"""A rate counted over less than this says more about the cut than about the speech."""
SHORTEST_FOR_SLOPE = 5
"""Voiced frames that a slope needs."""
PEAKS_PER_S = 20.0
FEWEST_PEAKS, MOST_PEAKS = 10, 200

SPECTRAL = ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness")
MFCC = tuple(f"mfcc_{index:02d}" for index in range(13))
INPUTS = ("rms", "rms_dbfs", "peak", "f0_hz", "zero_crossing_rate", "hnr_db", *SPECTRAL, *MFCC)
MEANS = INPUTS[4:]

FIGURES = (
    "frames",
    "rms",
    "peak",
    "silence_ratio",
    "voiced_fraction",
    "f0_mean_hz",
    "f0_std_hz",
    "f0_min_hz",
    "f0_max_hz",
    "f0_median_hz",
    "f0_slope_st_per_s",
    "nuclei",
    *MEANS,
)


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """What `aggregate` found. `values` is float64 (spans, figures), NaN where not measurable."""

    values: Array

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Array:
        """One figure of every span; `FIGURES` names them."""
        return self.values[:, FIGURES.index(name)]


@kernel
def _aggregate(
    columns: Array, nuclei: Array, first: Array, end: Array, owner: Array, silence_dbfs: float, out: Array
) -> None:
    """Fill one row of `out` per owner from the frames [first, end) of its pieces, which follow each other.

    Sums are float64 and deviations are from the mean in a second look at the voiced frames: differences of large sums
    would lose what is measured.
    """
    voiced = np.empty(0, np.float64)
    times = np.empty(0, np.float64)
    sums = np.empty(columns.shape[0], np.float64)
    counts = np.empty(columns.shape[0], np.int64)
    piece = 0
    while piece < len(first):
        span = owner[piece]
        last = piece
        frames = 0
        while last < len(first) and owner[last] == span:
            frames += max(0, end[last] - first[last])
            last += 1
        row = out[span]
        row[:] = np.nan
        row[0] = frames
        if frames == 0:
            piece = last
            continue
        if len(voiced) < frames:
            voiced = np.empty(frames, np.float64)
            times = np.empty(frames, np.float64)
        sums[:] = 0.0
        counts[:] = 0
        power, peak, silent, found, peaks = 0.0, 0.0, 0, 0, 0
        for index in range(piece, last):
            for t in range(first[index], end[index]):
                power += np.float64(columns[0, t]) * np.float64(columns[0, t])
                peak = max(peak, np.float64(columns[2, t]))
                quiet = not columns[1, t] >= silence_dbfs  # NaN: digital silence
                silent += quiet
                peaks += nuclei[t]
                if not math.isnan(columns[3, t]):
                    voiced[found] = columns[3, t]
                    times[found] = t
                    found += 1
                if quiet:
                    continue
                for c in range(4, columns.shape[0]):
                    if not math.isnan(columns[c, t]):
                        sums[c] += columns[c, t]
                        counts[c] += 1
        row[1] = math.sqrt(power / frames)
        row[2] = peak
        row[3] = silent / frames
        row[4] = found / frames
        row[11] = peaks
        if found:
            _describe_pitch(voiced[:found], times[:found], row[5:11])
        for c in range(4, columns.shape[0]):
            if counts[c]:
                row[8 + c] = sums[c] / counts[c]
        piece = last


@kernel
def _describe_pitch(f0_hz: Array, times: Array, row: Array) -> None:
    """Mean, standard deviation, least, most, median and slope (semitones per frame) of voiced frames."""
    count = len(f0_hz)
    mean, lowest, highest, mean_time = 0.0, f0_hz[0], f0_hz[0], 0.0
    for i in range(count):
        mean += f0_hz[i]
        mean_time += times[i]
        lowest = min(lowest, f0_hz[i])
        highest = max(highest, f0_hz[i])
    mean /= count
    mean_time /= count
    variance, spread, tilt = 0.0, 0.0, 0.0
    for i in range(count):
        variance += (f0_hz[i] - mean) ** 2
        spread += (times[i] - mean_time) ** 2
        tilt += (times[i] - mean_time) * 12.0 * math.log2(f0_hz[i] / mean)
    row[0], row[1], row[2], row[3] = mean, math.sqrt(variance / count), lowest, highest
    if count >= SHORTEST_FOR_SLOPE:
        row[5] = tilt / spread
    middle = np.partition(f0_hz, count // 2)
    row[4] = middle[count // 2]
    if count % 2 == 0:
        row[4] = 0.5 * (row[4] + np.max(middle[: count // 2]))


def frame_ranges(starts_s: Array, ends_s: Array, frames: int) -> tuple[Array, Array]:
    """The frames [first, end) of each span, int64; empty where a span has none."""
    starts = np.asarray(starts_s, np.float64)
    ends = np.asarray(ends_s, np.float64)
    # a hair of slack, so that 0.29 / 0.01 is frame 29
    first = np.ceil(starts / FRAME_HOP_S - 1e-6).astype(np.int64)
    end = np.ceil(ends / FRAME_HOP_S - 1e-6).astype(np.int64)
    nearest = np.rint(0.5 * (starts + ends) / FRAME_HOP_S).astype(np.int64)
    short = (end <= first) & (ends >= starts)
    first, end = np.where(short, nearest, first), np.where(short, nearest + 1, end)
    inside = (starts >= 0.0) & (first < frames) & (ends >= starts)
    return np.where(inside, first, 0), np.where(inside, np.minimum(end, frames), 0)


class Aggregator:
    """The frames of one recording, laid out for aggregation once.

    Args:
        frames: the columns of `analysis.FRAME_COLUMNS`, float32 (frames,), NaN where not measurable.
    """

    def __init__(self, frames: Mapping[str, Array]) -> None:
        self._columns = np.stack([np.asarray(frames[name], np.float32) for name in INPUTS])
        self._nuclei = find_nuclei(self._columns[1], self._columns[3])

    def __len__(self) -> int:
        return int(self._columns.shape[1])

    def over(self, starts_s: Array, ends_s: Array) -> SpanFigures:
        """The figures of each span; spans may overlap and come in any order."""
        first, end = frame_ranges(starts_s, ends_s, len(self))
        return self._run(first, end, np.arange(len(first)), len(first))

    def over_unions(self, unions: Sequence[tuple[Array, Array]]) -> SpanFigures:
        """The figures of each union of spans, such as all turns of a speaker: a frame counts once.

        A slope over stretches that do not follow each other means nothing and is absent.
        """
        pieces = []
        for owner, (starts_s, ends_s) in enumerate(unions):
            first, end = frame_ranges(starts_s, ends_s, len(self))
            order = np.argsort(first, kind="stable")
            first, end = first[order], np.maximum.accumulate(end[order]) if len(end) else end
            first[1:] = np.maximum(first[1:], end[:-1])
            pieces.append((first, end, np.full(len(first), owner)))
        if not pieces:
            return SpanFigures(np.empty((0, len(FIGURES))))
        firsts, ends, owners = (np.concatenate(column) for column in zip(*pieces, strict=True))
        figures = self._run(firsts, ends, owners, len(unions))
        figures["f0_slope_st_per_s"][:] = np.nan
        return figures

    def _run(self, first: Array, end: Array, owner: Array, spans: int) -> SpanFigures:
        out = np.full((spans, len(FIGURES)), np.nan)
        out[:, 0] = 0.0
        _aggregate(self._columns, self._nuclei, first, end, owner, SILENCE_DBFS, out)
        out[:, FIGURES.index("f0_slope_st_per_s")] /= FRAME_HOP_S
        return SpanFigures(out)

    def draw(self, start_s: float, end_s: float) -> tuple[float, ...] | None:
        """The volume of a span for drawing: 10 to 200 peaks in [0, 1], about 20 to the second."""
        first, end = frame_ranges(np.array([start_s]), np.array([end_s]), len(self))
        peaks = self._columns[2, first[0] : end[0]]
        if not len(peaks):
            return None
        count = min(MOST_PEAKS, max(FEWEST_PEAKS, round((end_s - start_s) * PEAKS_PER_S)))
        at = np.linspace(0.0, len(peaks), count + 1)
        lows = np.minimum(at[:-1].astype(np.int64), len(peaks) - 1)
        highs = np.maximum(lows + 1, np.ceil(at[1:]).astype(np.int64))
        return tuple(round(min(1.0, float(peaks[low:high].max())), 4) for low, high in zip(lows, highs, strict=True))


def aggregate(frames: Mapping[str, Array], starts_s: Array, ends_s: Array) -> SpanFigures:
    """The figures of each span; see `Aggregator`, which is worth keeping when there are several kinds of spans."""
    return Aggregator(frames).over(starts_s, ends_s)


def describe(
    figures: SpanFigures,
    durations_s: Array,
    *,
    words: Sequence[int] | None = None,
    peaks: Sequence[tuple[float, ...] | None] | None = None,
) -> list[VoiceFeatures | None]:
    """Voice features of each span; None for a span without frames.

    Args:
        figures: from `aggregate` or `Aggregator`.
        durations_s: length of each span, for rates.
        words: how many words each span holds; None where a word rate means nothing.
        peaks: from `Aggregator.draw`.
    """
    columns = {name: figures[name].tolist() for name in FIGURES}
    described: list[VoiceFeatures | None] = []
    for i, duration_s in enumerate(np.asarray(durations_s, np.float64).tolist()):
        if not columns["frames"][i]:
            described.append(None)
            continue
        measured = {name: _known(column[i]) for name, column in columns.items()}
        rms, peak = measured["rms"], measured["peak"]
        rms_dbfs = _dbfs(rms)
        lowest, highest = measured["f0_min_hz"], measured["f0_max_hz"]
        nuclei = measured.pop("nuclei") or 0.0
        cepstra = [measured.pop(name) for name in MFCC]
        long_enough = duration_s >= SHORTEST_FOR_RATE_S
        described.append(
            VoiceFeatures(
                **{name: value for name, value in measured.items() if name not in ("frames", "peak")},
                rms_dbfs=rms_dbfs,
                peak_dbfs=_dbfs(peak),
                f0_range_st=12.0 * math.log2(highest / lowest) if lowest and highest else None,
                mfcc=tuple(cepstra) if None not in cepstra else None,  # type: ignore[arg-type]
                words_per_s=words[i] / duration_s if words is not None and long_enough else None,
                syllable_peaks_per_s=nuclei / duration_s if long_enough else None,
                volume_category=volume_category(rms_dbfs),
                volume_peaks=peaks[i] if peaks is not None else None,
            )
        )
    return described


def volume_category(rms_dbfs: float | None) -> VolumeCategory | None:
    """Loudness in four words, by absolute level."""
    if rms_dbfs is None:
        return None
    return next((name for bound, name in VOLUME_CATEGORIES if rms_dbfs < bound), "emphasis")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _dbfs(level: float | None) -> float | None:
    return 20.0 * math.log10(level) if level else None
