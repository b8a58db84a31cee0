"""What Whisper says of stretches without words: asked with no token forbidden, it names sounds, as `(laughs)`.

For the model process alone. Recognition forbids the tokens of brackets and notes, so that texts hold words alone.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span
from ecg_audio.compute.models import Rung, descend
from ecg_audio.overheard import Overheard, Remark
from ecg_audio.progress import Report, silent
from ecg_audio.speech import models, plan
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.sound import RATE_HZ, cut, features, samples_of

LONGEST_S = 6.0  # of a stretch that is asked for at once
PADDED_S = 15  # what the encoder hears: shorter takes less work, and the same sounds are named
FRAMES_PER_S = 100
SHARE = 0.5  # of the encoder's work for the whole recording, at most
LEAST_ASKED = 8


def listen(
    path: str, settings: EngineSettings, spans: tuple[Span, ...], code: str, *, report: Report = silent
) -> Overheard:
    """What the recogniser writes for stretches of a 16 kHz mono FLAC or WAV; the longest of them, if there are many.

    Args:
        path: the recording.
        settings: of the engine.
        spans: stretches without words, in order of time, of up to `LONGEST_S` each.
        code: the language that is spoken.
        report: hears the finished fraction.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the model cannot be had.
        GpuMemoryExhausted: no step of the ladder had enough memory.
    """
    models.prepare(settings)
    samples = samples_of(path)
    most = max(LEAST_ASKED, round(SHARE * len(samples) / RATE_HZ / PADDED_S))
    asked = sorted(sorted(spans, key=lambda span: span.start_s - span.end_s)[:most], key=lambda span: span.start_s)

    def attempt(rung: Rung) -> list[Remark]:
        recogniser = models.recogniser(settings, rung)
        found: list[Remark] = []
        for first in range(0, len(asked), rung.batch_size):
            batch = asked[first : first + rung.batch_size]
            texts = _named(recogniser, [cut(samples, span) for span in batch], code)
            for span, (text, probability) in zip(batch, texts, strict=True):
                found.append(Remark(start_s=span.start_s, end_s=span.end_s, text=text, probability=probability))
            report((first + len(batch)) / len(asked))
        return found

    remarks, notices = descend(
        plan.ladder("transcribe", len(samples) / RATE_HZ, settings),
        attempt,
        what="listening for sounds",
        free=functools.partial(models.loaded_models.drop, "recogniser"),
    )
    return Overheard(remarks=tuple(remarks), unasked=len(spans) - len(asked), notices=notices)


def _named(recogniser: Any, sounds: list[NDArray[np.float32]], code: str) -> list[tuple[str, float]]:
    """Texts, and the geometric mean of the probabilities of their tokens."""
    from faster_whisper.tokenizer import Tokenizer

    model = recogniser.model
    multilingual = model.model.is_multilingual
    tokenizer = Tokenizer(model.hf_tokenizer, multilingual, task="transcribe", language=code if multilingual else "en")
    spectra = np.stack([features(model, sound).numpy()[:, : PADDED_S * FRAMES_PER_S] for sound in sounds])
    options = dataclasses.replace(recogniser.options, suppress_tokens=[])
    found = model.generate_segment_batched(spectra, tokenizer, options)
    return [
        (" ".join(text.split()), round(float(np.exp(log_probability)), 4))
        for text, log_probability in zip(found["text"], found["avg_logprob"], strict=True)
    ]
