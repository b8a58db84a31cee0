"""Sounds without words, made by rule: what `benchmarks.events` mixes into speech at known times."""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
Sound = NDArray[np.float32]

_SCALE_ST = (0, 2, 4, 5, 7, 9, 11)
_PROGRESSIONS = ((0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 4, 0))


def tone(duration_s: float, rng: np.random.Generator) -> Sound:
    """A steady tone, as of a machine or a test signal."""
    time_s = _times(duration_s)
    frequency_hz = rng.uniform(300, 2500)
    return _levelled(_faded(np.sin(2 * np.pi * frequency_hz * time_s), 0.01))


def noise(duration_s: float, rng: np.random.Generator) -> Sound:
    """Steady noise from white to pink, as of air, water or traffic."""
    spectrum = np.fft.rfft(rng.standard_normal(round(duration_s * RATE_HZ)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0.0, 0.5)
    return _levelled(_faded(np.fft.irfft(spectrum, round(duration_s * RATE_HZ)), 0.05))


def claps(duration_s: float, rng: np.random.Generator) -> Sound:
    """One pair of hands, two to four times a second, in a small room."""
    made = np.zeros(round(duration_s * RATE_HZ))
    at_s, step_s = 0.05, 1 / rng.uniform(2, 4)
    while at_s < duration_s - 0.1:
        _put(made, _clap(rng), at_s)
        at_s += step_s * rng.uniform(0.95, 1.05)
    return _levelled(made)


def applause(duration_s: float, rng: np.random.Generator) -> Sound:
    """Twenty to eighty pairs of hands, each at a tempo of its own, that begin and end one after the other."""
    made = np.zeros(round(duration_s * RATE_HZ))
    for _ in range(int(rng.integers(20, 80))):
        at_s, step_s, gain = rng.uniform(0, 0.6), 1 / rng.uniform(2.5, 5), rng.uniform(0.2, 1)
        last_s = duration_s - 0.1 - rng.uniform(0, 0.6)
        while at_s < last_s:
            _put(made, gain * _clap(rng), at_s)
            at_s += step_s * rng.uniform(0.85, 1.15)
    return _levelled(made)


def music(duration_s: float, rng: np.random.Generator) -> Sound:
    """Chords, a bass, a melody and drums, 84 to 132 beats a minute."""
    made = np.zeros(round(duration_s * RATE_HZ))
    beat_s = 60 / rng.uniform(84, 132)
    key, brightness = 48 + int(rng.integers(0, 12)), rng.uniform(0.6, 1.6)
    progression = _PROGRESSIONS[int(rng.integers(0, len(_PROGRESSIONS)))]
    for beat in range(int(duration_s / beat_s) + 1):
        degree = progression[(beat // 4) % 4]
        if beat % 4 == 0:
            for third in (0, 2, 4):
                _put(made, 0.5 * _note(key + _step(degree + third), 4 * beat_s, brightness), beat * beat_s)
        _put(made, _note(key - 12 + _step(degree), beat_s, 1.5), beat * beat_s)
        for half in (0, 1):
            if rng.random() < 0.7:
                pitch = key + 12 + _step(degree + int(rng.choice((0, 1, 2, 4, 5))))
                _put(made, 0.7 * _note(pitch, beat_s / 2, brightness), (beat + half / 2) * beat_s)
        hat = rng.standard_normal(800) * np.exp(-np.arange(800) / 150)
        _put(made, 0.15 * hat, (beat + 0.5) * beat_s)
        if beat % 2 == 0:
            kick_s = _times(0.15)
            _put(made, np.sin(2 * np.pi * 55 * kick_s) * np.exp(-kick_s / 0.05), beat * beat_s)
    return _levelled(_faded(made, 0.02))


def _step(degree: int) -> int:
    return _SCALE_ST[degree % 7] + 12 * (degree // 7)


def _note(pitch: int, duration_s: float, brightness: float) -> NDArray[np.float64]:
    time_s = _times(duration_s)
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    partials = [k for k in range(1, 12) if k * f0_hz < RATE_HZ / 2]
    voices = sum(k**-brightness * np.sin(2 * np.pi * k * f0_hz * time_s) for k in partials)
    envelope = np.minimum(time_s / 0.01, 1) * np.exp(-time_s / (0.5 * duration_s + 0.2))
    return _faded(np.asarray(voices * envelope), 0.01)


def _clap(rng: np.random.Generator) -> NDArray[np.float64]:
    """Hands meet within some milliseconds; the hollow between them resonates at 700 to 1500 Hz; the room answers."""
    time_s = _times(0.12)
    burst = rng.standard_normal(len(time_s)) * np.exp(-time_s / rng.uniform(0.004, 0.012))
    room = 0.12 * rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.035)
    hollow = np.sin(2 * np.pi * rng.uniform(700, 1500) * time_s) * np.exp(-time_s / 0.006)
    return np.asarray(burst + room + 0.8 * hollow)


def _put(into: NDArray[np.float64], sound: NDArray[np.float64], at_s: float) -> None:
    first = round(at_s * RATE_HZ)
    room = into[first : first + len(sound)]
    room += sound[: len(room)]


def _times(duration_s: float) -> NDArray[np.float64]:
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def _faded(sound: NDArray[np.float64], fade_s: float) -> NDArray[np.float64]:
    ramp = np.minimum(1.0, np.arange(1, len(sound) + 1) / (fade_s * RATE_HZ))
    return sound * ramp * ramp[::-1]


def _levelled(sound: NDArray[np.float64]) -> Sound:
    """At an RMS level of -20 dBFS where it sounds, its peaks below full scale."""
    rms = np.sqrt(np.mean(sound**2))
    return np.asarray(np.clip(sound * 0.1 / rms, -0.99, 0.99), np.float32)
