"""Where somebody speaks: from a model's frame scores to spans, and from spans to stretches that a recogniser takes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span

ONSET = 0.5  # a span begins where the score rises above this
OFFSET = 0.35  # and ends where it falls below this
MIN_SPEECH_S = 0.1
MIN_PAUSE_S = 0.1

JOIN_PAUSE_S = 0.6  # stretches closer than this are recognised as one
PADDING_S = 0.2
LONGEST_S = 15.0


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely anybody speaks: (frames,) in [0, 1], the first frame's centre and the step between frames."""

    values: NDArray[np.float32]
    first_s: float
    step_s: float


def spans(scores: Scores, duration_s: float) -> tuple[Span, ...]:
    """Spans of speech by hysteresis, short ones dropped and short pauses closed; ordered, disjoint."""
    found: list[tuple[float, float]] = []
    for start, end in _runs(scores.values):
        start_s = max(0.0, scores.first_s + (start - 0.5) * scores.step_s)
        end_s = min(duration_s, scores.first_s + (end - 0.5) * scores.step_s)
        if found and start_s - found[-1][1] < MIN_PAUSE_S:
            found[-1] = (found[-1][0], end_s)
        else:
            found.append((start_s, end_s))
    return tuple(
        Span(start_s=round(start_s, 3), end_s=round(end_s, 3))
        for start_s, end_s in found
        if end_s - start_s >= MIN_SPEECH_S
    )


def stretches(speech: Sequence[Span], duration_s: float) -> tuple[Span, ...]:
    """Stretches for a recogniser: spans joined over short pauses, padded, none longer than `LONGEST_S`.

    A run that would be too long is cut at its longest pause (the most central one of equals), and where nobody pauses,
    into equal parts. Every second of `speech` lies in exactly one stretch; stretches are ordered and disjoint.
    """
    runs: list[list[Span]] = []
    for span in (part for whole in speech for part in _parts(whole)):
        if runs and span.start_s - runs[-1][-1].end_s < JOIN_PAUSE_S:
            runs[-1].append(span)
        else:
            runs.append([span])
    pieces = [piece for run in runs for piece in _cut(run)]
    bounds = [(piece[0].start_s, piece[-1].end_s) for piece in pieces]
    padded = []
    for index, (start_s, end_s) in enumerate(bounds):
        before_s = bounds[index - 1][1] if index else -PADDING_S
        after_s = bounds[index + 1][0] if index + 1 < len(bounds) else duration_s + PADDING_S
        # never more than half of the pause to the neighbour, so that no sound is recognised twice
        padded.append(
            Span(
                start_s=max(0.0, start_s - min(PADDING_S, (start_s - before_s) / 2)),
                end_s=min(duration_s, end_s + min(PADDING_S, (after_s - end_s) / 2)),
            )
        )
    return tuple(padded)


def _runs(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Half-open runs of frames that rise above ONSET and have not yet fallen below OFFSET."""
    runs = []
    start: int | None = None
    for index, value in enumerate(values):
        if start is None and value > ONSET:
            start = index
        elif start is not None and value < OFFSET:
            runs.append((start, index))
            start = None
    if start is not None:
        runs.append((start, len(values)))
    return runs


def _parts(span: Span) -> list[Span]:
    """A span without a pause, in equal parts no longer than `LONGEST_S`."""
    count = max(1, int(np.ceil((span.end_s - span.start_s) / LONGEST_S)))
    edges = np.linspace(span.start_s, span.end_s, count + 1).tolist()
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in itertools.pairwise(edges)]


def _cut(run: list[Span]) -> list[list[Span]]:
    if len(run) == 1 or run[-1].end_s - run[0].start_s <= LONGEST_S:
        return [run]
    middle_s = (run[0].start_s + run[-1].end_s) / 2
    at = max(
        range(1, len(run)),
        key=lambda index: (run[index].start_s - run[index - 1].end_s, -abs(run[index].start_s - middle_s)),
    )
    return _cut(run[:at]) + _cut(run[at:])
