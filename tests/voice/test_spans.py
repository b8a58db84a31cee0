"""Spans: frames to words, and what is said about them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import FRAME_COLUMNS
from ecg_audio.voice.spans import (
    FEWEST_PERIODS,
    MEANS,
    PERTURBATION,
    SILENCE_DBFS,
    Aggregator,
    describe,
    volume_category,
)

FRAMES = 400


def made_up(seed, frames=FRAMES):
    """Frames with silences, unvoiced stretches and gaps."""
    random = np.random.default_rng(seed)
    rms = np.exp(random.uniform(math.log(1e-5), 0.0, frames)).astype(np.float32)
    rms[random.uniform(size=frames) < 0.1] = 0.0
    columns = {name: random.normal(size=frames).astype(np.float32) for name in FRAME_COLUMNS}
    columns["rms"] = rms
    with np.errstate(divide="ignore"):
        columns["rms_dbfs"] = np.where(rms > 0, 20 * np.log10(rms), np.nan).astype(np.float32)
    columns["peak"] = np.minimum(1.0, rms * 3)
    columns["f0_hz"] = random.uniform(60, 500, frames).astype(np.float32)
    for name in ("f0_hz", "hnr_db", "spectral_flatness"):
        columns[name][random.uniform(size=frames) < 0.4] = np.nan
    return columns


def by_hand(columns, start_s, end_s):
    """The figures of one span by plain float64 loops."""
    times = [t for t in range(FRAMES) if start_s - 1e-8 <= t * 0.01 < end_s - 1e-8]
    if not times:
        nearest = round(0.5 * (start_s + end_s) / 0.01)
        times = [nearest] if nearest < FRAMES else []
    if not times:
        return {"frames": 0.0}
    column = {name: [float(values[t]) for t in times] for name, values in columns.items()}
    voiced = [(t * 0.01, f0) for t, f0 in zip(times, column["f0_hz"], strict=True) if not math.isnan(f0)]
    audible = [level >= SILENCE_DBFS for level in column["rms_dbfs"]]
    found = {
        "frames": float(len(times)),
        "rms": math.sqrt(math.fsum(x * x for x in column["rms"]) / len(times)),
        "peak": max(column["peak"]),
        "silence_ratio": audible.count(False) / len(times),
        "voiced_fraction": len(voiced) / len(times),
    }
    if voiced:
        f0_hz = [f0 for _, f0 in voiced]
        mean = math.fsum(f0_hz) / len(voiced)
        found |= {"f0_mean_hz": mean, "f0_min_hz": min(f0_hz), "f0_max_hz": max(f0_hz)}
        found["f0_median_hz"] = float(np.median(f0_hz))
        if len(voiced) > 1:
            found["f0_std_hz"] = math.sqrt(math.fsum((f0 - mean) ** 2 for f0 in f0_hz) / len(voiced))
        if len(voiced) > 4:
            semitones = [12 * math.log2(f0) for f0 in f0_hz]
            line = np.polyfit([t for t, _ in voiced], semitones, 1)
            found["f0_slope_st_per_s"] = float(line[0])
            ranked = sorted(f0_hz)
            found["f0_p20_hz"] = ranked[round(0.2 * (len(voiced) - 1))]
            found["f0_p80_hz"] = ranked[round(0.8 * (len(voiced) - 1))]
            under = [(t, s) for (t, _), s in zip(voiced, semitones, strict=True) if s <= np.polyval(line, t)]
            if voiced[-1][0] - voiced[0][0] >= 1.0 and len(under) > 4:
                found["f0_declination_st_per_s"] = float(np.polyfit(*zip(*under, strict=True), 1)[0])
    for name in MEANS:
        kept = [x for x, loud in zip(column[name], audible, strict=True) if loud and not math.isnan(x)]
        if len(kept) >= (FEWEST_PERIODS if name in PERTURBATION else 1):
            found[name] = math.fsum(kept) / len(kept)
    return found


def microseconds(most_s):
    """Any time up to a limit, in seconds, and no finer than that: which of two frames is nearer is then certain."""
    return st.integers(0, round(most_s * 1e6)).map(lambda count: count / 1e6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 50),
    spans=st.lists(st.tuples(microseconds(4.2), microseconds(3.0)), min_size=1, max_size=6),
)
def test_any_spans_agree_with_plain_loops(seed, spans):
    """Long, short, empty, overlapping, unsorted or outside: every figure is that of a naive loop, absences too."""
    columns = made_up(seed)
    starts_s = np.array([start for start, _ in spans])
    ends_s = starts_s + [length for _, length in spans]
    figures = Aggregator(columns).over(starts_s, ends_s)
    for i in range(len(spans)):
        expected = by_hand(columns, starts_s[i], ends_s[i])
        for name in (*figures._fields[:-2], *MEANS):
            found = figures.mean(name)[i] if name in MEANS else getattr(figures, name)[i]
            if name in expected:
                tolerance = 1e-6 if name.endswith("st_per_s") else 1e-9  # polyfit's own rounding
                assert found == pytest.approx(expected[name], rel=tolerance, abs=1e-9), name
            else:
                assert math.isnan(found), name


def test_a_union_counts_each_frame_once():
    """Overlapping turns of one speaker are measured as their union, in whatever order they come."""
    columns = made_up(3)
    aggregator = Aggregator(columns)
    union = (np.array([2.0, 0.5, 1.0]), np.array([3.0, 1.5, 1.2]))
    (figures,) = (aggregator.over_unions([union]),)
    kept = {name: np.concatenate([values[50:150], values[200:300]]) for name, values in columns.items()}
    expected = Aggregator(kept).over(np.array([0.0]), np.array([2.0]))
    assert figures.frames[0] == 200
    for name in ("rms", "f0_mean_hz", "f0_median_hz", "f0_std_hz", "silence_ratio"):
        assert getattr(figures, name)[0] == pytest.approx(getattr(expected, name)[0], rel=1e-12)
    assert math.isnan(figures.f0_slope_st_per_s[0])


def test_spread_survives_a_large_mean():
    """The deviation of nearly equal pitches is exact: no difference of large sums is taken."""
    columns = made_up(0)
    columns["f0_hz"] = (400.0 + 1e-3 * np.arange(FRAMES)).astype(np.float32)
    figures = Aggregator(columns).over(np.array([0.0]), np.array([4.0]))
    assert figures.f0_std_hz[0] == pytest.approx(np.std(columns["f0_hz"].astype(np.float64)), rel=1e-9)


def test_a_slope_is_in_semitones_per_second():
    """An octave in two seconds is six semitones per second, over a range of twelve."""
    columns = made_up(0, 201)
    columns["f0_hz"] = (100.0 * 2 ** (np.arange(201) / 200)).astype(np.float32)
    (voice,) = describe(Aggregator(columns).over(np.array([0.0]), np.array([2.01])), np.array([2.01]))
    assert voice.f0_slope_st_per_s == pytest.approx(6.0, abs=1e-4)
    assert voice.f0_range_st == pytest.approx(12.0, abs=1e-4)


def test_a_word_shorter_than_a_frame_takes_the_nearest():
    """Two milliseconds between two frames still have a voice; what lies behind the recording has none."""
    columns = made_up(1)
    figures = Aggregator(columns).over(np.array([1.002, 1.0, 4.2]), np.array([1.004, 1.0, 4.5]))
    voices = describe(figures, np.array([0.002, 0.0, 0.3]))
    assert voices[0].rms == voices[1].rms == columns["rms"][100]
    assert voices[0].words_per_s is None
    assert voices[0].syllable_peaks_per_s is None
    assert voices[2] is None


@pytest.mark.parametrize(
    ("rms_dbfs", "category"),
    [(None, None), (-35.01, "low"), (-35.0, "medium"), (-25.0, "high"), (-15.01, "high"), (-15.0, "emphasis")],
)
def test_volume_has_four_categories(rms_dbfs, category):
    """The bounds belong to the louder side; what has no level has no category."""
    assert volume_category(rms_dbfs) == category


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 10), (1.0, 20), (3.9, 78), (60.0, 200)])
def test_drawing_takes_ten_to_two_hundred_peaks(seconds, count):
    """About 20 peaks a second within the bounds, and the loudest frame is among them."""
    columns = made_up(2, int(seconds * 100))
    peaks = Aggregator(columns).draw(0.0, seconds)
    assert len(peaks) == count
    assert max(peaks) == pytest.approx(float(columns["peak"].max()), abs=1e-4)


def test_rates_are_counted():
    """Four syllables in a second and three words given: 4 peaks per second, 3 words per second."""
    t = np.arange(200)
    columns = made_up(0, 200)
    columns["rms_dbfs"] = (-20.0 + 10.0 * np.sin(2 * np.pi * 4.0 * t / 100)).astype(np.float32)
    columns["f0_hz"] = np.full(200, 120.0, np.float32)
    (voice,) = describe(Aggregator(columns).over(np.array([0.0]), np.array([2.0])), np.array([2.0]), words=[6])
    assert voice.syllable_peaks_per_s == 4.0
    assert voice.words_per_s == 3.0
