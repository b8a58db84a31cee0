"""The recording as the models take it: samples, stretches of them, features."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span
from ecg_audio.sampling import RATE_HZ


@functools.lru_cache(maxsize=1)  # one recording at a time: that is what this process is for
def _read(path: str, _size: int, _modified_ns: int) -> NDArray[np.float32]:
    import soundfile

    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ, f"{path} has {rate_hz} Hz"
    return np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))


def samples_of(path: str) -> NDArray[np.float32]:
    """(samples,) float32 of a 16 kHz FLAC or WAV, mixed to mono; the last one read is kept."""
    status = Path(path).stat()
    return _read(path, status.st_size, status.st_mtime_ns)


def duration_s(path: str) -> float:
    """How long a FLAC or WAV is."""
    import soundfile

    return float(soundfile.info(path).duration)


def cut(samples: NDArray[np.float32], span: Span) -> NDArray[np.float32]:
    """The samples of a span."""
    return samples[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)]


def features(model: Any, sound: NDArray[np.float32]) -> Any:
    """The log-mel spectrogram of up to 30 s, padded to 30 s, as a Whisper model takes it."""
    from whisperx.audio import N_SAMPLES, log_mel_spectrogram

    bands = model.feat_kwargs.get("feature_size") or 80
    return log_mel_spectrogram(sound[:N_SAMPLES], n_mels=bands, padding=max(0, N_SAMPLES - len(sound)))
