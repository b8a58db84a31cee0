"""The same speech as it arrives elsewhere: coded, filtered, fainter, noisy, in a room, cut later."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any

RATE_HZ = 16_000
SHIFT_S = 0.037


def coded(samples: Array, container: str, codec: str, bit_rate: int, rate_hz: int = RATE_HZ) -> Array:
    """Encoded and decoded by FFmpeg's libraries, the coder's delay taken off by the container's own account."""
    import av
    import soxr

    wire = soxr.resample(samples, RATE_HZ, rate_hz).astype(np.float32) if rate_hz != RATE_HZ else samples
    target = io.BytesIO()
    with av.open(target, "w", format=container) as sink:
        stream = sink.add_stream(codec, rate=rate_hz, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(wire[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate_hz)
        fifo = av.AudioFifo()
        for piece in resampler.resample(frame):
            fifo.write(piece)
        while True:
            piece = fifo.read(stream.codec_context.frame_size or 1024, partial=True)
            if piece is None:
                break
            sink.mux(stream.encode(piece))
        sink.mux(stream.encode(None))
    target.seek(0)
    with av.open(target) as media:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
        pieces = [out.to_ndarray()[0] for frame in media.decode(audio=0) for out in resampler.resample(frame)]
        pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return _aligned(np.concatenate(pieces), samples)


def _aligned(heard: Array, samples: Array) -> Array:
    """What is left of a coder's delay taken off, by where the two are most alike within 100 ms."""
    from scipy.signal import fftconvolve

    reach = RATE_HZ // 10
    length = min(len(heard), len(samples), 20 * RATE_HZ)
    alike = fftconvolve(heard[:length], samples[:length][::-1])
    middle = length - 1
    delay = int(np.argmax(alike[middle - reach : middle + reach + 1])) - reach
    moved = heard[delay:] if delay >= 0 else np.concatenate([np.zeros(-delay, np.float32), heard])
    return np.pad(moved, (0, max(0, len(samples) - len(moved))))[: len(samples)].astype(np.float32)


def telephone(samples: Array) -> Array:
    """300 to 3400 Hz, 8 kHz, A-law's 13 bits: what a fixed line leaves."""
    import soxr
    from scipy.signal import butter, sosfiltfilt

    narrow = sosfiltfilt(butter(4, (300.0, 3400.0), "bandpass", fs=RATE_HZ, output="sos"), samples)
    slow = np.clip(soxr.resample(narrow, RATE_HZ, 8000), -1.0, 1.0)
    law = 87.6
    size = np.abs(slow) * law
    bent = np.sign(slow) * np.where(size < 1.0, size, 1.0 + np.log(np.maximum(size, 1.0))) / (1.0 + np.log(law))
    steps = np.rint(bent * 127) / 127 * (1.0 + np.log(law))
    back = np.sign(steps) * np.where(np.abs(steps) < 1.0, np.abs(steps), np.exp(np.abs(steps) - 1.0)) / law
    return _fitted(soxr.resample(back, 8000, RATE_HZ), samples)


def noisy(samples: Array, snr_db: float) -> Array:
    """With pink noise, as ventilation and traffic make it, so far below the level of what sounds."""
    white = np.fft.rfft(np.random.default_rng(0).normal(size=len(samples)))
    pink = np.fft.irfft(white / np.sqrt(np.maximum(1.0, np.arange(len(white)))), len(samples))
    levels = np.sqrt(np.mean(samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64) ** 2, axis=1))
    active = np.sqrt(np.mean(levels[levels > np.percentile(levels, 50)] ** 2))
    return (samples + pink / np.sqrt(np.mean(pink**2)) * active * 10 ** (-snr_db / 20)).astype(np.float32)


def room(samples: Array) -> Array:
    """2 m from a microphone in a room of half a second's reverberation: the direct sound and a decaying tail."""
    from scipy.signal import fftconvolve

    t = np.arange(int(0.6 * RATE_HZ)) / RATE_HZ
    tail = np.random.default_rng(1).normal(size=len(t)) * np.exp(-6.91 * t / 0.5)
    tail[: int(0.004 * RATE_HZ)] = 0.0  # the first wall is 1.4 m farther
    tail *= 1.0 / np.sqrt((tail**2).sum())  # as much reverberant power as direct: the critical distance
    tail[0] = 1.0
    heard = fftconvolve(samples, tail)[: len(samples)]
    return (heard * np.sqrt(np.mean(samples**2) / np.mean(heard**2))).astype(np.float32)


def _fitted(heard: Array, samples: Array) -> Array:
    return np.pad(heard, (0, max(0, len(samples) - len(heard))))[: len(samples)].astype(np.float32)


CONDITIONS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "mp3_64": ("MP3, 64 kbit/s", lambda samples: coded(samples, "mp3", "libmp3lame", 64_000)),
    "opus_24": ("Opus, 24 kbit/s", lambda samples: coded(samples, "ogg", "libopus", 24_000, 48_000)),
    "telephone": ("telephone band, A-law", telephone),
    "quieter": ("12 dB fainter", lambda samples: (samples * np.float32(10 ** (-12 / 20))).astype(np.float32)),
    "noise_20": ("pink noise at +20 dB", lambda samples: noisy(samples, 20.0)),
    "noise_10": ("pink noise at +10 dB", lambda samples: noisy(samples, 10.0)),
    "room": ("a room, T60 0.5 s, at the critical distance", room),
    "shifted": ("cut 37 ms later", lambda samples: samples[int(SHIFT_S * RATE_HZ) :]),
}
"""What is done to the speech, by a short name: in words, and as a function."""
