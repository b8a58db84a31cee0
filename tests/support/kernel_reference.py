"""What the kernels compute, in plain numpy and scipy: one frame at a time, as the formulas say it."""

import numpy as np
from scipy import signal

RATE_HZ, HOP, WINDOW = 16_000, 160, 512
FLOOR = 1e-10


def frame(samples, number, window, rate_hz=RATE_HZ):
    """The samples of a window around the centre of a frame, zeros beyond the ends."""
    start = number * rate_hz // 100 - window // 2
    places = np.arange(start, start + window)
    inside = (places >= 0) & (places < len(samples))
    return np.where(inside, samples[np.clip(places, 0, len(samples) - 1)], 0.0).astype(np.float64)


def waveform(samples, number):
    """Root mean square, peak and zero crossings."""
    x = frame(samples, number, WINDOW)
    negative = x < -1e-10
    return np.sqrt(np.mean(x**2)), np.abs(x).max(), np.mean(negative[1:] != negative[:-1]) * (WINDOW - 1) / WINDOW


def power(samples, number):
    """The power spectrum."""
    return np.abs(np.fft.rfft(frame(samples, number, WINDOW) * signal.get_window("hann", WINDOW))) ** 2


def balance(samples, number):
    """Alpha ratio, Hammarberg index, both slopes and flux."""
    now, before = power(samples, number), power(samples, number - 1)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    low, high = (hz > 50) & (hz < 1000), (hz >= 1000) & (hz <= 5000)
    alpha = 10 * np.log10(now[high].sum() / now[low].sum())
    hammarberg = 10 * np.log10(now[(hz > 50) & (hz < 2000)].max() / now[(hz >= 2000) & (hz <= 5000)].max())
    decibels = 10 * np.log10(np.maximum(now, FLOOR))
    slopes = [np.polyfit(hz[band], decibels[band], 1)[0] for band in (slice(1, 17), slice(16, 49))]
    one, other = (np.sqrt(spectrum / spectrum.sum()) for spectrum in (now, before))
    return alpha, hammarberg, *slopes, np.linalg.norm(one - other)


def correlation(samples, number, window, fade, size):
    """The autocorrelation of a frame by that of its window, 1 at lag 0."""
    x = frame(samples, number, len(window))
    spectrum = np.abs(np.fft.rfft((x - x.mean()) * window, size)) ** 2 * fade
    own = signal.correlate(window, window)[len(window) - 1 :]
    found = np.fft.irfft(spectrum)[: size // 2]
    return found / found[0] * own[0] / own[: size // 2]


def resampled(samples, up, down, kept):
    """Sound at another rate, its highs raised."""
    return signal.lfilter([1.0, -kept], [1.0], signal.resample_poly(samples.astype(np.float64), up, down))


def burg(x, order):
    """Prediction coefficients 1, a1, ... by Burg's recursion on the errors."""
    forward, backward, a = x[1:].copy(), x[:-1].copy(), np.ones(1)
    for _ in range(order):
        k = -2 * (forward @ backward) / (forward @ forward + backward @ backward)
        a = np.append(a, 0.0) + k * np.append(a, 0.0)[::-1]
        forward, backward = (forward + k * backward)[1:], (backward + k * forward)[:-1]
    return a


def prominence(x, size, line, peak):
    """Height of the cepstrum's peak over its line, dB."""
    cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(x, size)) ** 2 + 1e-12))[: size // 2]
    decibels = 20 * np.log10(np.abs(cepstrum) + 1e-12)
    slope, offset = np.polyfit(np.arange(size // 2)[line], decibels[line], 1)
    at = peak.start + int(np.argmax(decibels[peak]))
    left, top, right = decibels[at - 1 : at + 2]
    bend = min(left - 2 * top + right, -1e-6)
    shift = float(np.clip((left - right) / (2 * bend), -0.5, 0.5))
    return top - (left - right) * shift / 4 - (offset + slope * (at + shift))


def next_mark(samples, at, period):
    """Where, after the mark at a whole sample, the sound is most like that around it, to a whole sample."""
    half = int(period / 2)
    own = samples[at - half : at + half + 1].astype(np.float64)
    likeness = {}
    for lag in range(int(0.8 * period), int(1.2 * period) + 2):
        other = samples[at + lag - half : at + lag + half + 1].astype(np.float64)
        likeness[lag] = own @ other / np.sqrt(own @ own * (other @ other))
    return at + max(likeness, key=likeness.get)


def amplitude(samples, before, here, after):
    """Root mean square under a Hann window whose halves are as long as the periods to either side."""
    n = np.arange(int(before) + 1, int(after) + 1)
    reach = np.where(n < here, here - before, after - here)
    rise = 0.5 + 0.5 * np.cos(np.pi * (n - here) / reach)
    return np.sqrt(np.sum((rise * samples[n]) ** 2) / np.sum(rise**2))
