"""When each cue comes and goes: never two at once, long enough to be read, gone when it is over.

Where less than `close_gap_s` would pass between two cues, the first stays until `min_gap_s` before the second: a viewer
sees that the text has changed, and nothing flickers. With `frames_per_s` every time is that of a frame.
"""

from collections.abc import Sequence
from math import ceil, floor

from ecg_audio.captions.reading import CueSettings

SQUEEZED_S = 0.3  # the least a cue is shown when there is more speech than time
MAX_LAG_S = 0.6  # how far a cue may wait behind its sound so that the one before it is seen at all
READING_LAG_S = 0.3  # ... and so that it can be read, if the cue that waits has time to spare


def schedule(
    speech: Sequence[tuple[float, float]], reading_s: Sequence[float], settings: CueSettings
) -> list[tuple[float, float]]:
    """Give every cue its time on screen.

    Args:
        speech: start and end of each cue's words, seconds, sorted by start.
        reading_s: how long each cue should be shown, seconds, at least `min_s`.
        settings: the bounds.

    Returns:
        Start and end of each cue: positive durations of at most `max_s`, in order, at least `min_gap_s` apart.

    >>> schedule([(0.0, 0.4), (3.0, 4.5)], [1.0, 1.2], CueSettings())
    [(0.0, 1.0), (3.0, 4.5)]
    """
    rate = settings.frames_per_s
    starts = _starts(speech, reading_s, settings)
    gap_s = _no_earlier(settings.min_gap_s, rate)
    times: list[tuple[float, float]] = []
    for index, start_s in enumerate(starts):
        limit_s = _no_later(start_s + settings.max_s, rate)
        end_s = min(_no_earlier(max(speech[index][1], start_s + reading_s[index]), rate), limit_s)
        if index + 1 < len(starts):
            next_s = starts[index + 1]
            if next_s - end_s < settings.close_gap_s:
                # stay until the next one, unless that would outstay the limit: then leave a gap that can be seen
                last_s = _nearest(next_s - gap_s, rate)
                end_s = last_s if last_s <= limit_s else min(end_s, _no_later(next_s - settings.close_gap_s, rate))
        times.append((start_s, end_s))
    return times


def _starts(speech: Sequence[tuple[float, float]], reading_s: Sequence[float], settings: CueSettings) -> list[float]:
    rate = settings.frames_per_s
    least_s = SQUEEZED_S + settings.min_gap_s
    starts: list[float] = []
    for index, (start_s, _) in enumerate(speech):
        if not starts:
            starts.append(_nearest(start_s, rate))
            continue
        before_s = starts[-1]
        following_s = speech[index + 1][0] if index + 1 < len(speech) else None
        wished_s = least_s
        for lag_s, shown_s, needs_s in (
            (MAX_LAG_S, settings.min_s, settings.min_s),
            (READING_LAG_S, reading_s[index - 1], reading_s[index]),
        ):
            wish_s = min(shown_s + settings.min_gap_s, start_s + lag_s - before_s)
            if following_s is not None:  # do not take from this cue what it needs itself
                wish_s = min(wish_s, following_s - needs_s - settings.min_gap_s - before_s)
            wished_s = max(wished_s, wish_s)
        starts.append(max(_nearest(start_s, rate), _no_earlier(before_s + wished_s, rate)))
    return starts


def _nearest(time_s: float, frames_per_s: float | None) -> float:
    return round(time_s * frames_per_s) / frames_per_s if frames_per_s else time_s


def _no_earlier(time_s: float, frames_per_s: float | None) -> float:
    return ceil(time_s * frames_per_s - 1e-6) / frames_per_s if frames_per_s else time_s


def _no_later(time_s: float, frames_per_s: float | None) -> float:
    return floor(time_s * frames_per_s + 1e-6) / frames_per_s if frames_per_s else time_s
