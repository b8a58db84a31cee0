"""The voice encoder against librosa's front end and against itself, in the process that has torch."""

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from scipy.signal import get_window

from ecg_audio.progress import Report, silent
from ecg_audio.speech.engine import LocalEngine

pytestmark = [pytest.mark.slow]
RATE_HZ = 16_000


def mel(samples: Any, *, report: Report = silent) -> Any:
    """In the model process: mel power spectrogram of (samples,)."""
    import torch

    from ecg_audio.speech.voice_encoder import VoiceEncoder

    return VoiceEncoder().mel(torch.from_numpy(samples)[None])[0].numpy()


def embed(path: str, *, report: Report = silent) -> dict[str, Any]:
    """In the model process: embeddings of parts of the conversation, whole and through masks."""
    import soundfile
    import torch

    from ecg_audio.speech import voice_encoder

    samples, _ = soundfile.read(path, dtype="float32")
    encoder = voice_encoder.load()

    def one(start_s: float, end_s: float, gain: float = 1.0) -> Any:
        piece = torch.from_numpy(samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] * gain)[None, None]
        with torch.inference_mode():
            return encoder(piece)[0].numpy()

    masked = torch.from_numpy(samples[round(14.8 * RATE_HZ) : round(20.8 * RATE_HZ)])[None, None]
    masks = torch.zeros(3, 600)
    masks[0, :280] = 1  # the first speaker only
    masks[1, :10] = 1  # too little of anybody
    masks[2, 330:] = 1  # the second speaker only
    with torch.inference_mode():
        through_masks = encoder(masked.expand(3, 1, -1), weights=masks).numpy()
    return {
        "first": one(14.8, 17.6),
        "first, louder": one(14.8, 17.6, 3.0),
        "first again": one(22.0, 27.0),
        "second": one(18.1, 20.0),
        "masked": through_masks,
    }


@pytest.fixture(scope="module")
def voices(tiny_engine: LocalEngine, conversation: Path) -> dict[str, Any]:
    """Embeddings of two speakers."""
    found: dict[str, Any] = tiny_engine.process.child.call(embed, str(conversation))
    return found


def test_the_front_end_is_the_one_that_the_weights_were_trained_with(tiny_engine: LocalEngine) -> None:
    """Power of Hann-windowed frames about their centres through librosa's mel filters, to float32 accuracy."""
    samples = np.random.default_rng(3).normal(0, 0.1, RATE_HZ).astype(np.float32)
    ours = tiny_engine.process.child.call(mel, samples)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples.astype(np.float64), 200), 400)[::160]
    power = np.abs(np.fft.rfft(frames * get_window("hann", 400))) ** 2
    theirs = power @ librosa.filters.mel(sr=RATE_HZ, n_fft=400, n_mels=40).T
    assert ours.shape == theirs.shape
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_embeddings_tell_voices_apart(voices: dict[str, Any]) -> None:
    """Two sentences of one speaker are more alike than sentences of two."""
    same = float(voices["first"] @ voices["first again"])
    assert same > float(voices["first"] @ voices["second"]) + 0.05
    assert abs(float(np.linalg.norm(voices["first"])) - 1.0) < 1e-5


def test_loudness_does_not_change_a_voice(voices: dict[str, Any]) -> None:
    """Three times the amplitude is the same voice."""
    assert float(voices["first"] @ voices["first, louder"]) > 0.9999


def test_a_mask_selects_its_speaker(voices: dict[str, Any]) -> None:
    """Through a mask each speaker of a mixed recording is embedded alone; under 0.25 s nobody is."""
    first, nobody, second = voices["masked"]
    assert float(first @ voices["first"]) > 0.98
    assert float(second @ voices["second"]) > float(second @ voices["first"])
    assert np.isnan(nobody).all()
