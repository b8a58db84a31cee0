"""How spans of time sounded: frames to words, segments, turns and speakers.

A frame belongs to a span that holds its centre. A span too short to hold any takes the nearest frame; one that lies
outside the recording, or ends before it begins, has no frames and no figures.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.analysis import FRAME_HOP_S, LOW_VOICE_HZ, Segment, SpokenWord, Turn, VoiceFeatures, VolumeCategory
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


class _Voiced(NamedTuple):
    """The voiced frames of all owners, those of the same one next to each other: (n,) each."""

    owner: Array  # int64
    f0_hz: Array  # float64
    time_s: Array  # float64


def _sums(values: Array, pieces: Pieces) -> Array:
    """The sum of a column, (frames,), over each piece, float64."""
    return _reduced(np.add, values, pieces, np.float64)


def _reduced(operation: np.ufunc, values: Array, pieces: Pieces, dtype: type) -> Array:
    """A column's frames of each piece, brought together by an operation; 0 for a piece without any."""
    # a reduction from each index to the next: every other one is of a piece
    bounds = np.stack([pieces.first, pieces.end], axis=1).ravel()
    found = operation.reduceat(np.append(values, values.dtype.type(0)), bounds, dtype=dtype)[::2]
    return np.where(pieces.end > pieces.first, found, 0)


def _voiced(f0_hz: Array, pieces: Pieces) -> _Voiced:
    places = np.flatnonzero(np.isfinite(f0_hz))
    low, high = np.searchsorted(places, pieces.first), np.searchsorted(places, pieces.end)
    counts = np.maximum(0, high - low)
    before = np.cumsum(counts) - counts
    frames = places[np.repeat(low - before, counts) + np.arange(counts.sum())]
    return _Voiced(np.repeat(pieces.owner, counts), f0_hz[frames].astype(np.float64), frames * FRAME_HOP_S)


def _describe_pitch(voiced: _Voiced, out: SpanFigures) -> None:
    """What there is to say about the voiced frames of each owner.

    Deviations are from the mean: differences of large sums would lose what is measured.
    """
    spans = len(out.frames)
    counts = np.bincount(voiced.owner, minlength=spans)
    some = np.flatnonzero(counts)
    if not len(some):
        return
    starts = (np.cumsum(counts) - counts)[some]

    def mean(values: Array, of: Array | None = None) -> Array:
        """Of each owner, over all voiced frames or some."""
        chosen = slice(None) if of is None else of
        sums = np.bincount(voiced.owner[chosen], values[chosen], spans)
        return sums / (counts if of is None else np.bincount(voiced.owner[chosen], minlength=spans))

    with np.errstate(divide="ignore", invalid="ignore"):  # nothing of nothing is NaN
        out.f0_mean_hz[:] = mean(voiced.f0_hz)
        out.f0_min_hz[some] = np.minimum.reduceat(voiced.f0_hz, starts)
        out.f0_max_hz[some] = np.maximum.reduceat(voiced.f0_hz, starts)
        own_mean_hz = out.f0_mean_hz[voiced.owner]
        spread_hz = np.sqrt(mean((voiced.f0_hz - own_mean_hz) ** 2))
        height_st = 12.0 * np.log2(voiced.f0_hz / own_mean_hz)
        slope, line_st = _line(voiced, height_st, mean)
        lower = height_st <= line_st  # declination: the line through what lies below the line through all
        declination, _ = _line(voiced, height_st, mean, lower)
        length_s = np.zeros(spans)
        ends = starts + counts[some] - 1
        length_s[some] = voiced.time_s[ends] - voiced.time_s[starts]
    declines = (length_s >= SHORTEST_PHRASE_S) & (counts >= FEWEST_FOR_SLOPE)
    declines &= np.bincount(voiced.owner[lower], minlength=spans) >= FEWEST_FOR_SLOPE
    out.f0_std_hz[:] = np.where(counts >= FEWEST_FOR_SPREAD, spread_hz, np.nan)
    out.f0_slope_st_per_s[:] = np.where(counts >= FEWEST_FOR_SLOPE, slope, np.nan)
    out.f0_declination_st_per_s[:] = np.where(declines, declination, np.nan)

    ranked_hz = voiced.f0_hz[np.lexsort((voiced.f0_hz, voiced.owner))]
    own = counts[some]
    out.f0_median_hz[some] = 0.5 * (ranked_hz[starts + (own - 1) // 2] + ranked_hz[starts + own // 2])
    for share, column in ((0.2, out.f0_p20_hz), (0.8, out.f0_p80_hz)):
        rank = np.rint(share * (own - 1)).astype(np.int64)
        column[some] = np.where(own >= FEWEST_FOR_SLOPE, ranked_hz[starts + rank], np.nan)


def _line(
    voiced: _Voiced, height_st: Array, mean: Callable[..., Array], of: Array | None = None
) -> tuple[Array, Array]:
    """Slope in semitones a second of each owner's straight line, and the line's height at each frame."""
    off_s = voiced.time_s - mean(voiced.time_s, of)[voiced.owner]
    middle_st = mean(height_st, of)
    slope = mean(off_s * (height_st - middle_st[voiced.owner]), of) / mean(off_s**2, of)
    return slope, middle_st[voiced.owner] + slope[voiced.owner] * off_s


def edges(spans: Sequence[SpokenWord | Segment | Turn]) -> tuple[Array, Array]:
    """Where each span begins and where it ends, in seconds, float64 (n,) each."""
    starts_s = np.array([span.start_s for span in spans], np.float64)
    return starts_s, np.array([span.end_s for span in spans], np.float64)


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
        if not len(self) or not len(pieces.owner):
            return out
        lengths = np.maximum(0, pieces.end - pieces.first)

        def total(of_pieces: Array) -> Array:
            return np.bincount(pieces.owner, of_pieces, spans)

        frames, f0_hz = total(lengths), self._frames["f0_hz"]
        out.frames[:] = frames
        voiced = _voiced(f0_hz, pieces)
        held = frames > 0
        for column, summed in (
            (out.rms, total(_sums(self._frames["rms"].astype(np.float64) ** 2, pieces))),
            (out.silence_ratio, total(_sums(~self._audible, pieces))),
            (out.voiced_fraction, np.bincount(voiced.owner, minlength=spans)),
        ):
            np.divide(summed, frames, out=column, where=held)
        np.sqrt(out.rms, out=out.rms)
        out.syllables[held] = total(_sums(self._nuclei, pieces))[held]
        out.peak[held] = 0.0
        filled = lengths > 0
        largest = _reduced(np.maximum, self._frames["peak"], pieces, np.float32)
        np.maximum.at(out.peak, pieces.owner[filled], largest[filled])
        _describe_pitch(voiced, out)
        for name, mean in zip(MEANS, out.means, strict=True):
            column = self._frames[name]
            measured = self._audible & ~np.isnan(column)
            sums = total(_sums(np.where(measured, column, np.float32(0.0)), pieces))
            counts = total(_sums(measured, pieces))
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
        figures: from `Aggregator`.
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
    rows = zip(*(known(column) for column in columns.values()), strict=True)
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


def known(column: Array) -> list[float | None]:
    """The values of a column, None where one is not measurable."""
    return [value if math.isfinite(value) else None for value in column.tolist()]
