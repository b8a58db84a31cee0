"""When each word was said: from what an aligner or an engine found for some of them to times for all of them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ecg_audio.analysis import Span, Timing, Word
from ecg_audio.graphemes import clusters

UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages written without spaces: their words are the pieces in which an engine or aligner times them."""

TIME_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or a part of one as it was timed. `span` is None where it could not be, and then `score` is too."""

    text: str
    span: Span | None = None
    score: float | None = None


def words(pieces: Sequence[Piece], within: Span, timing: Timing) -> tuple[Word, ...]:
    """Give every word its time.

    Args:
        pieces: one for each word, in the order of speech.
        within: the utterance; all words come to lie inside it.
        timing: where the times of `pieces` come from.

    Returns:
        A word for each piece. Words do not overlap: each begins where the one before it ends or later, and ends where
        it begins or later. A piece without times gets its share, by letters, of the gap between its timed neighbours
        and is marked `interpolated`, without a confidence.
    """
    anchors = list(_anchors(pieces, within))
    found: list[Word] = []
    at_s = within.start_s
    for timed, group in itertools.groupby(range(len(pieces)), key=lambda index: anchors[index] is not None):
        indices = list(group)
        if timed:
            for index in indices:
                span = anchors[index]
                assert span is not None
                found.append(_word(pieces[index], span.start_s, span.end_s, timing))
                at_s = span.end_s
            continue
        follower = anchors[indices[-1] + 1] if indices[-1] + 1 < len(pieces) else None
        until_s = follower.start_s if follower else within.end_s
        lengths = [len(pieces[index].text) or 1 for index in indices]
        edges_s = [at_s + (until_s - at_s) * done / sum(lengths) for done in itertools.accumulate(lengths, initial=0)]
        for index, (start_s, end_s) in zip(indices, itertools.pairwise(edges_s), strict=True):
            found.append(_word(Piece(pieces[index].text), start_s, end_s, "interpolated"))
        at_s = until_s
    return tuple(found)


def gathered(text: str, pieces: Sequence[Piece], language: str) -> list[Piece]:
    """Pieces that cut a text anywhere (an engine's tokens), put together into its words.

    A word's time runs from its first timed letter to its last, its score is the mean over its timed letters. In
    languages written without spaces the pieces are the words, but for those that would tear a letter from its marks.
    """
    letters = [(letter, piece) for piece in pieces for letter in piece.text]
    if language in UNSPACED:
        return worded(_gathered(_untorn(pieces), letters), language)
    solid = [(letter, piece) for letter, piece in letters if not letter.isspace()]
    return worded(_gathered(text.split(), solid), language)


def worded(pieces: Sequence[Piece], language: str) -> list[Piece]:
    """Only words: what has no letter and no digit is none, and goes with the word before, at the start with the first.

    Punctuation has no sound, so that the word keeps its times. Nothing remains of a text that has no word at all.
    """
    between = "" if language in UNSPACED else " "
    found: list[Piece] = []
    before = ""  # what stands before the first word
    for piece in pieces:
        if any(letter.isalnum() for letter in piece.text):
            found.append(replace(piece, text=before + piece.text))
            before = ""
        elif found:
            found[-1] = replace(found[-1], text=found[-1].text + between + piece.text)
        else:
            before += piece.text + between
    return found


def _untorn(pieces: Sequence[Piece]) -> list[str]:
    """The texts of pieces, those together that share a letter with the next."""
    whole = set(itertools.accumulate(map(len, clusters("".join(piece.text for piece in pieces)))))
    texts, at, text = [], 0, ""
    for piece in pieces:
        at += len(piece.text)
        text += piece.text
        if at in whole:
            texts.append(text)
            text = ""
    return texts


def _gathered(texts: Iterable[str], letters: Sequence[tuple[str, Piece]]) -> list[Piece]:
    """Words with the times and scores of their letters; each letter comes with the piece it was in."""
    at = 0
    found = []
    for text in texts:
        parts = [piece for _, piece in letters[at : at + len(text)] if piece.span is not None]
        at += len(text)
        spans = [part.span for part in parts if part.span]
        scores = [part.score for part in parts if part.score is not None]
        span = Span(start_s=min(s.start_s for s in spans), end_s=max(s.end_s for s in spans)) if spans else None
        if text.strip():
            found.append(Piece(text.strip(), span, sum(scores) / len(scores) if scores else None))
    return found


def _anchors(pieces: Sequence[Piece], within: Span) -> Iterator[Span | None]:
    """The pieces' times, made to lie inside the utterance and one after the other."""
    earliest_s = within.start_s
    for piece in pieces:
        if piece.span is None:
            yield None
            continue
        start_s = min(within.end_s, max(earliest_s, piece.span.start_s))
        end_s = min(within.end_s, max(start_s, piece.span.end_s))
        yield Span(start_s=start_s, end_s=end_s)
        earliest_s = end_s


def _word(piece: Piece, start_s: float, end_s: float, timing: Timing) -> Word:
    confidence = None if piece.score is None else min(1.0, max(0.0, piece.score))
    return Word(
        text=piece.text,
        start_s=round(start_s, TIME_DECIMALS),
        end_s=round(end_s, TIME_DECIMALS),
        confidence=None if confidence is None else round(confidence, TIME_DECIMALS),
        timing=timing,
    )
