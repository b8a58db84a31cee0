"""eGeMAPS's functionals from our frames."""

import csv
import io

import numpy as np
import pytest

from ecg_audio.analysis import FRAME_COLUMNS
from ecg_audio.results import egemaps
from tests.support.results import factory

FRAMES = 200


def steady(**columns):
    """Frames in which nothing is measured but what is given."""
    frames = {name: np.full(FRAMES, np.nan) for name in FRAME_COLUMNS}
    frames["rms"] = np.full(FRAMES, 0.1)
    return frames | {name: np.asarray(column, float) for name, column in columns.items()}


def test_the_88_names_in_their_order():
    """As many as the set has, none twice, from pitch to level."""
    names = egemaps.columns()
    assert len(names) == len(set(names)) == 88
    assert (names[0], names[-1]) == ("F0semitoneFrom27.5Hz_sma3nz_amean", "equivalentSoundLevel_dBp")


def test_every_column_says_whose_definition_it_has():
    """None of the 88 is left out, a definition of our own says how it differs, and what is not measured is said so."""
    used = {egemaps.definition(name) for name in egemaps.columns()}
    assert used == set(egemaps.DEFINITIONS.values())
    assert all(one.how for one in used if one.ours == "ours")
    for name in egemaps.columns():
        assert (egemaps.definition(name).ours is None) == any(part in name for part in egemaps.NOT_MEASURED), name


def test_known_figures():
    """A steady pitch two octaves above the reference, a level of -20 dB, voice in two stretches of half a second."""
    f0_hz = np.full(FRAMES, np.nan)
    f0_hz[20:70] = f0_hz[120:170] = 110.0
    found = egemaps.functionals(steady(f0_hz=f0_hz), 110.0)
    assert found["F0semitoneFrom27.5Hz_sma3nz_amean"] == pytest.approx(24.0)
    assert found["F0semitoneFrom27.5Hz_sma3nz_stddevNorm"] == pytest.approx(0.0)
    assert found["equivalentSoundLevel_dBp"] == pytest.approx(-20.0)
    assert found["VoicedSegmentsPerSec"] == pytest.approx(1.0)
    assert found["MeanVoicedSegmentLengthSec"] == pytest.approx(0.5)


def test_slopes_rise_and_fall_by_what_they_do():
    """A contour that rises 10 semitones in half a second and falls back in a second."""
    rise, fall = np.linspace(0, 10, 51), np.linspace(10, 0, 101)[1:]
    f0_hz = 110.0 * 2 ** (np.concatenate([rise, fall]) / 12)
    frames = steady(f0_hz=np.concatenate([f0_hz, np.full(FRAMES - len(f0_hz), np.nan)]))
    found = egemaps.functionals(frames, 110.0)
    assert found["F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope"] == pytest.approx(20.0, rel=0.05)
    assert found["F0semitoneFrom27.5Hz_sma3nz_meanFallingSlope"] == pytest.approx(10.0, rel=0.05)


def test_nothing_measured_is_an_empty_cell():
    """What is not in our frames, or could not be measured, is no zero."""
    analysis = factory.analysis(12)
    rows = list(csv.DictReader(io.StringIO(egemaps.dumps(analysis, factory.frames(analysis)))))
    assert len(rows) == 1 + len(analysis.segments)
    for row in rows:
        for name, cell in row.items():
            if any(part in name for part in egemaps.NOT_MEASURED):
                assert cell == ""
        assert float(row["F0semitoneFrom27.5Hz_sma3nz_amean"]) > 0.0
    assert rows[0]["speaker"] == ""
    assert float(rows[0]["end"]) == pytest.approx(analysis.recording.duration_s, abs=0.001)
