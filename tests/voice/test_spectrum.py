"""Spectrum: agreement with librosa, frame by frame."""

import librosa
import numpy as np
import pytest

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.batch import MFCC
from ecg_audio.voice.frames import measure
from ecg_audio.voice.highpass import about_mean
from ecg_audio.voice.kernels.spectrum import MELS, WINDOW
from ecg_audio.voice.spectrum import cosine_basis, mel_filters
from tests.voice.test_pitch import conversation  # noqa: F401 - a fixture

HOP = 160


def reference(samples):
    """The same figures by librosa, computed in float64."""
    y = samples.astype(np.float64)
    frame = {"hop_length": HOP, "frame_length": WINDOW}
    magnitude = np.abs(librosa.stft(y, n_fft=WINDOW, hop_length=HOP, pad_mode="constant"))
    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE_HZ, n_mels=MELS)
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(mel, amin=1e-10, top_db=None), n_mfcc=len(MFCC))
    return {
        "rms": librosa.feature.rms(y=y, pad_mode="constant", **frame)[0],
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(samples, **frame)[0],
        "spectral_centroid_hz": librosa.feature.spectral_centroid(S=magnitude, sr=RATE_HZ)[0],
        "spectral_rolloff_hz": librosa.feature.spectral_rolloff(S=magnitude, sr=RATE_HZ)[0],
        "spectral_flatness": librosa.feature.spectral_flatness(S=magnitude)[0],
        **dict(zip(MFCC, cepstra, strict=True)),
    }


@pytest.fixture(scope="module", params=["speech", "noise", "hum"])
def pair(request, conversation):  # noqa: F811
    """Our frames and librosa's of real speech, of noise, and of a loud hum over a faint hiss, all about their mean."""
    random = np.random.default_rng(0)
    t = np.arange(10 * RATE_HZ) / RATE_HZ
    samples = {
        "speech": conversation,
        "noise": 0.1 * random.normal(size=len(t)),
        "hum": 0.7 * np.sin(2 * np.pi * 50.0 * t) + 1e-5 * random.normal(size=len(t)),
    }[request.param].astype(np.float32)
    batches = list(measure([samples]))
    samples = np.concatenate(list(about_mean([samples])))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}, reference(samples)


@pytest.mark.parametrize(
    ("names", "bound"),
    [
        (("rms",), 1e-6),
        (("spectral_centroid_hz",), 0.01),
        (("spectral_flatness",), 1e-5),
        (MFCC, 5e-4),
    ],
)
def test_figures_are_librosas(pair, names, bound):
    """Levels, centroids, flatness and cepstra of all frames are librosa's within the bound."""
    ours, theirs = pair
    for name in names:
        assert np.abs(ours[name] - theirs[name]).max() <= bound, name


def test_rolloff_is_librosas(pair):
    """The bin below which 85 % of the magnitude lies is the same but for ties in the last bit."""
    ours, theirs = pair
    apart = np.abs(ours["spectral_rolloff_hz"] - theirs["spectral_rolloff_hz"])
    assert apart.max() <= RATE_HZ / WINDOW
    assert (apart > 0).mean() < 1e-3


def test_zero_crossings_are_exact(pair):
    """Inside the recording, where padding plays no part, zero crossings are counted exactly as librosa does."""
    ours, theirs = pair
    assert np.array_equal(ours["zero_crossing_rate"][2:-2].astype(np.float64), theirs["zero_crossing_rate"][2:-2])


def test_tables_are_librosas():
    """Mel filters and cosine basis, computed here, are librosa's and scipy's."""
    import scipy.fft

    assert np.abs(mel_filters() - librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=MELS)).max() < 1e-8
    basis = scipy.fft.dct(np.eye(MELS), axis=0, norm="ortho")[: len(MFCC)]
    assert np.abs(cosine_basis() - basis).max() < 1e-7
