"""Where somebody speaks: from the scores of two detectors to spans, and from spans to what a recogniser takes at once.

Speech is where either detector hears it. The pyannote segmentation inside the whisperx wheel loses whole sentences of
clear read speech, Silero inside the faster-whisper wheel a third of a meeting heard from afar; hardly ever the same.
"""

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span, Speech
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import islands
from ecg_audio.speech.joining import joined

SpanLike = TypeVar("SpanLike", bound=Span)

SILERO_WINDOW = 512  # samples for each of Silero's scores
WARM_UP = 16  # windows before the first: Silero takes the sudden start of any sound for speech

ONSET = 0.5  # a span begins where the score rises above this
OFFSET = 0.35  # and ends where it falls below this
MIN_SPEECH_S = 0.1
MIN_PAUSE_S = 0.1
MIN_PART_S = 0.5  # what one detector alone hears for so long is a span of its own

CERTAIN = 0.05
"""Where Silero stays below this from end to end, nobody speaks, whatever the segmentation says.

Tones and held notes score up to 0.99 with the segmentation, and less than 0.01 with Silero. No span of speech that was
tried, be it far away, whispered, raised or 3 dB below noise, stays below 0.1 unless it is shorter than half a second.
"""

QUIET_DBFS = -30.0  # Silero stops hearing at about -60 dBFS: quieter recordings are raised to this for it
LEVEL_WINDOW_S = 0.4  # the level of a recording is that of its loudest so many seconds (about two syllables)

PADDING_S = 0.2  # detectors begin late and end early by about so much
LONGEST_S = 30.0  # what Whisper hears at once
BRIDGED_S = 5.0  # a recogniser is not asked to sit through a longer pause
GOOD_PAUSE_S = 1.0  # a pause that is as good a place to cut as any longer one
QUIETEST_S = 0.1  # where nobody pauses, a cut is made at the lowest mean score over this

SHORTEST_HALF_S = 2.0  # of a stretch that is cut in two

SOUNDING = 1e-3  # -60 dBFS: below it nobody is heard
SILENCE_DBFS = -85.0  # quieter than any microphone: put there by an editor or a late audio track
HOP = 160  # a whole number of the recogniser's frames is left out


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely anybody speaks: (frames,) in [0, 1], the first frame's centre and the step between frames."""

    values: NDArray[np.float32]
    first_s: float
    step_s: float

    def within(self, start_s: float, end_s: float) -> NDArray[np.float32]:
        """The frames whose centres lie in a span; where none does, the one nearest to its middle."""
        first, last = (max(0, int(np.ceil((at_s - self.first_s) / self.step_s))) for at_s in (start_s, end_s))
        if first < min(last, len(self.values)):
            return self.values[first:last]
        nearest = round(((start_s + end_s) / 2 - self.first_s) / self.step_s)
        return self.values[max(0, min(nearest, len(self.values) - 1)) :][:1]


def silero(samples: NDArray[np.float32]) -> Scores:
    """What Silero v6 hears, a score each 32 ms. Runs on one core, about 500 times as fast as real time.

    For a model process: imports faster_whisper, whose wheel carries the model, and onnxruntime.

    Args:
        samples: (samples,) float32, 16 kHz mono. Its level does not matter: what is too quiet for Silero is raised.
    """
    if not len(samples):
        return Scores(np.zeros(0, np.float32), SILERO_WINDOW / RATE_HZ / 2, SILERO_WINDOW / RATE_HZ)
    from faster_whisper.vad import get_vad_model

    raised = np.pad(samples * np.float32(_gain(samples)), (0, -len(samples) % SILERO_WINDOW))
    mirrored = np.resize(raised[: WARM_UP * SILERO_WINDOW][::-1], WARM_UP * SILERO_WINDOW)
    values = np.asarray(get_vad_model()(np.concatenate([mirrored, raised])), np.float32).reshape(-1)[WARM_UP:]
    return Scores(values, SILERO_WINDOW / RATE_HZ / 2, SILERO_WINDOW / RATE_HZ)


def leading_silence(samples: NDArray[np.float32]) -> int:
    """How many samples of silence stand at the beginning, in whole frames; 0 where a microphone was open.

    Detectors hear windows, and what they find depends on where these lie. Counted from the first sound, a recording
    whose audio track starts later gives the same words and turns, later.

    Args:
        samples: (samples,) float32, 16 kHz mono.
    """
    loud = np.abs(samples) > SOUNDING
    onset = int(np.argmax(loud)) if loud.any() else 0
    if onset < HOP or 10 * np.log10(np.mean(np.square(samples[:onset])) + 1e-20) > SILENCE_DBFS:
        return 0
    return round(onset / HOP) * HOP


def later(spans: Iterable[SpanLike], by_s: float) -> tuple[SpanLike, ...]:
    """The same spans, so many seconds later."""
    return tuple(
        span.model_copy(update={"start_s": round(span.start_s + by_s, 3), "end_s": round(span.end_s + by_s, 3)})
        for span in spans
    )


def speech(segmentation: Scores, silero: Scores, duration_s: float) -> tuple[Speech, ...]:
    """Where either detector hears speech, with the mean score of each.

    Args:
        segmentation: how likely anybody speaks, of all local speakers the likeliest.
        silero: as `silero` returns it, over the same samples.
        duration_s: of these samples.

    Returns:
        Spans, ordered and disjoint. Two of them touch where one detector falls silent or joins in for half a second or
        more, so that the scores of a span tell who supports a word in it.
    """
    by_silero = spans(silero, duration_s)
    by_segmentation = [
        span
        for span in spans(segmentation, duration_s)
        if not len(silero.values) or silero.within(span.start_s, span.end_s).max() >= CERTAIN
    ]
    found = []
    for whole in _united([*by_segmentation, *by_silero]):
        for start_s, end_s in _parts(whole, by_segmentation, by_silero):
            scores = [_mean(each.within(start_s, end_s)) for each in (segmentation, silero)]
            found.append(Speech(start_s=start_s, end_s=end_s, segmentation=scores[0], silero=scores[1]))
    return tuple(found)


def spans(scores: Scores, duration_s: float) -> tuple[Span, ...]:
    """Spans of speech by hysteresis, short ones dropped and short pauses closed; ordered, disjoint."""
    edges = [
        (
            round(max(0.0, scores.first_s + (start - 0.5) * scores.step_s), 3),
            round(min(duration_s, scores.first_s + (end - 0.5) * scores.step_s), 3),
        )
        for start, end in _runs(scores.values)
    ]
    return tuple(_united(Span(start_s=start_s, end_s=end_s) for start_s, end_s in edges if end_s > start_s))


def stretches(
    speech: Sequence[Span],
    duration_s: float,
    longest_s: float = LONGEST_S,
    *,
    scores: Sequence[Scores] = (),
    borders: Sequence[float] = (),
) -> tuple[Span, ...]:
    """What a recogniser takes at once: as few stretches as may be, cut where somebody pauses.

    Each stretch costs Whisper a pass over 30 s, however short it is, so that pauses are bridged up to 5 s. Of all ways
    to cut, the cheapest is taken, where a stretch costs 1 and a cut the more the shorter its pause is, up to 1 again.

    Args:
        speech: ordered and disjoint.
        duration_s: of the recording.
        longest_s: no stretch is longer, its padding included.
        scores: of the detectors. Speech without any pause is cut where they are lowest, without them into equal parts.
        borders: times that no stretch may bridge, in order.

    Returns:
        Stretches, ordered and disjoint. Every second of `speech` lies in exactly one of them.
    """

    def fits(start_s: float, end_s: float) -> bool:
        return min(duration_s, end_s + PADDING_S) - max(0.0, start_s - PADDING_S) <= longest_s

    whole = _bordered(_touching(speech), borders)
    limit_s = longest_s - 2 * PADDING_S
    units = [
        part
        for span in whole
        for part in ([span] if fits(span.start_s, span.end_s) else _pieces(span, limit_s, scores))
    ]
    bounds = [(units[first].start_s, units[last - 1].end_s) for first, last in _cheapest(units, fits, borders)]
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


def split(stretch: Span, speech: Sequence[Span]) -> tuple[Span, ...]:
    """A stretch in two, cut in the middle of its longest pause; nothing where it is short or nobody pauses.

    Neither half is shorter than 2 s.
    """
    inside = _touching(_overlapping(speech, stretch))
    pauses = [
        (after.start_s - before.end_s, (before.end_s + after.start_s) / 2)
        for before, after in itertools.pairwise(inside)
    ]
    places = [pause for pause in pauses if min(pause[1] - stretch.start_s, stretch.end_s - pause[1]) >= SHORTEST_HALF_S]
    if not places:
        return ()
    at_s = round(max(places)[1], 3)
    return Span(start_s=stretch.start_s, end_s=at_s), Span(start_s=at_s, end_s=stretch.end_s)


# Levels and scores


def _gain(samples: NDArray[np.float32]) -> float:
    """What raises a recording to `QUIET_DBFS`, if it is quieter and not silent."""
    window = min(len(samples), round(LEVEL_WINDOW_S * RATE_HZ))
    blocks = samples[: len(samples) // window * window].reshape(-1, window)
    loudest_dbfs = 10 * np.log10(np.mean(np.square(blocks), axis=1, dtype=np.float64).max() + 1e-20)
    quiet = SILENCE_DBFS < loudest_dbfs < QUIET_DBFS
    return float(10 ** ((QUIET_DBFS - loudest_dbfs) / 20)) if quiet else 1.0


def _mean(values: NDArray[np.float32]) -> float:
    return round(float(np.clip(values.mean(), 0.0, 1.0)), 3) if len(values) else 0.0


def _runs(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Half-open runs of frames that rise above ONSET and have not yet fallen below OFFSET."""
    index = np.arange(1, len(values) + 1)
    rose = np.maximum.accumulate(np.where(values > ONSET, index, 0))
    fell = np.maximum.accumulate(np.where(values < OFFSET, index, 0))
    return list(zip(*islands.runs(rose > fell), strict=True))


# Spans


def _united(found: Iterable[Span]) -> list[Span]:
    """Spans of several detectors as one list: overlaps joined, short pauses closed, short spans dropped."""
    edges = joined(((span.start_s, span.end_s) for span in found), MIN_PAUSE_S)
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in edges if end_s - start_s >= MIN_SPEECH_S]


def _parts(whole: Span, *detectors: Sequence[Span]) -> list[tuple[float, float]]:
    """A span, cut where other detectors hear it from there on, for `MIN_PART_S` or more."""
    inside = [span for spans in detectors for span in _overlapping(spans, whole)]
    edges = {edge for span in inside for edge in (span.start_s, span.end_s) if whole.start_s < edge < whole.end_s}
    parts: list[tuple[float, tuple[bool, ...]]] = []  # where each begins, and who hears it
    for start_s, end_s in itertools.pairwise([whole.start_s, *sorted(edges), whole.end_s]):
        heard = tuple(bool(_overlapping(spans, Span(start_s=start_s, end_s=end_s))) for spans in detectors)
        if len(parts) == 1 and start_s - whole.start_s < MIN_PART_S:
            parts = [(whole.start_s, heard)]  # what came before is too short for a part of its own
        elif not parts or (end_s - start_s >= MIN_PART_S and heard != parts[-1][1]):
            parts.append((start_s, heard))
    return list(itertools.pairwise([*(start_s for start_s, _ in parts), whole.end_s]))


def _overlapping(spans: Sequence[Span], other: Span) -> Sequence[Span]:
    first = bisect.bisect_right(spans, other.start_s, key=lambda span: span.end_s)
    last = bisect.bisect_left(spans, other.end_s, key=lambda span: span.start_s)
    return spans[first:last]


# Stretches


def _touching(speech: Sequence[Span]) -> list[Span]:
    """Spans that touch, as one."""
    edges = joined((span.start_s, span.end_s) for span in speech)
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in edges]


def _bordered(spans: Sequence[Span], borders: Sequence[float]) -> list[Span]:
    """Spans, cut at the borders that lie inside them."""
    found = []
    for span in spans:
        inside = borders[bisect.bisect_right(borders, span.start_s) : bisect.bisect_left(borders, span.end_s)]
        edges = [span.start_s, *inside, span.end_s]
        found += [Span(start_s=start_s, end_s=end_s) for start_s, end_s in itertools.pairwise(edges)]
    return found


def _pieces(span: Span, limit_s: float, scores: Sequence[Scores]) -> list[Span]:
    """A span without a pause, in pieces no longer than the limit."""
    edges = [span.start_s]
    while (left_s := span.end_s - edges[-1]) > limit_s:
        share_s = left_s / math.ceil(left_s / limit_s)
        begin_s = edges[-1]
        edges.append(_lowest(scores, begin_s + share_s / 2, begin_s + limit_s) if scores else begin_s + share_s)
    return [Span(start_s=start_s, end_s=end_s) for start_s, end_s in itertools.pairwise([*edges, span.end_s])]


def _lowest(scores: Sequence[Scores], start_s: float, end_s: float) -> float:
    """The middle of the `QUIETEST_S` in which the detectors are least sure of speech."""
    times_s = np.arange(start_s, end_s, QUIETEST_S / 10)
    total = sum(
        np.interp(times_s, each.first_s + each.step_s * np.arange(len(each.values)), each.values)
        for each in scores
        if len(each.values)
    )
    smooth = np.convolve(np.broadcast_to(total, times_s.shape), np.full(10, 0.1), "valid")
    return float(times_s[int(np.argmin(smooth)) + 5]) if len(smooth) else end_s


def _cheapest(
    units: Sequence[Span], fits: Callable[[float, float], bool], borders: Sequence[float]
) -> list[tuple[int, int]]:
    """Half-open ranges of units that are recognised together, by dynamic programming over the places to cut."""
    costs = [0.0]  # of the cheapest way to cut up the units before
    begins = [0]  # where the last range of that way begins
    for last in range(1, len(units) + 1):
        cost, begin = min(
            (costs[first] + 1.0 + _cutting(units, first), first) for first in _begins(units, last, fits, borders)
        )
        costs.append(cost)
        begins.append(begin)
    found: list[tuple[int, int]] = []
    last = len(units)
    while last:
        found.append((begins[last], last))
        last = begins[last]
    return found[::-1]


def _begins(
    units: Sequence[Span], last: int, fits: Callable[[float, float], bool], borders: Sequence[float]
) -> Iterator[int]:
    """Where a range that ends before unit `last` may begin."""
    for first in range(last - 1, -1, -1):
        if first < last - 1:
            pause = units[first].end_s, units[first + 1].start_s
            bridged = pause[1] - pause[0] <= BRIDGED_S
            crossed = bisect.bisect_left(borders, pause[0]) < bisect.bisect_right(borders, pause[1])
            if crossed or not bridged or not fits(units[first].start_s, units[last - 1].end_s):
                return
        yield first


def _cutting(units: Sequence[Span], at: int) -> float:
    """What it costs to cut before a unit: 1 where nobody pauses, 0 in a good pause."""
    pause_s = units[at].start_s - units[at - 1].end_s if at else GOOD_PAUSE_S
    return 1.0 - min(pause_s, GOOD_PAUSE_S) / GOOD_PAUSE_S
