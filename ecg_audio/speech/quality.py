"""Which recognised words not to trust: those said where nobody speaks, and those of a recogniser that goes in circles.

Nothing is removed: Whisper's inventions and real refrains look alike, and a reader can decide where a program cannot.
"""

import bisect
import zlib
from collections.abc import Sequence

from ecg_audio.analysis import Span, Utterance, Word

OUTSIDE = "outside voiced speech"
LOOPING = "looping text"

TOLERANCE_S = 0.2  # voice detection begins late and ends early by about so much
LONGEST_PHRASE = 8  # words in the phrase that is repeated
MIN_REPEATS = 4  # of a phrase; speakers say a thing three times, seldom four
MIN_REPEATED_WORDS = 6
MIN_COMPRESSED_LENGTH = 120  # shorter texts compress badly, whatever they say
MAX_COMPRESSION = 2.4  # Whisper's own bound (Radford et al. 2022, section 4.5)


def examined(utterance: Utterance, speech: Sequence[Span]) -> Utterance:
    """The utterance with a reason on each word, and on the whole, that should not be trusted.

    Args:
        utterance: as recognised.
        speech: where voices were detected, ordered and disjoint.
    """
    loops = looping([word.text for word in utterance.words])
    words = tuple(
        word.model_copy(update={"suspect": reason}) if (reason := _reason(word, index in loops, speech)) else word
        for index, word in enumerate(utterance.words)
    )
    reasons = {word.suspect for word in words}
    whole = LOOPING if _repetitive(utterance.text) else next(iter(reasons)) if len(reasons) == 1 else None
    return utterance.model_copy(update={"words": words, "suspect": whole})


def looping(texts: Sequence[str]) -> frozenset[int]:
    """Indices of words that repeat the phrase before them, where a phrase of up to 8 words comes 4 times or more."""
    said = [text.casefold().strip(".,!?;:…\"'") for text in texts]
    found: set[int] = set()
    for length in range(1, LONGEST_PHRASE + 1):
        run = 0  # words that equal the one a phrase earlier
        for index in range(length, len(said) + 1):
            if index < len(said) and said[index] == said[index - length]:
                run += 1
                continue
            repeated = run + length
            if repeated >= max(MIN_REPEATS * length, MIN_REPEATED_WORDS):
                found.update(range(index - run, index))
            run = 0
    return frozenset(found)


def _reason(word: Word, loops: bool, speech: Sequence[Span]) -> str | None:
    if loops:
        return LOOPING
    return None if _voiced(word, speech) else OUTSIDE


def _voiced(word: Word, speech: Sequence[Span]) -> bool:
    following = bisect.bisect_left(speech, word.start_s - TOLERANCE_S, key=lambda span: span.end_s)
    return following < len(speech) and speech[following].start_s <= word.end_s + TOLERANCE_S


def _repetitive(text: str) -> bool:
    encoded = text.encode()
    return len(encoded) >= MIN_COMPRESSED_LENGTH and len(encoded) / len(zlib.compress(encoded)) > MAX_COMPRESSION
