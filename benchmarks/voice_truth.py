"""Synthetic voices whose pitch is known, and the measures by which pitch trackers are judged."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = Any

RATE_HZ = 16_000
RANGES_HZ = ((80.0, 200.0), (100.0, 250.0), (160.0, 400.0), (70.0, 130.0), (200.0, 480.0), (90.0, 300.0))
"""From a low male voice to a child's."""


@dataclass(frozen=True)
class Truth:
    """A voice and what is true of it at every sample.

    Attributes:
        samples: float32, (n,).
        f0_hz: float64, (n,).
        voiced: bool, (n,).
    """

    samples: Array
    f0_hz: Array
    voiced: Array


def glide(seconds: float, low_hz: float, high_hz: float, seed: int) -> Truth:
    """A vowel gliding between /a/ and /i/ and all over its range, with vibrato, pauses and fricatives.

    Its pitch wanders smoothly between `low_hz` and `high_hz`; a pause of 150 to 400 ms follows every 400 to 1200 ms of
    voice, and every other pause is filled with noise above 2.5 kHz.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.signal import butter, sosfilt

    random = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    t = np.arange(count) / RATE_HZ
    walk = np.cumsum(random.normal(size=int(seconds * 4) + 2))
    walk = (walk - walk.min()) / np.ptp(walk)
    position = PchipInterpolator(np.linspace(0.0, seconds, len(walk)), walk)(t)
    f0_hz = low_hz * (high_hz / low_hz) ** position * (1.0 + 0.01 * np.sin(2 * np.pi * 5.0 * t))

    open_mouth = 0.5 + 0.5 * np.sin(2 * np.pi * 0.4 * t)
    formants = (
        (300.0 + 430.0 * open_mouth, 90.0, 1.0),
        (2200.0 - 1110.0 * open_mouth, 110.0, 0.6),
        (3000.0 - 560.0 * open_mouth, 170.0, 0.3),
    )
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    voice = np.zeros(count)
    for harmonic in range(1, 60):
        partial_hz = harmonic * f0_hz
        envelope = 0.02 + sum(gain / (1.0 + ((partial_hz - at) / width) ** 2) for at, width, gain in formants)
        partial = envelope / harmonic * np.sin(harmonic * phase + random.uniform(0.0, 2 * np.pi))
        voice += np.where(partial_hz < 7000.0, partial, 0.0)

    gate = np.ones(count, bool)
    fricative = np.zeros(count, bool)
    at_s, pauses = 0.0, 0
    while at_s < seconds:
        start_s = at_s + random.uniform(0.4, 1.2)
        at_s = start_s + random.uniform(0.15, 0.4)
        pause = slice(int(start_s * RATE_HZ), int(at_s * RATE_HZ))
        gate[pause] = False
        fricative[pause] = pauses % 2 == 1
        pauses += 1
    edge = np.hanning(161)
    gain = np.convolve(gate, edge / edge.sum(), "same")
    voiced = gain > 0.5
    voice *= gain * (0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * t))
    voice /= np.sqrt(np.mean(voice[voiced] ** 2))
    hiss = sosfilt(butter(2, 2500.0, "high", fs=RATE_HZ, output="sos"), random.normal(size=count))
    samples = 0.1 * (voice + 0.15 * hiss * (fricative & ~voiced))
    return Truth(samples.astype(np.float32), f0_hz, voiced)


def octave_trap(kind: str, f0_hz: float, seconds: float = 2.0) -> Truth:
    """A steady voice that invites an error of an octave.

    Args:
        kind: `missing` has no fundamental, `second` a second harmonic 12 dB above it, `alternating` has every other
            pulse 1 dB weaker, `pure` is a sine.
        f0_hz: the true pitch.
        seconds: its length; half a second of silence is put before and after.
    """
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    harmonics = np.arange(1, int(4000.0 / f0_hz) + 1)
    gains = 1.0 / harmonics
    if kind == "missing":
        gains[0] = 0.0
    elif kind == "second":
        gains[1] = 4.0
    elif kind == "pure":
        gains[1:] = 0.0
    voice = (gains * np.sin(2 * np.pi * f0_hz * np.outer(t, harmonics))).sum(axis=1)
    if kind == "alternating":
        voice *= np.where(np.floor(t * f0_hz) % 2 == 0, 1.0, 10 ** (-1 / 20))
    voice = 0.1 * voice / np.sqrt(np.mean(voice**2)) * np.minimum(1.0, 100 * np.minimum(t, t[::-1]))
    still = np.zeros(RATE_HZ // 2)
    samples = np.concatenate([still, voice, still]).astype(np.float32)
    voiced = np.zeros(len(samples), bool)
    voiced[len(still) : -len(still)] = True
    return Truth(samples, np.full(len(samples), f0_hz), voiced)


def with_noise(truth: Truth, snr_db: float, seed: int) -> Truth:
    """The same with white noise, `snr_db` below the voiced samples' power."""
    noise = np.random.default_rng(seed).normal(size=len(truth.samples))
    power = np.mean(truth.samples[truth.voiced].astype(np.float64) ** 2) / 10 ** (snr_db / 10)
    noise *= np.sqrt(power / np.mean(noise**2))
    return replace(truth, samples=(truth.samples + noise).astype(np.float32))


@dataclass(frozen=True)
class Score:
    """How well a track of pitch keeps to the truth.

    Attributes:
        gpe: gross pitch errors: share of frames voiced in both that are off by more than 20 %, in percent.
        vde: voicing decision errors: share of all frames, in percent.
        cents: mean absolute deviation of the others, in cents.
    """

    gpe: float
    vde: float
    cents: float

    def __str__(self) -> str:
        return f"GPE {self.gpe:5.2f} %  VDE {self.vde:5.2f} %  {self.cents:5.2f} cents"


def score(times_s: Array, f0_hz: Array, truth: Truth) -> Score:
    """Judge a track: `f0_hz` (frames,) at `times_s`, NaN where unvoiced."""
    at = np.clip(np.round(np.asarray(times_s) * RATE_HZ).astype(int), 0, len(truth.samples) - 1)
    true_hz, true_voiced = truth.f0_hz[at], truth.voiced[at]
    voiced = np.isfinite(f0_hz)
    ratio = np.asarray(f0_hz, np.float64)[voiced & true_voiced] / true_hz[voiced & true_voiced]
    gross = np.abs(ratio - 1.0) > 0.2
    return Score(
        gpe=100.0 * float(gross.mean()) if len(ratio) else 0.0,
        vde=100.0 * float((voiced != true_voiced).mean()),
        cents=float(np.abs(1200.0 * np.log2(ratio[~gross])).mean()) if (~gross).any() else float("nan"),
    )


def mean_score(scores: list[Score]) -> Score:
    """The mean over recordings."""
    return Score(*(float(np.mean([getattr(one, name) for one in scores])) for name in ("gpe", "vde", "cents")))


def praat_truth(samples: Array, floor_hz: float = 60.0, ceiling_hz: float = 500.0) -> Truth:
    """What Praat (autocorrelation, its standard settings) hears in a recording, as the truth to compare with."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), RATE_HZ)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=floor_hz, pitch_ceiling=ceiling_hz)
    track_hz = pitch.selected_array["frequency"]
    at = np.round((np.arange(len(samples)) / RATE_HZ - pitch.xs()[0]) / 0.01).astype(int)
    f0_hz = track_hz[np.clip(at, 0, len(track_hz) - 1)]
    return Truth(samples, np.where(f0_hz > 0.0, f0_hz, 1.0), f0_hz > 0.0)
