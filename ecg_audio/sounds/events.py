"""The events of a recording, from all who may say so: words, frames, diarization, recogniser, classifier."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from ecg_audio.analysis import Diarization, Event, EventKind, EventSource, Span, Transcript, Turn
from ecg_audio.sound_events import Remark, Remarks
from ecg_audio.sounds import kinds, signals, wordless
from ecg_audio.sounds.signals import Frames
from ecg_audio.speech import islands

JOINED_S = 0.5  # two of a kind closer than this are one
BURST_SHARE = 0.7  # of a stretch: a longer burst is all of it
SURE: tuple[EventSource, ...] = ("classifier", "recogniser", "frames", "diarization")
"""Whose word counts where two agree."""
NAMED: frozenset[EventKind] = frozenset({"laughter", "applause", "music"})  # what crosstalk may turn out to be


class EventSearch:
    """What is known of a recording before anybody is asked about its sounds.

    Args:
        found: the transcript, the edges of its words refined.
        frames: `signals.COLUMNS`, each of shape (frames,), NaN where not measured.
        duration_s: of the recording.
        sought: the kinds to look for.
    """

    def __init__(self, found: Transcript, frames: Frames, duration_s: float, sought: Sequence[EventKind]) -> None:
        self._frames = frames
        self._duration_s = duration_s
        self._sought = sought
        self._islands = islands.found(frames["rms_dbfs"], frames["f0_hz"]).spans
        self._free = wordless.gaps(found, duration_s)

    def unnamed(self, longest_s: float) -> tuple[Span, ...]:
        """The stretches without words that a recogniser is asked for, and the loudest burst of those of several."""
        if not any(kinds.table()[kind].remarks for kind in self._sought):
            return ()
        whole = wordless.sounding(self._free, self._islands, longest_s)
        bursts = [signals.loud_part(span, self._frames) for span in whole]
        apart = [
            burst
            for span, burst in zip(whole, bursts, strict=True)
            if wordless.LEAST_S <= _length_s(burst) <= BURST_SHARE * _length_s(span)
        ]
        return tuple(sorted([*whole, *apart], key=lambda span: span.start_s))

    def events(
        self, diarization: Diarization | None, remarks: Remarks | None, classified: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        """All events of the kinds that are sought, in order of time; those of one kind do not overlap.

        Args:
            diarization: None: nobody knows who spoke when, and crosstalk is not found.
            remarks: what the recogniser says; None: it was not asked.
            classified: what a classifier says.
        """
        signalled = list(self._signalled())
        said = [*classified, *self._remarked(remarks, signalled), *signalled]
        found = [
            event for kind in self._sought if kind != "crosstalk" for event in _united(kind, said, self._duration_s)
        ]
        if "crosstalk" in self._sought:
            named = [event for event in found if event.kind in NAMED]
            together = [Span(start_s=a, end_s=b) for a, b in _overlaps(diarization.turns if diarization else ())]
            unworded = [part for span in together for part in wordless.common(span, self._free)]
            heard = [_event("crosstalk", span, "diarization") for span in unworded if not _touches(span, named)]
            found += _united("crosstalk", [*said, *heard], self._duration_s)
        if "pause" in self._sought:
            silent = wordless.pauses(self._free, self._islands, self._duration_s)
            found += [_event("pause", span, "frames") for span in silent if not _touches(span, found)]
        return tuple(sorted(found, key=lambda event: (event.start_s, event.end_s, event.kind)))

    def _signalled(self) -> Iterator[Event]:
        rules: tuple[tuple[EventKind, Callable[[Frames], list[Span]]], ...] = (
            ("tone", signals.steady_tones),
            ("noise", signals.steady_noise),
            ("applause", signals.clapping),
            ("applause", signals.applause),
        )
        for kind, rule in rules:
            for span in rule(self._frames):
                for part in wordless.common(span, self._free):
                    # claps are short: most of the time between them is silent
                    stands_out = rule is signals.clapping or self._sounds(part)
                    if stands_out and _length_s(part) >= _length_s(span) / 2:
                        yield _event(kind, part, "frames")

    def _remarked(self, heard: Remarks | None, signalled: Sequence[Event]) -> Iterator[Event]:
        by_place: dict[tuple[float, float], list[Remark]] = {}
        for remark in heard.remarks if heard else ():
            by_place.setdefault((remark.start_s, remark.end_s), []).append(remark)
        for remarks in by_place.values():
            together = sum(remark.probability for remark in remarks)
            named: dict[EventKind, float] = {}
            for remark in remarks:
                if kind := kinds.of_remark(remark.text):
                    named[kind] = named.get(kind, 0.0) + remark.probability
            for kind, probability in named.items():
                bounds, share = kinds.table()[kind], probability / together if together else 0.0
                if share < bounds.least_share or probability < bounds.least_probability:
                    continue
                others = [event for event in signalled if event.kind != kind]
                if not (_touches(remarks[0], others) or signals.contradicted(kind, remarks[0], self._frames)):
                    place = remarks[0] if kind == "music" else signals.loud_part(remarks[0], self._frames)
                    yield _event(kind, place, "recogniser", round(share, 4))

    def _sounds(self, span: Span) -> bool:
        """Whether a stretch stands out from the noise of the place, most of its time."""
        return sum(map(_length_s, wordless.common(span, self._islands))) >= _length_s(span) / 2


def _event(kind: EventKind, span: Span, found_by: EventSource, score: float | None = None) -> Event:
    start_s, end_s = round(span.start_s, 3), round(span.end_s, 3)
    return Event(kind=kind, start_s=start_s, end_s=end_s, found_by=found_by, score=score)


def _length_s(span: Span) -> float:
    return span.end_s - span.start_s


def _touches(span: Span, others: Sequence[Span]) -> bool:
    return any(other.start_s < span.end_s and span.start_s < other.end_s for other in others)


def _overlaps(turns: Sequence[Turn]) -> Iterator[tuple[float, float]]:
    """Where at least two speakers talk."""
    steps = sorted([(turn.start_s, 1) for turn in turns] + [(turn.end_s, -1) for turn in turns])
    talking = 0
    for (time_s, step), (next_s, _) in pairwise(steps):
        talking += step
        if talking >= 2 and next_s > time_s:
            yield time_s, next_s


def _united(kind: EventKind, said: Sequence[Event], duration_s: float) -> list[Event]:
    """The events of one kind, those that overlap or nearly touch made one; who is surest gives source and score."""
    found: list[list[Event]] = []
    for event in sorted((one for one in said if one.kind == kind), key=lambda one: one.start_s):
        if found and event.start_s - max(one.end_s for one in found[-1]) < JOINED_S:
            found[-1].append(event)
        else:
            found.append([event])
    united: list[Event] = []
    for group in found:
        surest = min(group, key=lambda one: (SURE.index(one.found_by), -(one.score or 0.0)))
        start_s = round(group[0].start_s, 3)
        end_s = round(min(duration_s, max(one.end_s for one in group)), 3)
        if end_s - start_s >= kinds.table()[kind].shortest_s:
            united.append(surest.model_copy(update={"start_s": start_s, "end_s": end_s}))
    return united
