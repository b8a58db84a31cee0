"""Speech that a recogniser has passed over: where an aligned text leaves it without words, and what takes its place.

Whisper skips whole phrases now and then, most of all where a quieter voice answers a louder one. An aligner knows only
the words of the text, so it leaves a gap where the others were said; asked for the gap alone, Whisper hears them.
"""

from collections.abc import Sequence

from ecg_audio.analysis import Span, Speech, Utterance, Word
from ecg_audio.speech import suspect

LEAST_S = 0.4  # of speech beside the margins of the words around: less is a pause, or a word's uncertain edge
SHORTEST_S = 0.1  # of its parts
AROUND_S = 1.0  # how far beyond it the same gap between two words is asked for at most
CLEAR_S = 0.05  # of the words on both sides
HEARD = 0.5  # mean score of Silero's: the segmentation alone takes laughter and noises for speech
LEAST_LOG_PROBABILITY = -0.6  # clear speech is above -0.3


def gaps(utterances: Sequence[Utterance], speech: Sequence[Speech]) -> list[tuple[int, Span]]:
    """Where speech inside aligned utterances has no words.

    Args:
        utterances: with their words, in time order.
        speech: where voices were detected, ordered and disjoint.

    Returns:
        For each gap the index of its utterance and what to ask for again, in time order. Utterances whose words have
        other times than an aligner's have none: attention spreads words over what was passed over.
    """
    words = [word for utterance in utterances for word in utterance.words]
    unsaid: dict[tuple[int, int], list[Speech]] = {}  # by utterance and place among its words
    for part in suspect.wordless(speech, words, SHORTEST_S):
        for index, utterance in enumerate(utterances):
            inside = utterance.start_s <= part.start_s and part.end_s <= utterance.end_s
            aligned = bool(utterance.words) and all(word.timing != "engine" for word in utterance.words)
            if part.silero >= HEARD and inside and aligned:
                place = sum(word.start_s < part.start_s for word in utterance.words)
                unsaid.setdefault((index, place), []).append(part)
                break
    return [
        (index, _between(utterances[index].words, parts[0].start_s, parts[-1].end_s))
        for (index, _), parts in unsaid.items()
        if sum(part.end_s - part.start_s for part in parts) >= LEAST_S
    ]


def _between(words: Sequence[Word], start_s: float, end_s: float) -> Span:
    """A gap as far as the words on both sides."""
    before_s = max((word.end_s for word in words if word.start_s < start_s), default=start_s) + CLEAR_S
    after_s = min((word.start_s for word in words if word.end_s > end_s), default=end_s) - CLEAR_S
    return Span(
        start_s=round(max(0.0, start_s - AROUND_S, min(before_s, start_s)), 3),
        end_s=round(min(end_s + AROUND_S, max(after_s, end_s)), 3),
    )


def parted(utterance: Utterance, put_in: Sequence[Utterance]) -> list[Utterance]:
    """The utterance in pieces, with what was said between them.

    Args:
        utterance: written with spaces, its words in time order.
        put_in: utterances inside its gaps, with words, in time order.

    Returns:
        All of them in time order; no words are lost, and none stands out of its time.
    """
    pieces: list[Utterance] = []
    left = list(utterance.words)
    for one in put_in:
        before = [word for word in left if word.start_s < one.words[0].start_s]
        left = left[len(before) :]
        pieces += [_piece(utterance, before), one]
    pieces.append(_piece(utterance, left))
    return [piece for piece in pieces if piece.words]


def _piece(utterance: Utterance, words: Sequence[Word]) -> Utterance:
    if not words:
        return utterance.model_copy(update={"words": ()})
    return utterance.model_copy(
        update={
            "start_s": words[0].start_s,
            "end_s": words[-1].end_s,
            "text": " ".join(word.text for word in words),
            "words": tuple(words),
        }
    )
