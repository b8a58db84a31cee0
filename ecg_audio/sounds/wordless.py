"""Where nobody says a word: the gaps between words, what sounds in them, and the long ones in which nothing does."""

import math
from collections.abc import Sequence
from itertools import pairwise

from ecg_audio.analysis import Span, Transcript
from ecg_audio.speech.joining import without

PAUSE_S = 2.0
BLIP_S = 0.15  # a click does not end a pause
CLEAR_S = 0.1  # of a word: its last sound may fade beyond its edge
BETWEEN_S = 0.7  # sounds closer than this are one: laughter comes in bursts
LEAST_S = 0.5


def gaps(found: Transcript, duration_s: float) -> list[Span]:
    """Where no word is that can be trusted, from the start of the recording to its end."""
    words = sorted((word.start_s, word.end_s) for one in found.utterances for word in one.words if not word.suspect)
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in without((0.0, duration_s), words)]


def pauses(free: Sequence[Span], islands: Sequence[Span], duration_s: float) -> list[Span]:
    """The silences of `PAUSE_S` and more between the first and the last word."""
    found: list[Span] = []
    for gap in free:
        if gap.start_s == 0.0 or gap.end_s >= duration_s:
            continue  # before or after all talk
        parts = ((part.start_s, part.end_s) for part in common(gap, islands))
        sounding = [(start_s, end_s) for start_s, end_s in parts if end_s - start_s >= BLIP_S]
        for start_s, end_s in without((gap.start_s, gap.end_s), sounding):
            if end_s - start_s >= PAUSE_S:
                found.append(Span(start_s=start_s, end_s=end_s))
    return found


def sounding(free: Sequence[Span], islands: Sequence[Span], longest_s: float) -> list[Span]:
    """What sounds between words, in stretches of `LEAST_S` to `longest_s`, cut where it is silent if need be."""
    found: list[Span] = []
    for gap in free:
        first_s = gap.start_s and gap.start_s + CLEAR_S
        clear = Span(start_s=first_s, end_s=max(first_s, gap.end_s - CLEAR_S))
        group: list[Span] = []
        for part in common(clear, islands):
            if group and part.start_s - group[-1].end_s >= BETWEEN_S:
                found += _stretches(group, longest_s)
                group = []
            group.append(part)
        found += _stretches(group, longest_s)
    return [span for span in found if span.end_s - span.start_s >= LEAST_S]


def _stretches(group: Sequence[Span], longest_s: float) -> list[Span]:
    """Neighbouring parts as one stretch, or as more that are cut at the widest silences between them."""
    if not group:
        return []
    whole = Span(start_s=group[0].start_s, end_s=group[-1].end_s)
    length_s = whole.end_s - whole.start_s
    if length_s <= longest_s:
        return [whole]
    if len(group) == 1:
        return _cut(whole, math.ceil(length_s / longest_s))
    widest = max(range(1, len(group)), key=lambda index: group[index].start_s - group[index - 1].end_s)
    return _stretches(group[:widest], longest_s) + _stretches(group[widest:], longest_s)


def common(span: Span, others: Sequence[Span]) -> list[Span]:
    """The parts of a span that lie in others."""
    return [
        Span(start_s=max(span.start_s, other.start_s), end_s=min(span.end_s, other.end_s))
        for other in others
        if min(span.end_s, other.end_s) > max(span.start_s, other.start_s)
    ]


def _cut(part: Span, pieces: int) -> list[Span]:
    step_s = (part.end_s - part.start_s) / pieces
    edges = [part.start_s + index * step_s for index in range(pieces)] + [part.end_s]
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in pairwise(edges)]
