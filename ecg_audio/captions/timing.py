"""When each cue comes and goes: never two at once, long enough to be read, gone when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass

SQUEEZED_S = 0.3  # the least a cue is shown when there is more speech than time
MAX_LAG_S = 0.6  # how far a cue may wait behind its sound so that the one before it can be read


@dataclass(frozen=True, slots=True)
class Pace:
    """The bounds in time. A gap between cues is either closed or at least `close_gap_s`, hence 2 frames or more."""

    target_cps: float
    min_s: float
    max_s: float
    close_gap_s: float


def schedule(speech: Sequence[tuple[float, float]], characters: Sequence[int], pace: Pace) -> list[tuple[float, float]]:
    """Give every cue its time on screen.

    Args:
        speech: start and end of each cue's words, seconds, sorted by start.
        characters: how many characters each cue shows.
        pace: the bounds.

    Returns:
        Start and end of each cue: positive durations of at most `pace.max_s`, in order, without overlap.
    """
    starts: list[float] = []
    for index, (start_s, _) in enumerate(speech):
        if not starts:
            starts.append(start_s)
            continue
        wished = min(pace.min_s, start_s + MAX_LAG_S - starts[-1])
        if index + 1 < len(speech):  # do not take from the next cue what it needs itself
            wished = min(wished, max(SQUEEZED_S, speech[index + 1][0] - pace.min_s - starts[-1]))
        starts.append(max(start_s, starts[-1] + max(SQUEEZED_S, wished)))
    times: list[tuple[float, float]] = []
    for index, start_s in enumerate(starts):
        limit_s = start_s + pace.max_s
        readable_s = start_s + max(pace.min_s, characters[index] / pace.target_cps)
        end_s = min(max(speech[index][1], readable_s), limit_s)
        if index + 1 < len(starts):
            next_s = starts[index + 1]
            if next_s - end_s < pace.close_gap_s:
                # close the gap, unless that would outstay the limit: then leave a gap that can be seen
                end_s = next_s if next_s <= limit_s else min(end_s, next_s - pace.close_gap_s)
        times.append((start_s, end_s))
    return times
