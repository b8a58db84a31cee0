"""A voice as a vector: what the embedded voice encoder makes of stretches in which one person speaks, on request.

Runs in the model process, as the stages of recognition do.
"""

import functools
import hashlib
from collections.abc import Sequence

import numpy as np

from ecg_audio.analysis import Span, VoiceVectors
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import loaders
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.sound import cut, samples_of
from ecg_audio.speech.weights import voice_encoder_path

FRONT_END = b"40 mel bands, -30 dBFS, 1.6 s"
"""What the encoder hears. Of something else the same weights make vectors that say other things."""
LEAST_S = 1.0


def embed(
    path: str, settings: EngineSettings, voices: Sequence[Sequence[Span]], *, report: Report = silent
) -> VoiceVectors:
    """The vectors of the voices in a FLAC or WAV.

    Args:
        path: the recording.
        settings: of the engine.
        voices: where each is heard alone.
        report: hears the finished fraction.

    Raises:
        ModelLoadingFailed: the encoder cannot be had.
    """
    import torch

    loaders.prepare(settings)
    encoder = loaders.embedded_pipeline(settings.device).encoder
    device = next(encoder.parameters()).device
    samples = samples_of(path)
    found: list[tuple[float, ...] | None] = []
    for number, spans in enumerate(voices, 1):
        sound = np.concatenate([np.zeros(0, np.float32), *(cut(samples, span) for span in spans)])
        made = np.full(1, np.nan)
        if len(sound) >= LEAST_S * RATE_HZ and sound.any():
            with torch.inference_mode():
                made = encoder(torch.from_numpy(sound)[None, None].to(device))[0].cpu().numpy()
        found.append(tuple(made.tolist()) if np.isfinite(made).all() else None)
        report(number / len(voices))
    return VoiceVectors(encoder=encoder_digest(), vectors=tuple(found))


@functools.cache
def encoder_digest() -> str:
    """Names the encoder, by its weights and what it hears."""
    return hashlib.sha256(FRONT_END + voice_encoder_path().read_bytes()).hexdigest()
