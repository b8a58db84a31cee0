"""When each cue comes and goes: never two at once, long enough to be read, gone when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

SQUEEZED_S = 0.3  # the least a cue is shown when there is more speech than time
MAX_LAG_S = 0.6  # how far a cue may wait behind its sound so that the one before it is seen at all
READING_LAG_S = 0.3  # ... and so that it can be read, if the cue that waits has time to spare


@dataclass(frozen=True, slots=True)
class Pace:
    """The bounds in time.

    Where less than `close_gap_s` would pass between two cues, the first stays until `gap_s` before the second: a viewer
    sees that the text has changed, and nothing flickers. With `frames_per_s` every time is that of a frame.
    """

    min_s: float
    max_s: float
    gap_s: float
    close_gap_s: float
    frames_per_s: float | None = None

    def nearest(self, time_s: float) -> float:
        """The frame nearest to a time."""
        return round(time_s * self.frames_per_s) / self.frames_per_s if self.frames_per_s else time_s

    def no_earlier(self, time_s: float) -> float:
        """The first frame at or after a time."""
        return ceil(time_s * self.frames_per_s - 1e-6) / self.frames_per_s if self.frames_per_s else time_s

    def no_later(self, time_s: float) -> float:
        """The last frame at or before a time."""
        return floor(time_s * self.frames_per_s + 1e-6) / self.frames_per_s if self.frames_per_s else time_s


def schedule(
    speech: Sequence[tuple[float, float]], reading_s: Sequence[float], pace: Pace
) -> list[tuple[float, float]]:
    """Give every cue its time on screen.

    Args:
        speech: start and end of each cue's words, seconds, sorted by start.
        reading_s: how long each cue should be shown, seconds, at least `pace.min_s`.
        pace: the bounds.

    Returns:
        Start and end of each cue: positive durations of at most `pace.max_s`, in order, at least `pace.gap_s` apart.

    >>> pace = Pace(min_s=1.0, max_s=7.0, gap_s=0.1, close_gap_s=0.5)
    >>> schedule([(0.0, 0.4), (3.0, 4.5)], [1.0, 1.2], pace)
    [(0.0, 1.0), (3.0, 4.5)]
    """
    starts = _starts(speech, reading_s, pace)
    gap_s = pace.no_earlier(pace.gap_s)
    times: list[tuple[float, float]] = []
    for index, start_s in enumerate(starts):
        limit_s = pace.no_later(start_s + pace.max_s)
        end_s = min(pace.no_earlier(max(speech[index][1], start_s + reading_s[index])), limit_s)
        if index + 1 < len(starts):
            next_s = starts[index + 1]
            if next_s - end_s < pace.close_gap_s:
                # stay until the next one, unless that would outstay the limit: then leave a gap that can be seen
                last_s = pace.nearest(next_s - gap_s)
                end_s = last_s if last_s <= limit_s else min(end_s, pace.no_later(next_s - pace.close_gap_s))
        times.append((start_s, end_s))
    return times


def _starts(speech: Sequence[tuple[float, float]], reading_s: Sequence[float], pace: Pace) -> list[float]:
    least_s = SQUEEZED_S + pace.gap_s
    starts: list[float] = []
    for index, (start_s, _) in enumerate(speech):
        if not starts:
            starts.append(pace.nearest(start_s))
            continue
        before_s = starts[-1]
        following_s = speech[index + 1][0] if index + 1 < len(speech) else None
        wished_s = least_s
        for lag_s, shown_s, needs_s in (
            (MAX_LAG_S, pace.min_s, pace.min_s),
            (READING_LAG_S, reading_s[index - 1], reading_s[index]),
        ):
            wish_s = min(shown_s + pace.gap_s, start_s + lag_s - before_s)
            if following_s is not None:  # do not take from this cue what it needs itself
                wish_s = min(wish_s, following_s - needs_s - pace.gap_s - before_s)
            wished_s = max(wished_s, wish_s)
        starts.append(max(pace.nearest(start_s), pace.no_earlier(before_s + wished_s)))
    return starts
