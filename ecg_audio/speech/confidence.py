"""How sure the recogniser was of each word that it wrote."""

import math
from collections.abc import Iterable, Sequence

from ecg_audio.analysis import Word
from ecg_audio.speech.alignment import TIME_DECIMALS


def confident(words: Iterable[Word], written: Sequence[tuple[str, float]]) -> tuple[Word, ...]:
    """Give each word the probability that the recogniser wrote it with.

    It is the product over the parts that the word's letters lie in, as the chain rule has it; punctuation beside a word
    counts for nothing. A text that is not the recogniser's, such as a person's, leaves all words as they are.

    Args:
        words: of one utterance, in the order of its text.
        written: the utterance's text in parts, each with its probability after the parts before; white space does not
            matter.
    """
    found = tuple(words)
    letters = [(letter, part) for part, (text, _) in enumerate(written) for letter in text if not letter.isspace()]
    solid = ["".join(word.text.split()) for word in found]
    if not letters or "".join(solid) != "".join(letter for letter, _ in letters):
        return found
    sure, at = [], 0
    for word, text in zip(found, solid, strict=True):
        parts = {part for letter, part in letters[at : at + len(text)] if letter.isalnum()}
        at += len(text)
        probability = round(math.prod(written[part][1] for part in parts), TIME_DECIMALS) if parts else None
        sure.append(word.model_copy(update={"confidence": probability}))
    return tuple(sure)
