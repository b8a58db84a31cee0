"""Pitch: agreement with synthetic truth and with Praat."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.voice_truth import (
    RANGES_HZ,
    RATE_HZ,
    glide,
    mean_score,
    octave_trap,
    praat_truth,
    score,
    with_noise,
)
from ecg_audio.voice.batch import VOICED
from ecg_audio.voice.frames import measure
from ecg_audio.voice.pitch import PitchSettings, lags
from ecg_audio.voice.pitch_path import silence_reference


def tracked(samples, **options):
    """Times in seconds and F0 in Hz of all frames."""
    batches = list(measure([np.asarray(samples, np.float32)], **options))
    f0_hz = np.concatenate([batch["f0_hz"] for batch in batches])
    return np.arange(len(f0_hz)) * 0.01, f0_hz


@pytest.fixture(scope="module")
def glides():
    """Ten seconds of each range of voices."""
    return [glide(10.0, low_hz, high_hz, seed) for seed, (low_hz, high_hz) in enumerate(RANGES_HZ, 101)]


@pytest.fixture(scope="module")
def conversation():
    """Thirty seconds of two people on the telephone, which come with pyannote.audio."""
    package = Path(importlib.util.find_spec("pyannote.audio").submodule_search_locations[0])
    samples, rate_hz = soundfile.read(package / "sample" / "sample.wav", dtype="float32")
    assert rate_hz == RATE_HZ
    return samples


@pytest.mark.parametrize(
    ("snr_db", "gpe", "vde", "cents"), [(None, 0.0, 2.5, 1.0), (20.0, 0.5, 2.5, 1.5), (10.0, 1.0, 4.0, 5.0)]
)
def test_glides_are_followed(glides, snr_db, gpe, vde, cents):
    """Gliding voices in white noise: hardly any gross error, few voicing errors, and within cents of the truth."""
    heard = glides if snr_db is None else [with_noise(truth, snr_db, seed) for seed, truth in enumerate(glides)]
    overall = mean_score([score(*tracked(truth.samples), truth) for truth in heard])
    assert overall.gpe <= gpe, overall
    assert overall.vde <= vde, overall
    assert overall.cents <= cents, overall


@pytest.mark.parametrize("kind", ["missing", "second", "alternating", "pure"])
@pytest.mark.parametrize("f0_hz", [75.0, 120.0, 233.0, 410.0])
def test_octave_traps_do_not_catch(kind, f0_hz):
    """A missing fundamental, a strong second harmonic, uneven pulses and a bare sine keep their octave."""
    truth = octave_trap(kind, f0_hz)
    times_s, found_hz = tracked(truth.samples)
    steady = (times_s > 0.6) & (times_s < times_s[-1] - 0.6)
    assert np.isfinite(found_hz[steady]).all()
    assert np.abs(1200 * np.log2(found_hz[steady] / f0_hz)).max() < 1.0
    assert score(times_s, found_hz, truth).vde <= 3.0


def test_praat_hears_the_same(conversation):
    """On real speech gross differences to Praat stay below 3 %, differences in voicing below 6 %."""
    found = score(*tracked(conversation), praat_truth(conversation))
    assert found.gpe <= 3.0, found
    assert found.vde <= 6.0, found


@pytest.mark.parametrize("at_s", [2.0, 4.03, 6.5])
def test_a_clap_changes_nothing_elsewhere(glides, at_s):
    """One clap of full scale, 30 dB above a voice, moves no voicing decision but its own and its neighbours'."""
    quiet = 0.03 * glides[0].samples
    clapped = quiet.copy()
    start = int(at_s * RATE_HZ)
    burst = np.exp(-np.arange(320) / 60) * np.random.default_rng(0).uniform(-1.0, 1.0, 320)
    clapped[start : start + 320] += (burst / np.abs(burst).max()).astype(np.float32)
    times_s, before = tracked(quiet)
    _, after = tracked(clapped)
    elsewhere = np.abs(times_s - at_s) > 0.1
    assert np.isfinite(before).sum() > 300
    assert np.array_equal(np.isfinite(before[elsewhere]), np.isfinite(after[elsewhere]))
    # with the recording's maximum for a reference most of the voice is lost
    assert silence_reference(np.abs(clapped[::160])) < 0.1 * np.abs(clapped).max()


def test_silence_and_noise_have_no_pitch():
    """Zeros have no pitch at all, white noise hardly any."""
    assert np.isnan(tracked(np.zeros(RATE_HZ))[1]).all()
    noise = 0.1 * np.random.default_rng(7).normal(size=10 * RATE_HZ)
    assert np.isfinite(tracked(noise)[1]).mean() < 0.01


def test_pitch_keeps_inside_its_range():
    """No F0 below the floor or above the ceiling, whatever they are set to."""
    truth = glide(4.0, 90.0, 300.0, 5)
    settings = PitchSettings(floor_hz=120.0, ceiling_hz=240.0)
    f0_hz = tracked(truth.samples, settings=settings)[1]
    voiced = f0_hz[np.isfinite(f0_hz)]
    assert len(voiced) > 100
    assert voiced.min() >= 120.0
    assert voiced.max() <= 240.0


@pytest.mark.parametrize("settings", [PitchSettings(75.0, 600.0), PitchSettings(40.0, 1000.0)])
def test_other_ranges_measure_as_well(settings):
    """A steady 200 Hz is 200 Hz within a cent, also with other windows and transform sizes."""
    f0_hz = tracked(octave_trap("missing", 200.0).samples, settings=settings)[1]
    assert abs(1200 * np.log2(np.nanmedian(f0_hz) / 200.0)) < 1.0


@pytest.mark.parametrize("floor_hz", [40.0, 45.0, 51.0, 60.0, 75.0, 120.0, 400.0])
def test_transforms_are_large_enough(floor_hz):
    """Whatever the floor, what a circular transform folds onto the longest lag is below a hundred-thousandth."""
    constants = lags(PitchSettings(floor_hz, 500.0))
    window, size = constants.window.astype(np.float64), len(constants.cos)
    linear = np.correlate(window, window, "full")[len(window) - 1 :]
    folded = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)
    reach = slice(0, constants.longest + 1)
    assert np.abs(folded[reach] / linear[reach] - 1.0).max() < 1.1e-5


@pytest.mark.parametrize("bounds", [(30.0, 500.0), (500.0, 60.0), (60.0, 1200.0)])
def test_senseless_ranges_are_refused(bounds):
    """A floor above the ceiling, or bounds outside what voices do, are refused when they are set."""
    with pytest.raises(ValueError, match="floor_hz"):
        PitchSettings(*bounds)


def test_pitch_can_be_left_out(glides):
    """Without pitch settings the pitch columns are absent and the others unchanged."""
    (full,), (bare,) = (list(measure([glides[0].samples], settings=settings)) for settings in (PitchSettings(), None))
    for name in full:
        if name in ("f0_hz", "f0_strength", "hnr_db", *VOICED):
            assert np.isnan(bare[name]).all()
        else:
            assert np.array_equal(full[name], bare[name], equal_nan=True)


def test_harmonics_to_noise_is_what_was_mixed():
    """A pulse train in noise of known level within the measured band has that harmonics-to-noise ratio."""
    from scipy.signal import butter, sosfiltfilt

    random = np.random.default_rng(2)
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * 150.0 * k * t) for k in range(1, 13))
    low = butter(6, 2200.0, fs=RATE_HZ, output="sos")
    for hnr_db in (5.0, 10.0, 20.0):
        noise = sosfiltfilt(low, random.normal(size=len(t)))
        noise *= np.sqrt(np.mean(voice**2) / np.mean(noise**2) / 10 ** (hnr_db / 10))
        (batch,) = measure([(0.02 * (voice + noise)).astype(np.float32)])
        assert np.nanmean(batch["hnr_db"][10:-10]) == pytest.approx(hnr_db, abs=1.5)
