"""How people share the time: pauses and pace of each, and how the floor goes from one to another.

A pause is a silence of 0.2 s or more between two words of one speaker in which nobody else says one. Who has the floor
is told by turns, those of one speaker that are less than 0.2 s apart being one (an inter-pausal unit). The kinds of
exchanges follow Heldner and Edlund, "Pauses, gaps and overlaps in conversations" (Journal of Phonetics 38, 2010), with
interruptions and backchannels told by length.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from ecg_audio.analysis import Exchange, ExchangeKind, SpokenWord, Tempo, Turn

RESOLUTION_S = 0.001
"""Who spoke for less said nothing: a pace would have no sense, nor an end."""
SHORTEST_PAUSE_S = 0.2
INTERRUPTED_S = 0.5
"""Who takes the floor so long before the other has ended interrupts; shorter, they come in at an end they foresaw."""
BACKCHANNEL_S = 1.0
"""What is said inside another's talk and is shorter than this does not ask for the floor."""


def pauses_s(words: Iterable[SpokenWord]) -> dict[str | None, list[float]]:
    """The lengths of each speaker's pauses; those of words whose speaker is not known are under None.

    >>> words = [SpokenWord(text="so", start_s=0.0, end_s=0.5), SpokenWord(text="what", start_s=1.0, end_s=1.25)]
    >>> pauses_s(words)
    {None: [0.5]}
    """
    found: dict[str | None, list[float]] = {}
    reached_s = 0.0
    for before, after in pairwise(sorted(words, key=lambda word: (word.start_s, word.end_s))):
        reached_s = max(reached_s, before.end_s)
        silent_s = after.start_s - reached_s
        if before.speaker == after.speaker and silent_s >= SHORTEST_PAUSE_S:
            found.setdefault(after.speaker, []).append(silent_s)
    return found


def tempo(
    words: Sequence[SpokenWord],
    lengths_s: Sequence[float],
    syllables: float | None,
    filled: Sequence[SpokenWord] = (),
) -> Tempo | None:
    """How somebody's time went; None where they said nothing.

    Args:
        words: what was said, by one speaker or by all.
        lengths_s: of their pauses.
        syllables: that were counted in the words; None: they were not.
        filled: those of the words that fill pauses.
    """
    phonation_s = sum(word.end_s - word.start_s for word in words)
    if phonation_s < RESOLUTION_S:
        return None
    silent_s = float(sum(lengths_s))
    quantiles = np.percentile(lengths_s, (25, 50, 75, 90)).tolist() if lengths_s else [None] * 4
    return Tempo(
        phonation_s=phonation_s,
        pause_count=len(lengths_s),
        pause_s=silent_s,
        pause_mean_s=silent_s / len(lengths_s) if lengths_s else None,
        pause_p25_s=quantiles[0],
        pause_median_s=quantiles[1],
        pause_p75_s=quantiles[2],
        pause_p90_s=quantiles[3],
        filled_pause_count=len(filled) or None,
        filled_pause_s=sum(word.end_s - word.start_s for word in filled) if filled else None,
        phonation_ratio=phonation_s / (phonation_s + silent_s),
        speech_pause_ratio=phonation_s / silent_s if silent_s > 0.0 else None,
        articulation_syllables_per_s=None if syllables is None else syllables / phonation_s,
        speech_syllables_per_s=None if syllables is None else syllables / (phonation_s + silent_s),
    )


def exchanges(turns: Sequence[Turn]) -> tuple[Exchange, ...]:
    """Every time that somebody begins to talk after or over somebody else, in order of time.

    >>> turns = [Turn(speaker="Ana", start_s=0.0, end_s=2.0), Turn(speaker="Bo", start_s=1.8, end_s=4.0)]
    >>> [(one.kind, one.speaker, one.yielded_by) for one in exchanges(turns)]
    [('overlap', 'Bo', 'Ana')]
    """
    found: list[Exchange] = []
    units = _units(turns)
    for index, unit in enumerate(units):
        others = [one for one in units[:index] if one.speaker != unit.speaker]
        if not others:
            continue
        other = max(others, key=lambda one: one.end_s)
        own_end_s = max((one.end_s for one in units[:index] if one.speaker == unit.speaker), default=0.0)
        if own_end_s > other.end_s:  # the floor was theirs already
            continue
        overlapped_s = min(other.end_s, unit.end_s) - unit.start_s
        taken = unit.end_s > other.end_s
        kind: ExchangeKind
        yielded_by: str | None = None
        if overlapped_s <= 0.0:
            kind = "gap"
        elif taken:
            kind = "interruption" if overlapped_s >= INTERRUPTED_S else "overlap"
            yielded_by = other.speaker
        elif unit.end_s - unit.start_s < BACKCHANNEL_S:
            kind = "backchannel"
        else:
            kind, yielded_by = "attempt", unit.speaker
        found.append(
            Exchange(
                kind=kind,
                start_s=unit.start_s,
                speaker=unit.speaker,
                other_speaker=other.speaker,
                offset_s=unit.start_s - other.end_s,
                overlap_s=max(0.0, overlapped_s),
                yielded_by=yielded_by,
            )
        )
    return tuple(found)


def _units(turns: Sequence[Turn]) -> list[Turn]:
    """Turns in order of time, those of one speaker joined where hardly anything is between them."""
    units: list[Turn] = []
    latest: dict[str, int] = {}
    for turn in sorted(turns, key=lambda one: (one.start_s, one.end_s, one.speaker)):
        at = latest.get(turn.speaker)
        if at is not None and turn.start_s - units[at].end_s < SHORTEST_PAUSE_S:
            units[at] = units[at].model_copy(update={"end_s": max(units[at].end_s, turn.end_s)})
        else:
            latest[turn.speaker] = len(units)
            units.append(Turn(speaker=turn.speaker, start_s=turn.start_s, end_s=turn.end_s))
    return units
