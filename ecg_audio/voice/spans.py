"""How spans of time sounded: frames to words, segments, turns and speakers.

A frame belongs to a span that holds its centre. A span too short to hold any takes the nearest frame; one that lies
outside the recording, or ends before it begins, has no frames and no figures.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.analysis import FRAME_HOP_S, LOW_VOICE_HZ, VoiceFeatures, VolumeCategory
from ecg_audio.voice.compiled import kernel
from ecg_audio.voice.formants import CEILINGS_HZ
from ecg_audio.voice.formants import COLUMNS as FORMANTS
from ecg_audio.voice.periods import COLUMNS as PERTURBATION
from ecg_audio.voice.spectrum import BALANCE
from ecg_audio.voice.syllables import find_nuclei

Array = Any

SILENCE_DBFS = -60.0
"""Frames below are silence: they count for `silence_ratio` and for no spectral figure."""

VOLUME_CATEGORIES: tuple[tuple[float, VolumeCategory], ...] = ((-35.0, "low"), (-25.0, "medium"), (-15.0, "high"))
SHORTEST_FOR_RATE_S = 0.25
"""A rate counted over less than this says more about the cut than about the speech."""
FEWEST_FOR_SPREAD = 2
"""Voiced frames that a standard deviation or range needs."""
FEWEST_FOR_SLOPE = 5
"""Voiced frames that a slope needs."""
SHORTEST_PHRASE_S = 1.0
"""A declination over less is the melody of a word or two."""
FEWEST_PERIODS = 10
"""Frames with a period to compare that jitter and shimmer need."""
PEAKS_PER_S = 20.0
FEWEST_PEAKS, MOST_PEAKS = 10, 200

MFCC = tuple(f"mfcc_{index:02d}" for index in range(13))
MEANS = (
    "zero_crossing_rate",
    "hnr_db",
    "spectral_centroid_hz",
    "spectral_rolloff_hz",
    "spectral_flatness",
    "clipped_ratio",
    *MFCC,
    *BALANCE,
    "cpp_db",
    *PERTURBATION,
    *FORMANTS,
)
"""Columns that a span has the mean of, over its audible frames."""


class SpanFigures(NamedTuple):
    """What was found in each of n spans: float64 (n,) each, NaN where not measurable."""

    frames: Array  # 0 where the span has none, and then everything else is NaN
    rms: Array
    peak: Array
    silence_ratio: Array
    voiced_fraction: Array
    f0_mean_hz: Array
    f0_std_hz: Array
    f0_min_hz: Array
    f0_max_hz: Array
    f0_median_hz: Array
    f0_p20_hz: Array
    f0_p80_hz: Array
    f0_slope_st_per_s: Array
    f0_declination_st_per_s: Array
    syllables: Array
    means: Array  # (len(MEANS), n)

    def mean(self, name: str) -> Array:
        """The means of one of the columns that `MEANS` names."""
        return self.means[MEANS.index(name)]


class Pieces(NamedTuple):
    """Runs of frames [first, end), int64, those of the same `owner` next to each other."""

    first: Array
    end: Array
    owner: Array


@kernel
def _aggregate(
    rms: Array, audible: Array, peak: Array, f0_hz: Array, nuclei: Array, pieces: Pieces, out: SpanFigures
) -> None:
    """Levels, voicing and pitch of each owner.

    Sums are float64 and deviations are from the mean, in a second look at the voiced frames: differences of large sums
    would lose what is measured.
    """
    voiced = np.empty(0, np.float64)
    times_s = np.empty(0, np.float64)
    start = 0
    while start < len(pieces.owner):
        span = pieces.owner[start]
        stop, frames = start, 0
        while stop < len(pieces.owner) and pieces.owner[stop] == span:
            frames += max(0, pieces.end[stop] - pieces.first[stop])
            stop += 1
        if len(voiced) < frames:
            voiced = np.empty(frames, np.float64)
            times_s = np.empty(frames, np.float64)
        power, largest, silent, syllables, found = 0.0, 0.0, 0, 0, 0
        for piece in range(start, stop):
            for t in range(pieces.first[piece], pieces.end[piece]):
                power += np.float64(rms[t]) * np.float64(rms[t])
                largest = max(largest, np.float64(peak[t]))
                silent += not audible[t]
                syllables += nuclei[t]
                if not math.isnan(f0_hz[t]):
                    voiced[found] = f0_hz[t]
                    times_s[found] = t * FRAME_HOP_S
                    found += 1
        out.frames[span] = frames
        if frames:
            out.rms[span] = math.sqrt(power / frames)
            out.peak[span] = largest
            out.silence_ratio[span] = silent / frames
            out.voiced_fraction[span] = found / frames
            out.syllables[span] = syllables
        if found:
            _describe_pitch(voiced[:found], times_s[:found], span, out)
        start = stop


@kernel
def _describe_pitch(voiced_hz: Array, times_s: Array, span: int, out: SpanFigures) -> None:
    """What there is to say about the voiced frames of a span."""
    count = len(voiced_hz)
    mean_hz, lowest_hz, highest_hz, mean_time_s = 0.0, voiced_hz[0], voiced_hz[0], 0.0
    for i in range(count):
        mean_hz += voiced_hz[i]
        mean_time_s += times_s[i]
        lowest_hz = min(lowest_hz, voiced_hz[i])
        highest_hz = max(highest_hz, voiced_hz[i])
    mean_hz /= count
    mean_time_s /= count
    variance, spread, tilt = 0.0, 0.0, 0.0
    for i in range(count):
        variance += (voiced_hz[i] - mean_hz) ** 2
        spread += (times_s[i] - mean_time_s) ** 2
        tilt += (times_s[i] - mean_time_s) * 12.0 * math.log2(voiced_hz[i] / mean_hz)
    out.f0_mean_hz[span], out.f0_min_hz[span], out.f0_max_hz[span] = mean_hz, lowest_hz, highest_hz
    if count >= FEWEST_FOR_SPREAD:
        out.f0_std_hz[span] = math.sqrt(variance / count)
    if count >= FEWEST_FOR_SLOPE:
        out.f0_slope_st_per_s[span] = tilt / spread
        out.f0_declination_st_per_s[span] = _decline(voiced_hz, times_s, mean_hz, mean_time_s, tilt / spread)
        out.f0_p20_hz[span] = _select(voiced_hz, round(0.2 * (count - 1)))
        out.f0_p80_hz[span] = _select(voiced_hz, round(0.8 * (count - 1)))
    out.f0_median_hz[span] = _select(voiced_hz, count // 2)
    if count % 2 == 0:  # what lies before the upper middle is not above it
        lower_hz = voiced_hz[0]
        for i in range(1, count // 2):
            lower_hz = max(lower_hz, voiced_hz[i])
        out.f0_median_hz[span] = 0.5 * (out.f0_median_hz[span] + lower_hz)


@kernel
def _decline(voiced_hz: Array, times_s: Array, mean_hz: float, mean_time_s: float, slope: float) -> float:
    """Slope in semitones a second of the line through what lies below the line through all; NaN in short spans."""
    count = len(voiced_hz)
    if times_s[count - 1] - times_s[0] < SHORTEST_PHRASE_S:
        return np.nan
    centre_st = 0.0
    for i in range(count):
        centre_st += 12.0 * math.log2(voiced_hz[i] / mean_hz) / count
    found, time_s, level_st = 0, 0.0, 0.0
    for i in range(count):
        height_st = 12.0 * math.log2(voiced_hz[i] / mean_hz)
        if height_st <= centre_st + slope * (times_s[i] - mean_time_s):
            found += 1
            time_s += times_s[i]
            level_st += height_st
    if found < FEWEST_FOR_SLOPE:
        return np.nan
    time_s, level_st = time_s / found, level_st / found
    tilt, spread = 0.0, 0.0
    for i in range(count):
        height_st = 12.0 * math.log2(voiced_hz[i] / mean_hz)
        if height_st <= centre_st + slope * (times_s[i] - mean_time_s):
            tilt += (times_s[i] - time_s) * (height_st - level_st)
            spread += (times_s[i] - time_s) ** 2
    return tilt / spread if spread > 0.0 else np.nan


@kernel
def _select(values: Array, rank: int) -> float:
    """The value of this rank, by Hoare's quickselect; reorders so that none before it is larger.

    numpy's own would add five seconds to the first compilation.
    """
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return float(values[rank])


@kernel
def _average(column: Array, audible: Array, pieces: Pieces, sums: Array, counts: Array) -> None:
    """Sum and count each owner's audible and measurable frames of one column."""
    for piece in range(len(pieces.owner)):
        total, count = 0.0, 0
        for t in range(pieces.first[piece], pieces.end[piece]):
            if audible[t] and not math.isnan(column[t]):
                total += column[t]
                count += 1
        sums[pieces.owner[piece]] += total
        counts[pieces.owner[piece]] += count


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
    """The frames of one recording, ready to be looked at span by span.

    Args:
        frames: the columns of `analysis.FRAME_COLUMNS`, float32 (frames,), NaN where not measurable.
    """

    def __init__(self, frames: Mapping[str, Array]) -> None:
        self._frames = {name: np.ascontiguousarray(column, np.float32) for name, column in frames.items()}
        self._audible = self._frames["rms_dbfs"] >= SILENCE_DBFS  # NaN, digital silence, is not
        self._nuclei = find_nuclei(self._frames["rms_dbfs"], self._frames["f0_hz"])

    def __len__(self) -> int:
        return len(self._audible)

    def over(self, starts_s: Array, ends_s: Array) -> SpanFigures:
        """The figures of each span; spans may overlap and come in any order."""
        first, end = frame_ranges(starts_s, ends_s, len(self))
        return self._run(Pieces(first, end, np.arange(len(first))), len(first))

    def over_unions(self, unions: Sequence[tuple[Array, Array]]) -> SpanFigures:
        """The figures of each union of spans, such as all turns of a speaker: a frame counts once.

        A slope over stretches that do not follow each other means nothing and is absent.
        """
        pieces = [self._merge(owner, *spans) for owner, spans in enumerate(unions)]
        joined = Pieces(*(np.concatenate(column) for column in zip(*pieces, strict=True))) if pieces else _NO_PIECES
        figures = self._run(joined, len(unions))
        figures.f0_slope_st_per_s[:] = np.nan
        figures.f0_declination_st_per_s[:] = np.nan
        return figures

    def _merge(self, owner: int, starts_s: Array, ends_s: Array) -> Pieces:
        """Pieces in order of time that do not overlap."""
        first, end = frame_ranges(starts_s, ends_s, len(self))
        order = np.argsort(first, kind="stable")
        first, reached = first[order], np.maximum.accumulate(end[order])
        first[1:] = np.maximum(first[1:], reached[:-1])
        return Pieces(first, reached, np.full(len(first), owner))

    def _run(self, pieces: Pieces, spans: int) -> SpanFigures:
        shapes = [(len(MEANS), spans) if name == "means" else (spans,) for name in SpanFigures._fields]
        out = SpanFigures(*(np.full(shape, np.nan) for shape in shapes))
        out.frames[:] = 0.0
        rms, peak, f0_hz = self._frames["rms"], self._frames["peak"], self._frames["f0_hz"]
        _aggregate(rms, self._audible, peak, f0_hz, self._nuclei, pieces, out)
        for name, mean in zip(MEANS, out.means, strict=True):
            sums, counts = np.zeros(spans), np.zeros(spans)
            _average(self._frames[name], self._audible, pieces, sums, counts)
            np.divide(sums, counts, out=mean, where=counts >= (FEWEST_PERIODS if name in PERTURBATION else 1))
        return out

    def draw(self, start_s: float, end_s: float) -> tuple[float, ...] | None:
        """The volume of a span for drawing: 10 to 200 peaks in [0, 1], about 20 to the second."""
        first, end = frame_ranges(np.array([start_s]), np.array([end_s]), len(self))
        peaks = self._frames["peak"][first[0] : end[0]]
        if not len(peaks):
            return None
        count = min(MOST_PEAKS, max(FEWEST_PEAKS, round((end_s - start_s) * PEAKS_PER_S)))
        edges = np.linspace(0.0, len(peaks), count + 1)
        lows = np.minimum(edges[:-1].astype(np.int64), len(peaks) - 1)
        highs = np.maximum(lows + 1, np.ceil(edges[1:]).astype(np.int64))
        return tuple(round(min(1.0, float(peaks[low:high].max())), 4) for low, high in zip(lows, highs, strict=True))


_NO_PIECES = Pieces(*(np.empty(0, np.int64) for _ in range(3)))


def aggregate(frames: Mapping[str, Array], starts_s: Array, ends_s: Array) -> SpanFigures:
    """The figures of each span; see `Aggregator`, which is worth keeping when there are several kinds of spans."""
    return Aggregator(frames).over(starts_s, ends_s)


def describe(
    figures: SpanFigures,
    durations_s: Array,
    *,
    words: Sequence[int] | None = None,
    peaks: Sequence[tuple[float, ...] | None] | None = None,
    voices_hz: Array | None = None,
) -> list[VoiceFeatures | None]:
    """Voice features of each span; None for a span without frames.

    Args:
        figures: from `aggregate` or `Aggregator`.
        durations_s: length of each span, for rates.
        words: how many words each span holds; None where a word rate means nothing.
        peaks: from `Aggregator.draw`.
        voices_hz: median F0 of whoever speaks in each span, which tells where their formants are to be looked for; NaN:
            not known. None: the span's own.
    """
    durations = np.asarray(durations_s, np.float64)
    rated = np.where(durations >= SHORTEST_FOR_RATE_S, durations, np.nan)
    with np.errstate(divide="ignore"):  # the decibels of nothing are -inf, and then absent
        columns = {
            "rms_dbfs": 20.0 * np.log10(figures.rms),
            "peak_dbfs": 20.0 * np.log10(figures.peak),
            "f0_range_st": np.where(
                np.isfinite(figures.f0_std_hz), 12.0 * np.log2(figures.f0_max_hz / figures.f0_min_hz), np.nan
            ),
            "syllable_peaks_per_s": figures.syllables / rated,
            **{name: getattr(figures, name) for name in SpanFigures._fields if name in VoiceFeatures.model_fields},
            **{name: figures.mean(name) for name in MEANS if name in VoiceFeatures.model_fields},
            **_formants(figures, figures.f0_median_hz if voices_hz is None else voices_hz),
        }
    if words is not None:
        columns["words_per_s"] = np.asarray(words, np.float64) / rated
    rows = zip(*(_known(column) for column in columns.values()), strict=True)
    cepstra = np.stack([figures.mean(name) for name in MFCC], axis=1)
    described: list[VoiceFeatures | None] = []
    for i, row in enumerate(rows):
        values: dict[str, Any] = dict(zip(columns, row, strict=True))
        values["mfcc"] = tuple(cepstra[i].tolist()) if np.isfinite(cepstra[i]).all() else None
        values["volume_category"] = volume_category(values["rms_dbfs"])
        values["volume_peaks"] = peaks[i] if peaks is not None else None
        described.append(VoiceFeatures.model_validate(values) if figures.frames[i] else None)
    return described


def _formants(figures: SpanFigures, voices_hz: Array) -> dict[str, Array]:
    """Each formant and its bandwidth below the ceiling that fits the voice; NaN where no voice is known."""
    low, high = CEILINGS_HZ
    voices_hz = np.asarray(voices_hz, np.float64)
    found = {}
    for number in (1, 2, 3):
        for part in ("", "_bandwidth"):
            of_low, of_high = (figures.mean(f"f{number}{part}_below_{ceiling}_hz") for ceiling in (low, high))
            own = np.where(voices_hz < LOW_VOICE_HZ, of_low, of_high)
            found[f"f{number}{part}_hz"] = np.where(np.isfinite(voices_hz), own, np.nan)
    return found


def volume_category(rms_dbfs: float | None) -> VolumeCategory | None:
    """Loudness in four words, by absolute level."""
    if rms_dbfs is None:
        return None
    return next((name for bound, name in VOLUME_CATEGORIES if rms_dbfs < bound), "emphasis")


def _known(column: Array) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in column.tolist()]
