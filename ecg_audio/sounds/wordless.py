"""Where nobody says a word: the gaps between words, what sounds in them, and the long ones in which nothing does."""

import math
from collections.abc import Sequence
from itertools import pairwise

from ecg_audio.analysis import Span, Transcript
from ecg_audio.speech.islands import Islands

PAUSE_S = 2.0
BLIP_S = 0.15  # a click does not end a pause
CLEAR_S = 0.1  # of a word: its last sound may fade beyond its edge
BETWEEN_S = 0.7  # sounds closer than this are one: laughter comes in bursts
LEAST_S = 0.5


def gaps(found: Transcript, duration_s: float) -> list[Span]:
    """Where no word is that can be trusted, from the start of the recording to its end."""
    words = sorted((word.start_s, word.end_s) for one in found.utterances for word in one.words if not word.suspect)
    free: list[Span] = []
    reached_s = 0.0
    for start_s, end_s in [*words, (duration_s, duration_s)]:
        if start_s > reached_s:
            free.append(Span(start_s=reached_s, end_s=min(start_s, duration_s)))
        reached_s = max(reached_s, end_s)
    return free


def pauses(free: Sequence[Span], islands: Islands, duration_s: float) -> list[Span]:
    """The silences of `PAUSE_S` and more between the first and the last word."""
    found: list[Span] = []
    for gap in free:
        if gap.start_s == 0.0 or gap.end_s >= duration_s:
            continue  # before or after all talk
        reached_s = gap.start_s
        sounding = [part for part in _inside(gap, islands) if part.end_s - part.start_s >= BLIP_S]
        for start_s, end_s in [*((part.start_s, part.end_s) for part in sounding), (gap.end_s, gap.end_s)]:
            if start_s - reached_s >= PAUSE_S:
                found.append(Span(start_s=reached_s, end_s=start_s))
            reached_s = max(reached_s, end_s)
    return found


def sounding(free: Sequence[Span], islands: Islands, longest_s: float) -> list[Span]:
    """What sounds between words, in stretches of `LEAST_S` to `longest_s`, cut where it is silent if need be."""
    found: list[Span] = []
    for gap in free:
        first_s = gap.start_s and gap.start_s + CLEAR_S
        clear = Span(start_s=first_s, end_s=max(first_s, gap.end_s - CLEAR_S))
        group: list[Span] = []
        for part in _inside(clear, islands):
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


def _inside(gap: Span, islands: Islands) -> list[Span]:
    """The islands' parts inside a gap."""
    return [
        Span(start_s=max(start_s, gap.start_s), end_s=min(end_s, gap.end_s))
        for start_s, end_s in zip(islands.start_s.tolist(), islands.end_s.tolist(), strict=True)
        if min(end_s, gap.end_s) > max(start_s, gap.start_s)
    ]


def _cut(part: Span, pieces: int) -> list[Span]:
    step_s = (part.end_s - part.start_s) / pieces
    edges = [part.start_s + index * step_s for index in range(pieces)] + [part.end_s]
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in pairwise(edges)]
