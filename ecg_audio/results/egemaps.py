"""eGeMAPS functionals as CSV, one row for the recording and one for each segment.

The columns have the names and the order of the extended Geneva minimalistic set, version 02 (Eyben et al. 2016), and
the layout of openSMILE's Python package: file, start, end, then 88 figures; the speaker stands between. The figures
are made from our 10 ms frames: `DEFINITIONS`, and docs/features.md from it, say of each column whether its definition
is theirs. A cell is empty where nothing could be measured, and throughout in the columns of `NOT_MEASURED`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from ecg_audio.analysis import FRAME_HOP_S, LOW_VOICE_HZ, Analysis

Array = Any

REFERENCE_HZ = 27.5  # of the semitones
MOMENTS = ("amean", "stddevNorm")
CONTOUR = (
    *MOMENTS,
    "percentile20.0",
    "percentile50.0",
    "percentile80.0",
    "pctlrange0-2",
    "meanRisingSlope",
    "stddevRisingSlope",
    "meanFallingSlope",
    "stddevFallingSlope",
)
NOT_MEASURED = ("logRelF0-H1-H2", "logRelF0-H1-A3", "F1amplitudeLogRelF0", "F2amplitudeLogRelF0", "F3amplitudeLogRelF0")
BALANCE = {
    # by names that say of which frames: V, voiced, or UV, unvoiced
    "alphaRatio{}": "alpha_ratio_db",
    "hammarbergIndex{}": "hammarberg_index_db",
    "slope{}0-500": "slope_0_500_db_per_hz",
    "slope{}500-1500": "slope_500_1500_db_per_hz",
}
FEWEST = 2


class Definition(NamedTuple):
    """How some columns are defined, beside theirs. Ours is None: not measured; `how` is empty: as theirs."""

    ours: Literal["same", "ours"] | None
    how: str = ""
    column: str = ""  # of our tables, that is the nearest


_BURG = "formants by Burg of one prediction below the ceiling of the voice, theirs of another prediction and range"
_SLOPES = "between all turning points, theirs between peaks that exceed a share of the range"
_VOICED = "same formula, of a 32 ms spectrum; voiced by our pitch"
_UNVOICED = "same formula, of a 32 ms spectrum; unvoiced by our pitch"
DEFINITIONS: Mapping[str, Definition] = {
    # by how the names of columns begin; the longest beginning that fits decides
    "F0semitone": Definition("ours", "pitch by autocorrelation and a path (Praat's method), theirs by subharmonics"),
    "F0semitoneFrom27.5Hz_sma3nz_percentile20": Definition("ours", "as their mean; our tables have Hz", "f0_p20_hz"),
    "F0semitoneFrom27.5Hz_sma3nz_percentile50": Definition("ours", "as their mean; our tables have Hz", "f0_median_hz"),
    "F0semitoneFrom27.5Hz_sma3nz_percentile80": Definition("ours", "as their mean; our tables have Hz", "f0_p80_hz"),
    **{f"F0semitoneFrom27.5Hz_sma3nz_{one}": Definition("ours", _SLOPES) for one in CONTOUR if "Slope" in one},
    "loudness_sma3": Definition("ours", "sones of 40 mel bands, theirs without unit of 26", "loudness_sone"),
    **{f"loudness_sma3_{one}": Definition("ours", _SLOPES) for one in CONTOUR if "Slope" in one},
    "spectralFlux": Definition("ours", "of spectra of unit length, theirs depends on the level", "spectral_flux"),
    "mfcc": Definition("ours", "librosa's: 40 bands to 8 kHz, decibels, orthonormal; theirs 26 bands, liftered"),
    "jitterLocal": Definition("same", "", "jitter_local"),
    "shimmerLocaldB": Definition("same", "", "shimmer_db"),
    "HNRdBACF": Definition("ours", "of the band that fades out between 2.5 and 5 kHz", "hnr_db"),
    "logRelF0": Definition(None),
    **{f"F{number}frequency": Definition("ours", _BURG, f"f{number}_hz") for number in (1, 2, 3)},
    **{f"F{number}bandwidth": Definition("ours", _BURG, f"f{number}_bandwidth_hz") for number in (1, 2, 3)},
    **{f"F{number}amplitude": Definition(None) for number in (1, 2, 3)},
    "alphaRatioV": Definition("same", _VOICED, "alpha_ratio_db"),
    "hammarbergIndexV": Definition("same", _VOICED, "hammarberg_index_db"),
    "slopeV0-500": Definition("same", _VOICED, "slope_0_500_db_per_hz"),
    "slopeV500-1500": Definition("same", _VOICED, "slope_500_1500_db_per_hz"),
    "alphaRatioUV": Definition("same", _UNVOICED),
    "hammarbergIndexUV": Definition("same", _UNVOICED),
    "slopeUV": Definition("same", _UNVOICED),
    "loudnessPeaksPerSec": Definition(
        "ours", "every highest point of our loudness, theirs peaks that stand out enough"
    ),
    "VoicedSegmentsPerSec": Definition("same", "voiced by our pitch"),
    "MeanVoicedSegmentLengthSec": Definition("same", "voiced by our pitch"),
    "StddevVoicedSegmentLengthSec": Definition("same", "voiced by our pitch"),
    "MeanUnvoicedSegmentLength": Definition("same", "unvoiced by our pitch"),
    "StddevUnvoicedSegmentLength": Definition("same", "unvoiced by our pitch"),
    "equivalentSoundLevel_dBp": Definition("same", "the level of the mean power", "rms_dbfs"),
}

Figures = dict[str, float]


def _balance(kind: str) -> dict[str, str]:
    return {name.format(kind): column for name, column in BALANCE.items()}


def columns() -> tuple[str, ...]:
    """The 88 names, in their order."""
    voice = ["jitterLocal", "shimmerLocaldB", "HNRdBACF", "logRelF0-H1-H2", "logRelF0-H1-A3"]
    for number in (1, 2, 3):
        voice += [f"F{number}frequency", f"F{number}bandwidth", f"F{number}amplitudeLogRelF0"]
    voice += [*_balance("V"), "spectralFluxV", *(f"mfcc{index}V" for index in range(1, 5))]
    return (
        *(f"F0semitoneFrom27.5Hz_sma3nz_{one}" for one in CONTOUR),
        *(f"loudness_sma3_{one}" for one in CONTOUR),
        *(f"spectralFlux_sma3_{one}" for one in MOMENTS),
        *(f"mfcc{index}_sma3_{one}" for index in range(1, 5) for one in MOMENTS),
        *(f"{name}_sma3nz_{one}" for name in voice for one in MOMENTS),
        *(f"{name}_sma3nz_amean" for name in (*_balance("UV"), "spectralFluxUV")),
        "loudnessPeaksPerSec",
        "VoicedSegmentsPerSec",
        "MeanVoicedSegmentLengthSec",
        "StddevVoicedSegmentLengthSec",
        "MeanUnvoicedSegmentLength",
        "StddevUnvoicedSegmentLength",
        "equivalentSoundLevel_dBp",
    )


def definition(name: str) -> Definition:
    """Whether a column's definition is theirs, and how it differs.

    >>> definition("jitterLocal_sma3nz_amean").ours, definition("logRelF0-H1-H2_sma3nz_amean").ours
    ('same', None)
    """
    return DEFINITIONS[max((one for one in DEFINITIONS if name.startswith(one)), key=len)]


def dumps(analysis: Analysis, frames: Mapping[str, Array]) -> str:
    """The CSV of an analysis.

    Args:
        analysis: the result.
        frames: its 10 ms frames, as `frames.read_frames` reads them.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = columns()
    table.writerow(["file", "start", "end", "speaker", *names])
    pitches = {speaker.id: speaker.pitch.median_hz for speaker in analysis.speakers if speaker.pitch}
    usual_hz = analysis.pitch.median_hz if analysis.pitch else np.nan
    spans: list[tuple[float, float, str | None]] = [(0.0, analysis.recording.duration_s, None)]
    spans += [(segment.start_s, segment.end_s, segment.speaker) for segment in analysis.segments]
    for start_s, end_s, speaker in spans:
        part = slice(round(start_s / FRAME_HOP_S), round(end_s / FRAME_HOP_S))
        cut = {name: np.asarray(column[part], np.float64) for name, column in frames.items()}
        found = functionals(cut, pitches.get(speaker or "", usual_hz))
        cells = [f"{found[name]:.7g}" if np.isfinite(found.get(name, np.nan)) else "" for name in names]
        table.writerow([analysis.title, f"{start_s:.3f}", f"{end_s:.3f}", speaker or "", *cells])
    return text.getvalue()


def functionals(frames: Mapping[str, Array], usual_hz: float) -> Figures:
    """The figures of one stretch of frames, by name; absent, or not finite, where nothing can be measured.

    Args:
        frames: float64, (frames,), NaN where not measurable.
        usual_hz: median F0 of whoever speaks, which says below which ceiling the formants are.
    """
    voiced = np.isfinite(frames["f0_hz"])
    semitones = 12.0 * np.log2(frames["f0_hz"] / REFERENCE_HZ)
    found = _contour("F0semitoneFrom27.5Hz_sma3nz", _smooth(semitones))
    loudness = _smooth(frames["loudness_sone"])
    found |= _contour("loudness_sma3", loudness)
    found |= _moments("spectralFlux_sma3", _smooth(frames["spectral_flux"]))
    for index in range(1, 5):
        cepstrum = _smooth(frames[f"mfcc_{index:02d}"])
        found |= _moments(f"mfcc{index}_sma3", cepstrum)
        found |= _moments(f"mfcc{index}V_sma3nz", np.where(voiced, cepstrum, np.nan))
    of_voice = {"jitterLocal": "jitter_local", "shimmerLocaldB": "shimmer_db", "HNRdBACF": "hnr_db"}
    ceiling = 5000 if usual_hz < LOW_VOICE_HZ else 5500
    for number in (1, 2, 3):
        of_voice[f"F{number}frequency"] = f"f{number}_below_{ceiling}_hz"
        of_voice[f"F{number}bandwidth"] = f"f{number}_bandwidth_below_{ceiling}_hz"
    for name, column in of_voice.items():
        found |= _moments(f"{name}_sma3nz", _smooth(frames[column]))
    for kind, kept in (("V", voiced), ("UV", ~voiced)):
        for name, column in {**_balance(kind), f"spectralFlux{kind}": "spectral_flux"}.items():
            values = _moments(f"{name}_sma3nz", np.where(kept, _smooth(frames[column]), np.nan))
            found |= {one: value for one, value in values.items() if kind == "V" or one.endswith("amean")}
    return found | _rhythm(voiced, loudness) | _level(frames["rms"])


def _smooth(values: Array) -> Array:
    """Mean of three frames, as far as they are measured; what is not stays so."""
    around = np.pad(values, 1, constant_values=np.nan)
    three = np.stack([around[:-2], around[1:-1], around[2:]])
    known = np.isfinite(three)
    total = np.where(known, three, 0.0).sum(axis=0)
    return np.where(np.isfinite(values), total / np.maximum(1, known.sum(axis=0)), np.nan)


def _moments(name: str, values: Array) -> Figures:
    kept = values[np.isfinite(values)]
    if len(kept) < FEWEST:
        return {}
    mean = float(kept.mean())
    return {f"{name}_amean": mean, f"{name}_stddevNorm": float(kept.std() / abs(mean)) if mean else np.nan}


def _contour(name: str, values: Array) -> Figures:
    found = _moments(name, values)
    if not found:
        return {}
    low, middle, high = np.percentile(values[np.isfinite(values)], (20, 50, 80))
    found |= {f"{name}_percentile20.0": low, f"{name}_percentile50.0": middle, f"{name}_percentile80.0": high}
    found[f"{name}_pctlrange0-2"] = high - low
    slopes = np.array(list(_slopes(values)))
    for kind, kept in (("Rising", slopes[slopes > 0.0]), ("Falling", -slopes[slopes < 0.0])):
        if len(kept):
            found[f"{name}_mean{kind}Slope"] = float(kept.mean())
            found[f"{name}_stddev{kind}Slope"] = float(kept.std())
    return found


def _slopes(values: Array) -> Iterator[float]:
    """Change a second from each turning point of a contour to the next, in each unbroken stretch."""
    known = np.isfinite(values)
    edges = np.flatnonzero(np.diff(known.astype(int), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        part = values[start:end]
        ways = np.sign(np.diff(part))
        steps = np.where(ways != 0.0, np.arange(len(ways)), 0)
        ways = ways[np.maximum.accumulate(steps)]  # what stays level goes on as it went
        turning = [0, *(np.flatnonzero(ways[1:] * ways[:-1] < 0.0) + 1).tolist(), len(part) - 1]
        for one, other in pairwise(turning):
            if other > one:
                yield float((part[other] - part[one]) / ((other - one) * FRAME_HOP_S))


def _rhythm(voiced: Array, loudness: Array) -> Figures:
    if not len(voiced):
        return {}
    duration_s = len(voiced) * FRAME_HOP_S
    level = np.nan_to_num(loudness)
    peaks = int(((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])).sum())
    found = {"loudnessPeaksPerSec": peaks / duration_s}
    for kind, kept, names in (
        ("Voiced", voiced, ("MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec")),
        ("Unvoiced", ~voiced, ("MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength")),
    ):
        edges = np.flatnonzero(np.diff(kept.astype(int), prepend=0, append=0))
        lengths_s = (edges[1::2] - edges[::2]) * FRAME_HOP_S
        if kind == "Voiced":
            found["VoicedSegmentsPerSec"] = len(lengths_s) / duration_s
        if len(lengths_s):
            found |= dict(zip(names, (float(lengths_s.mean()), float(lengths_s.std())), strict=True))
    return found


def _level(rms: Array) -> Figures:
    power = float(np.mean(rms**2)) if len(rms) else 0.0
    return {"equivalentSoundLevel_dBp": 10.0 * np.log10(power)} if power > 0.0 else {}
