"""Kernels beside what they are in plain numpy: the same figures, frame by frame."""

import numpy as np
import pytest

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice import batch, cepstrum, formants
from ecg_audio.voice.kernels import candidates, marks, prediction
from ecg_audio.voice.kernels.marks import MARKS_A_FRAME, find_marks
from ecg_audio.voice.pitch import PitchSettings, lags
from tests.support import kernel_reference as reference

FRAMES, MARGIN = 64, 4
CHOSEN = range(MARGIN, FRAMES - MARGIN, 3)
SETTINGS = PitchSettings()


@pytest.fixture(scope="module")
def sound():
    """0.64 s of a gliding voice in faint noise."""
    random = np.random.default_rng(4)
    t = np.arange(FRAMES * 160) / 16_000
    phase = 2 * np.pi * np.cumsum(110 + 60 * t) / 16_000
    voice = sum(np.cos(k * phase + random.uniform(0, 6)) / k for k in range(1, 25))
    return (0.05 * voice + 0.002 * random.normal(size=len(t))).astype(np.float32)


@pytest.fixture(scope="module")
def laid(sound):
    """It as kernels take it."""
    padded = batch.pad(np.concatenate([np.zeros(MARGIN * 160, np.float32), sound]), MARGIN, FRAMES)
    return padded, batch.lay(padded, MARGIN)


@pytest.fixture(scope="module")
def spectra(laid):
    """All that needs no pitch, by the names of its rows."""
    out = np.zeros((batch.SPECTRAL, FRAMES), np.float32)
    batch.measure_spectra(laid[0], MARGIN, out)
    return dict(zip(batch.MEASURED, out, strict=False))


@pytest.mark.parametrize("number", CHOSEN)
def test_waveform(sound, spectra, number):
    """Level, peak and crossings."""
    found = [spectra[name][number] for name in batch.WAVEFORM]
    assert found == pytest.approx(reference.waveform(sound, number), rel=1e-5)


@pytest.mark.parametrize("number", CHOSEN)
def test_balance(sound, spectra, number):
    """Alpha ratio, Hammarberg index, slopes and flux."""
    found = [spectra[name][number] for name in batch.BALANCE[:-1]]
    assert found == pytest.approx(reference.balance(sound, number), rel=1e-3, abs=1e-5)


def test_candidates_are_the_peaks_of_the_autocorrelation(sound, laid):
    """Every candidate is as strong as the autocorrelation is around its lag, and the strongest peak is among them."""
    found = np.zeros((1 + 2 * batch.CANDIDATES, FRAMES), np.float32)
    batch.find_pitch(laid[1], FRAMES, SETTINGS, found)
    constants = lags(SETTINGS)
    for number in CHOSEN:
        window = constants.window.astype(np.float64)
        r = reference.correlation(sound, number, window, constants.fade, len(constants.cos))
        f0_hz, strength = found[1 : 1 + batch.CANDIDATES, number], found[1 + batch.CANDIDATES :, number]
        there = f0_hz > 0
        nearest = np.rint(16_000 / f0_hz[there]).astype(int)
        assert np.abs(strength[there] - r[nearest]).max() < 0.01
        assert strength.max() == pytest.approx(r[constants.shortest : constants.longest].max(), abs=0.01)


@pytest.mark.parametrize(("ceiling_hz", "up", "down"), [(5000, 5, 8), (5500, 11, 16)])
def test_resampling(sound, laid, ceiling_hz, up, down):
    """Sound at another rate is scipy's, with the highs raised."""
    expected = reference.resampled(sound, up, down, np.exp(-2 * np.pi * 50.0 / (2 * ceiling_hz)))
    found = batch.resampled(laid[1], ceiling_hz)[MARGIN * 2 * ceiling_hz // 100 :][: len(expected)]
    assert np.abs(found - expected)[1:].max() < 1e-6  # the first has another before it


def test_roots(laid):
    """The roots are those of the polynomial that Burg's own recursion gives."""
    slow, window = batch.resampled(laid[1], 5000), formants.gaussian(500)
    re, im = np.zeros((2, prediction.ORDER, FRAMES))
    starts = (np.arange(FRAMES) + MARGIN) * 100 - 250
    prediction.find_roots(slow, starts, window, prediction.scratch(500), re.reshape(-1), im.reshape(-1))
    for number in CHOSEN:
        x = reference.frame(slow, number + MARGIN, 500, 10_000) * window
        apart = np.abs((re[:, number] + 1j * im[:, number])[:, None] - np.roots(reference.burg(x, prediction.ORDER)))
        assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 1e-6


def test_prominence(laid):
    """The cepstral peak over its line."""
    slow = batch.resampled(laid[1], 5000)
    out = np.zeros((len(batch.VOICED), FRAMES), np.float32)
    batch.measure_voices(laid[1], np.arange(FRAMES), out)
    window = cepstrum.constants().window.astype(np.float64)
    for number in CHOSEN:
        x = reference.frame(slow, number + MARGIN, cepstrum.WINDOW, 10_000) * window
        expected = reference.prominence(x, cepstrum.SIZE, cepstrum.LINE, cepstrum.PEAK)
        assert out[0, number] == pytest.approx(expected, abs=0.05)


def test_marks(sound):
    """Each mark is where the sound is most like that around the mark before, and as loud as it is between."""
    f0_hz = (110 + 60 * np.arange(FRAMES) / 100).astype(np.float32)
    places, loud = (np.empty(MARKS_A_FRAME * (FRAMES + 2)) for _ in range(2))
    count = find_marks(sound, 0, f0_hz, places, loud) - 1
    assert np.isnan([places[count], loud[count], loud[0], loud[count - 1]]).all()
    middle = int(np.argmin(np.abs(places[:count] - FRAMES * 80)))
    for i in range(middle + 1, count - 2):
        place = int(places[i] + 0.5)
        period = 16_000 / f0_hz[int(places[i] / 160 + 0.5)]
        assert places[i + 1] - places[i] == pytest.approx(reference.next_mark(sound, place, period) - place, abs=0.5)
    for i in range(1, count - 1):
        assert loud[i] == pytest.approx(reference.amplitude(sound, *places[i - 1 : i + 2]), rel=1e-9)


def test_kernels_hear_what_is_decoded():
    """The rate that kernels are made for is the recordings' own."""
    assert {candidates.RATE_HZ, marks.RATE_HZ} == {RATE_HZ}
