"""How well captions can be read: what share of them keeps to the bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ecg_audio.captions.cues import Cue, CueSettings


@dataclass(frozen=True, slots=True)
class Legibility:
    """Figures over all cues of one or more recordings; shares are in [0, 1]."""

    cues: int
    median_cps: float  # characters a second
    p95_cps: float
    above_target: float  # share of cues read faster than the target
    above_max: float  # share of cues read faster than the bound: where people speak faster than one can read
    below_min_s: float  # share of cues shown more briefly than the shortest duration
    two_lines: float
    shared: float  # share of cues in which two speak


def legibility(cues: Sequence[Cue], settings: CueSettings) -> Legibility | None:
    """Measure cues against the bounds that they were made for; None if there are none."""
    if not cues:
        return None
    rates = sorted(cue.cps for cue in cues)

    def share(kept: list[bool]) -> float:
        return sum(kept) / len(cues)

    return Legibility(
        cues=len(cues),
        median_cps=median(rates),
        p95_cps=rates[min(len(rates) - 1, int(0.95 * len(rates)))],
        above_target=share([rate > settings.target_cps + 1e-6 for rate in rates]),
        above_max=share([rate > settings.max_cps + 1e-6 for rate in rates]),
        below_min_s=share([cue.end_s - cue.start_s < settings.min_s - 1e-6 for cue in cues]),
        two_lines=share([len(cue.lines) == 2 for cue in cues]),
        shared=share([cue.dashed for cue in cues]),
    )
