"""Words and their times in WhisperX's model process: from an aligner, else from where the recogniser looked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Notice, Span, Transcript, Utterance
from ecg_audio.compute.models import Rung
from ecg_audio.speech import alignment, diarization, whisperx_models
from ecg_audio.speech.alignment import Piece
from ecg_audio.speech.whisperx_settings import WhisperXSettings
from ecg_audio.speech.whisperx_sound import cut, features

FRAME_SAMPLES = 160


def aligner(
    settings: WhisperXSettings, found: Transcript, device: str
) -> tuple[tuple[Any, dict[str, Any]] | None, tuple[Notice, ...]]:
    """The aligner for a transcript, if there is one, and a notice where there should be."""
    if found.task == "translate":
        return None, ()  # none finds English words in the sound of another language
    try:
        return whisperx_models.aligner(settings, found.language, device), ()
    except whisperx_models.AlignerOutOfReach as missing:
        message = (
            f"{missing}, the aligner for {found.language!r}, is not on this machine, and the hub does not answer: "
            f"words have the recogniser's own times; `ecg models fetch --language {found.language}` gets it"
        )
        return None, (Notice(code="ALIGNER_MISSING", message=message),)


def timed(
    samples: NDArray[np.float32],
    utterance: Utterance,
    found: Transcript,
    settings: WhisperXSettings,
    aligner: tuple[Any, dict[str, Any]] | None,
    rung: Rung,
) -> Utterance:
    """The utterance with its words: by the aligner, or by the recogniser's own attention."""
    within = Span(start_s=utterance.start_s, end_s=utterance.end_s)
    pieces = _aligned(samples, utterance, aligner) if aligner else []
    if pieces:
        return utterance.model_copy(update={"words": alignment.words(pieces, within, "aligned")})
    # no aligner for this language, or this text is beyond it
    attended = _attended(samples, utterance, found, whisperx_models.recogniser(settings, rung).model)
    written = "en" if found.task == "translate" else found.language
    pieces = alignment.gathered(utterance.text, attended, written)
    return utterance.model_copy(update={"words": alignment.words(pieces, within, "engine")})


def _aligned(samples: NDArray[np.float32], utterance: Utterance, aligner: tuple[Any, dict[str, Any]]) -> list[Piece]:
    """The words as the forced aligner places them; none where it cannot place the text at all."""
    import whisperx.alignment

    model, about = aligner
    device = str(next(model.parameters()).device)
    # a capital whose small form is two letters would shift all that follow
    text = "".join(letter if len(letter.lower()) == 1 else letter.lower()[0] for letter in utterance.text)
    segment = {"start": utterance.start_s, "end": utterance.end_s, "text": text}
    with diarization.quiet():
        found = whisperx.alignment.align([segment], model, about, samples, device)["word_segments"]
    unspaced = about["language"] in whisperx.alignment.LANGUAGES_WITHOUT_SPACES
    written = [letter for letter in utterance.text if not letter.isspace()] if unspaced else utterance.text.split()
    if len(found) != len(written):
        return []
    return [_piece(word, times, about["dictionary"]) for word, times in zip(written, found, strict=True)]


def _piece(word: str, times: dict[str, Any], dictionary: dict[str, int]) -> Piece:
    # numerals and symbols: whisperx gives them whatever sounds there, which is no alignment
    if "start" not in times or "end" not in times or not any(letter in dictionary for letter in word.lower()):
        return Piece(word)
    span = Span(start_s=float(times["start"]), end_s=max(float(times["start"]), float(times["end"])))
    return Piece(word, span, float(times["score"]) if "score" in times else None)


def _attended(samples: NDArray[np.float32], utterance: Utterance, found: Transcript, model: Any) -> list[Piece]:
    """Where the recogniser itself looked when it wrote each word (its cross-attention, by dynamic time warping)."""
    from faster_whisper.tokenizer import Tokenizer

    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task=found.task, language=found.language)
    tokens = [token for token in tokenizer.encode(" " + utterance.text) if token < tokenizer.eot]
    if len(tokens) >= model.max_length // 2:
        return [Piece(utterance.text)]
    sound = cut(samples, Span(start_s=utterance.start_s, end_s=utterance.end_s))
    encoded = model.encode(features(model, sound))
    frames = max(1, len(sound) // FRAME_SAMPLES)
    return [
        Piece(
            word["word"],
            Span(
                start_s=utterance.start_s + float(word["start"]),
                end_s=utterance.start_s + max(float(word["start"]), float(word["end"])),
            ),
            float(word["probability"]),
        )
        for word in model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
    ]
