"""Transform: Fourier transforms of eight frames at once."""

import numpy as np
import pytest

from ecg_audio.voice.kernels import transform as parts
from ecg_audio.voice.kernels.compiled import kernel
from ecg_audio.voice.kernels.lanes import LANES
from ecg_audio.voice.kernels.transform import order, roots


@kernel
def transform(xr, xi, yr, yi, cos, sin):
    """What `transform` does, for Python."""
    return parts.transform(xr, xi, yr, yi, cos, sin)


@kernel
def transform_in_place(re, im, cos, sin):
    """What `transform_in_place` does, for Python."""
    parts.transform_in_place(re, im, cos, sin)


@kernel
def powers(zr, zi, cos, sin, power):
    """What `powers` does, for Python."""
    parts.powers(zr, zi, cos, sin, power)


@kernel
def fold(power, cos, sin, zr, zi):
    """What `fold` does, for Python."""
    parts.fold(power, cos, sin, zr, zi)


PRECISION = {np.float32: 1e-6, np.float64: 1e-14}


def lay(frames, dtype):
    """Frames (LANES, n) side by side, as the kernels take them."""
    return np.ascontiguousarray(frames.T).astype(dtype).ravel()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [4, 8, 64, 128, 256, 512, 1024])
def test_transforms_agree_with_numpy(size, dtype):
    """The complex transform of any power of two is numpy's, to the precision of the type."""
    random = np.random.default_rng(size)
    x = random.normal(size=(LANES, size)) + 1j * random.normal(size=(LANES, size))
    work = [np.zeros(size * LANES, dtype) for _ in range(2)]
    real, imaginary = transform(lay(x.real, dtype), lay(x.imag, dtype), *work, *roots(size, dtype))
    found = (real + 1j * imaginary).reshape(size, LANES).T
    expected = np.fft.fft(x)
    assert np.abs(found - expected).max() <= PRECISION[dtype] * np.abs(expected).max()


@pytest.mark.parametrize("size", [4, 16, 64, 256])
def test_in_place_it_has_the_same_bits(size):
    """The transform in half the memory leaves what the other one finds, in its own order."""
    random = np.random.default_rng(size)
    re, im = random.normal(size=(2, size * LANES))
    expected = transform(re.copy(), im.copy(), np.zeros_like(re), np.zeros_like(im), *roots(size, np.float64))
    transform_in_place(re, im, *roots(size, np.float64))
    for found, wanted in zip((re, im), expected, strict=True):
        assert np.array_equal(found.reshape(size, LANES)[order(size)], wanted.reshape(size, LANES))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [512, 1024, 2048])
def test_power_and_back_to_autocorrelation(size, dtype):
    """Real frames give numpy's power spectra, and these, folded and transformed, their circular autocorrelations."""
    x = np.random.default_rng(size).normal(size=(LANES, size))
    half = size // 2
    even, odd = lay(x[:, ::2], dtype), lay(x[:, 1::2], dtype)
    work = [np.zeros(half * LANES, dtype) for _ in range(2)]
    half_roots, whole_roots = roots(half, dtype), roots(size, dtype)
    power = np.zeros((half + 1) * LANES, dtype)
    powers(*transform(even, odd, *work, *half_roots), *whole_roots, power)
    expected = np.abs(np.fft.rfft(x)) ** 2
    assert np.abs(power.reshape(half + 1, LANES).T - expected).max() <= PRECISION[dtype] * expected.max()

    real, imaginary = (np.zeros(half * LANES, dtype) for _ in range(2))
    fold(power, *whole_roots, real, imaginary)
    odd_lags, even_lags = transform(imaginary, real, *work, *half_roots)
    lags = np.stack([even_lags.reshape(half, LANES).T, odd_lags.reshape(half, LANES).T], axis=2).reshape(LANES, size)
    correlation = np.fft.irfft(expected) * size
    assert np.abs(lags - correlation).max() <= 4 * PRECISION[dtype] * np.abs(correlation).max()
