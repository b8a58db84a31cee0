"""When each word was written by the recogniser: where in the sound it looked (its cross-attention).

Good for any language the recogniser has, to about 50 ms, and blind to pauses: `edges` refines those. For the model
process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span, Task
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech.alignment import Piece

FRAME_SAMPLES = 160
LEAD_S = 0.03
"""The recogniser looks ahead: its times were 19 to 38 ms early in four languages of espeak-ng, and 29 ms early against
the aligner on twelve recordings of real speech (medians)."""


def attended(
    samples: NDArray[np.float32], text: str, within: Span, language: str, model: Any, task: Task = "transcribe"
) -> list[Piece]:
    """The pieces of an utterance's text, as the recogniser's tokens cut it; `alignment.gathered` makes words of them.

    Args:
        samples: (samples,) float32, the whole recording, 16 kHz mono.
        text: of the utterance, as it was recognised there.
        within: where it was said, up to 30 s.
        language: that is spoken.
        model: a `faster_whisper.WhisperModel`.
        task: how it was recognised.

    Returns:
        Pieces with times from the start of the recording (dynamic time warping over the cross-attention) and the
        recogniser's probability as score; one without times where the text has more tokens than the model can take.
    """
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.tokenizer import Tokenizer

    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task=task, language=language)
    tokens = [token for token in tokenizer.encode(" " + text) if token < tokenizer.eot]
    if len(tokens) >= model.max_length // 2:
        return [Piece(text)]
    sound = samples[round(within.start_s * RATE_HZ) : round(within.end_s * RATE_HZ)]
    encoded = model.encode(pad_or_trim(model.feature_extractor(sound)))
    words = model.find_alignment(tokenizer, [tokens], encoded, max(1, len(sound) // FRAME_SAMPLES))[0]
    return [
        Piece(
            word["word"],
            _span(within, float(word["start"]) + LEAD_S, float(word["end"]) + LEAD_S),
            float(word["probability"]),
        )
        for word in words
    ]


def _span(within: Span, start_s: float, end_s: float) -> Span:
    first_s = min(within.end_s, within.start_s + start_s)
    return Span(start_s=first_s, end_s=max(first_s, min(within.end_s, within.start_s + end_s)))
