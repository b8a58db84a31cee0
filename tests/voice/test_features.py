"""Formants, periods, cepstral peak and balance: known answers."""

import numpy as np
import pytest

from benchmarks.feature_voices import RATE_HZ, sustained
from ecg_audio.analysis import FRAME_COLUMNS
from ecg_audio.voice.batch import VOICED
from ecg_audio.voice.frames import measure

SECONDS = 1.5


def mean(samples, name):
    """Mean of a column over the middle of a sound."""
    batches = list(measure([np.asarray(samples, np.float32)]))
    return float(np.nanmean(np.concatenate([batch[name] for batch in batches])[20:-20]))


def sine(hz, dbfs, seconds=1.0):
    """A sine of this RMS level."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (10 ** (dbfs / 20) * np.sqrt(2) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize(("f0_hz", "scale", "ceiling"), [(110.0, 1.0, 5000), (215.0, 1.1, 5500)])
def test_formants_are_where_they_were_put(f0_hz, scale, ceiling):
    """The resonances of an open front vowel come back within 8 %, below the ceiling for that voice."""
    voice = sustained(f0_hz, "ae", seconds=SECONDS, scale=scale)
    for number in (1, 2, 3):
        found = mean(voice.samples, f"f{number}_below_{ceiling}_hz")
        assert found == pytest.approx(voice.truth[f"f{number}_hz"], rel=0.08)


@pytest.mark.parametrize("jitter", [0.005, 0.02])
def test_jitter_is_what_was_put_in(jitter):
    """Periods of known scatter: local, rap and ppq5 within a quarter."""
    voice = sustained(130.0, jitter=jitter, seconds=3.0)
    for name in ("jitter_local", "jitter_rap", "jitter_ppq5"):
        assert mean(voice.samples, name) == pytest.approx(voice.truth[name], rel=0.25)


@pytest.mark.parametrize("shimmer_db", [0.3, 1.0])
def test_shimmer_is_what_was_put_in(shimmer_db):
    """Amplitudes of known scatter, within a third: a period's window takes in parts of its neighbours."""
    voice = sustained(130.0, shimmer_db=shimmer_db, seconds=3.0)
    for name in ("shimmer_local", "shimmer_apq3", "shimmer_apq11", "shimmer_db"):
        assert mean(voice.samples, name) == pytest.approx(voice.truth[name], rel=0.34)


def test_a_melody_is_no_jitter():
    """A glide of an octave in two seconds, without any scatter, has next to none."""
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(100.0 * 2 ** (t / 2)) / RATE_HZ
    voice = 0.1 * sum(np.cos(k * phase) / k for k in range(1, 20))
    assert mean(voice, "jitter_local") < 0.006
    assert mean(voice, "jitter_ppq5") < 0.002


def test_cepstral_peak_falls_with_noise():
    """The more noise in a voice, the less its cepstral peak stands out."""
    found = [mean(sustained(130.0, hnr_db=hnr_db, seconds=SECONDS).samples, "cpp_db") for hnr_db in (30, 20, 10, 5)]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] > 5.0


def test_loudness_is_in_sones():
    """A sine of 1 kHz at -60 dBFS has one sone, 10 dB more twice as many; a low one is softer."""
    assert mean(sine(1000.0, -60.0), "loudness_sone") == pytest.approx(1.0, rel=0.02)
    assert mean(sine(1000.0, -50.0), "loudness_sone") == pytest.approx(2.0, rel=0.03)
    assert mean(sine(100.0, -60.0), "loudness_sone") < 0.6


def test_balance_is_of_known_tones():
    """Two tones, one below 1 kHz and one above 2 kHz: both ratios are the difference of their levels."""
    both = sine(600.0, -20.0) + sine(3000.0, -32.0)
    assert mean(both, "alpha_ratio_db") == pytest.approx(-12.0, abs=0.2)
    assert mean(both, "hammarberg_index_db") == pytest.approx(12.0, abs=0.5)


def test_slopes_are_those_of_coloured_noise():
    """Noise through a filter of known slope in dB/Hz has that slope in both bands."""
    random = np.random.default_rng(5)
    spectrum = np.fft.rfft(random.normal(size=8 * RATE_HZ))
    hz = np.fft.rfftfreq(8 * RATE_HZ, 1 / RATE_HZ)
    tilted = np.fft.irfft(spectrum * 10 ** (-0.02 * np.minimum(hz, 1700.0) / 20))
    sound = 0.1 * tilted / np.sqrt(np.mean(tilted**2))
    assert mean(sound, "slope_0_500_db_per_hz") == pytest.approx(-0.02, abs=0.003)
    assert mean(sound, "slope_500_1500_db_per_hz") == pytest.approx(-0.02, abs=0.002)


def test_flux_is_of_change_not_of_level():
    """A steady tone hardly changes, one that swells no more; noise is another sound every time."""
    swell = sine(500.0, -20.0) * np.linspace(0.1, 1.0, RATE_HZ, dtype=np.float32)
    assert mean(sine(500.0, -20.0), "spectral_flux") < 0.05
    assert mean(swell, "spectral_flux") < 0.05
    assert mean(0.1 * np.random.default_rng(1).normal(size=RATE_HZ), "spectral_flux") > 0.3


def test_level_changes_levels_alone():
    """12 dB fainter: loudness falls, everything that describes the voice stays, and is measured in the same frames."""
    voice = sustained(130.0, jitter=0.01, shimmer_db=0.5, seconds=SECONDS).samples
    (loud,), (faint,) = (list(measure([samples])) for samples in (voice, voice * np.float32(0.25)))
    assert np.nanmean(faint["loudness_sone"]) < 0.5 * np.nanmean(loud["loudness_sone"])
    for name in VOICED:
        assert np.array_equal(np.isfinite(loud[name]), np.isfinite(faint[name])), name
        assert np.allclose(loud[name], faint[name], rtol=0.02, atol=1e-5, equal_nan=True), name


def test_what_is_not_voiced_has_no_voice():
    """Noise has no jitter, no formants and no cepstral peak, except where it is taken for voice."""
    (batch,) = measure([(0.1 * np.random.default_rng(2).normal(size=RATE_HZ)).astype(np.float32)])
    unvoiced = np.isnan(batch["f0_hz"])
    assert unvoiced.mean() > 0.8
    for name in VOICED:
        assert np.isnan(batch[name][unvoiced]).all()
        assert name in FRAME_COLUMNS
