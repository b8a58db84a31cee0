"""What Whisper says of stretches without words: asked with no token forbidden, it names sounds, as `(laughs)`.

For the model process alone. Recognition forbids the tokens of brackets and notes, so that texts hold words alone.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span
from ecg_audio.compute.memory_ladder import Placement, descend
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ
from ecg_audio.sound_events import Remark, Remarks
from ecg_audio.speech import loaders, plan
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.sound import cut, features, samples_of

LONGEST_S = 6.0  # of a stretch that is asked for at once
PADDED_S = 15  # what the encoder hears: shorter takes less work, and the same sounds are named
FRAMES_PER_S = 100
TEXTS = 5  # that are compared for each stretch
LONGEST_TOKENS = 24
SHARE = 0.5  # of the encoder's work for the whole recording, at most
LEAST_ASKED = 8


def listen(
    path: str, settings: EngineSettings, spans: tuple[Span, ...], code: str, *, report: Report = silent
) -> Remarks:
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
    loaders.prepare(settings)
    samples = samples_of(path)
    most = max(LEAST_ASKED, round(SHARE * len(samples) / RATE_HZ / PADDED_S))
    asked = sorted(sorted(spans, key=lambda span: span.start_s - span.end_s)[:most], key=lambda span: span.start_s)

    def attempt(placement: Placement) -> list[Remark]:
        recogniser = loaders.recogniser(settings, placement)
        found: list[Remark] = []
        for first in range(0, len(asked), placement.batch_size):
            batch = asked[first : first + placement.batch_size]
            heard = _remarks(recogniser, [cut(samples, span) for span in batch], code)
            for span, texts in zip(batch, heard, strict=True):
                found += [Remark(**span.model_dump(), text=text, probability=share) for text, share in texts]
            report((first + len(batch)) / len(asked))
        return found

    remarks, notices = descend(
        plan.placements("transcribe", len(samples) / RATE_HZ, settings),
        attempt,
        what="listening for sounds",
        free=functools.partial(loaders.loaded_models.drop, "recogniser"),
    )
    return Remarks(remarks=tuple(remarks), unasked=len(spans) - len(asked), notices=notices)


def _remarks(recogniser: Any, sounds: list[NDArray[np.float32]], code: str) -> list[list[tuple[str, float]]]:
    """For each sound the likeliest texts, with the probability of each.

    The best text alone is a matter of chance: `(laughs)` and `(laughing)` share what one of them would have.
    """
    from faster_whisper.tokenizer import Tokenizer

    model = recogniser.model
    multilingual = model.model.is_multilingual
    tokenizer = Tokenizer(model.hf_tokenizer, multilingual, task="transcribe", language=code if multilingual else "en")
    spectra = np.stack([features(model, sound).numpy()[:, : PADDED_S * FRAMES_PER_S] for sound in sounds])
    prompt = model.get_prompt(tokenizer, [], without_timestamps=True)
    heard = model.model.generate(
        model.encode(spectra),
        [prompt] * len(sounds),
        beam_size=TEXTS,
        num_hypotheses=TEXTS,
        max_length=len(prompt) + LONGEST_TOKENS,
        suppress_tokens=[],
        return_scores=True,
    )
    return [
        [
            (_text(tokenizer, tokens), round(math.exp(score * max(1, len(tokens))), 5))
            for tokens, score in zip(one.sequences_ids, one.scores, strict=True)
        ]
        for one in heard
    ]


def _text(tokenizer: Any, tokens: list[int]) -> str:
    return " ".join(tokenizer.tokenizer.decode([token for token in tokens if token < tokenizer.eot]).split())
