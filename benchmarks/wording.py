"""Words against words: which were found, and who was said to have said them."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jiwer
import numpy as np
from scipy.optimize import linear_sum_assignment

NOT_A_WORD = re.compile(r"[^a-z' ]+")
SPELLED = {"mr": "mister", "mrs": "missus", "dr": "doctor"}

Spoken = tuple[str, str | None]  # a word as `plain` writes it, and its speaker; None: nobody is known


@dataclass(frozen=True, slots=True)
class Attributed:
    """How words and speakers of one recording agree with the truth; counts, so that they can be pooled."""

    reference_words: int
    right_words: int
    """Words of the reference that were recognised as they are."""
    aligned_words: int
    """Words of the reference that have a counterpart, right or misheard."""
    wrong_speaker_words: int
    """Counterparts given to another speaker than the one who said the word, or to nobody."""
    concatenated_errors: int
    """Word errors of each speaker's words in a row, under the assignment of speakers that has the fewest (cpWER)."""
    speakers: int
    reference_speakers: int


def plain(text: str) -> list[str]:
    """Words in small letters without punctuation, titles spelled out: as reference texts write them."""
    return [SPELLED.get(word, word) for word in NOT_A_WORD.sub(" ", text.lower()).split()]


def plain_words(words: Iterable[Spoken]) -> list[Spoken]:
    """As `plain`, each part of a word with the word's speaker."""
    return [(part, speaker) for text, speaker in words for part in plain(text)]


def attributed(reference: Sequence[Spoken], found: Sequence[Spoken]) -> Attributed:
    """Compare words that know their speakers.

    Wrong speakers are counted over aligned words, hits and substitutions, as in the word diarization error rate of El
    Shafey, Soltau and Shafran, "Joint Speech Recognition and Speaker Diarization via Sequence Transduction"
    (Interspeech 2019), with the one-to-one assignment of speakers that agrees best. The concatenated errors are those
    of the concatenated minimum-permutation word error rate of Watanabe et al., "CHiME-6 Challenge" (2020): a speaker
    without a partner has all words wrong, and so has nobody.

    A compound that the reference writes in two words and the recogniser in one ("cold hearted", "coldhearted") counts
    as its two words.

    Args:
        reference: what was said, plain words in order.
        found: what was found, likewise.
    """
    found = _parted(found, reference)
    pairs = _aligned(reference, found)
    theirs = sorted({speaker for _, speaker in reference if speaker is not None})
    ours = sorted({speaker for _, speaker in found if speaker is not None})
    agreed = np.array(
        [[sum(1 for i, j in pairs if _is(reference[i], a) and _is(found[j], b)) for b in ours] for a in theirs]
    )
    agreeing = int(agreed[linear_sum_assignment(agreed, maximize=True)].sum()) if ours and theirs else 0
    return Attributed(
        reference_words=len(reference),
        right_words=sum(reference[i][0] == found[j][0] for i, j in pairs),
        aligned_words=len(pairs),
        wrong_speaker_words=len(pairs) - agreeing,
        concatenated_errors=_concatenated_errors(reference, found, theirs, ours),
        speakers=len(ours),
        reference_speakers=len(theirs),
    )


def _parted(found: Sequence[Spoken], reference: Sequence[Spoken]) -> list[Spoken]:
    """The words found, compounds of two neighbours of the reference as these two."""
    texts = [text for text, _ in reference]
    compounds = {first + second: (first, second) for first, second in itertools.pairwise(texts)}
    return [
        (part, speaker)
        for text, speaker in found
        for part in (compounds[text] if text in compounds and text not in texts else (text,))
    ]


def _is(word: Spoken, speaker: str) -> bool:
    return word[1] == speaker


def _aligned(reference: Sequence[Spoken], found: Sequence[Spoken]) -> list[tuple[int, int]]:
    """Indices of words that stand for each other in the alignment with the fewest errors."""
    if not reference or not found:
        return []
    said, heard = (" ".join(text for text, _ in words) for words in (reference, found))
    return [
        pair
        for chunk in jiwer.process_words(said, heard).alignments[0]
        if chunk.type in ("equal", "substitute")
        for pair in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx), range(chunk.hyp_start_idx, chunk.hyp_end_idx), strict=True
        )
    ]


def _concatenated_errors(
    reference: Sequence[Spoken], found: Sequence[Spoken], theirs: Sequence[str], ours: Sequence[str]
) -> int:
    said = [[text for text, speaker in reference if speaker == name] for name in theirs]
    heard = [[text for text, speaker in found if speaker == name] for name in ours]
    size = max(len(said), len(heard))
    said += [[]] * (size - len(said))
    heard += [[]] * (size - len(heard))
    errors = np.zeros((size, size), dtype=int)
    for row, column in itertools.product(range(size), repeat=2):
        errors[row, column] = word_errors(said[row], heard[column])
    unowned = sum(speaker is None for _, speaker in (*reference, *found))
    return int(errors[linear_sum_assignment(errors)].sum()) + unowned


def word_errors(reference: Sequence[str], found: Sequence[str]) -> int:
    """Substitutions, deletions and insertions between two lists of words."""
    if not reference or not found:
        return len(reference) + len(found)
    out = jiwer.process_words(" ".join(reference), " ".join(found))
    return out.substitutions + out.deletions + out.insertions
