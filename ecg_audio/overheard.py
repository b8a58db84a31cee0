"""What is heard beside words, before it is part of a result."""

from ecg_audio.analysis import Event, EventKind, Model, Notice, Span


class Remark(Span):
    """What a recogniser writes for a stretch without words when no token is forbidden: `(laughs)`, `[Music]`, or words.

    `probability` is the geometric mean of its tokens', uncalibrated.
    """

    text: str
    probability: float


class Overheard(Model):
    """What a recogniser says of stretches without words. `unasked` counts those beyond its share of the work."""

    remarks: tuple[Remark, ...]
    unasked: int = 0
    notices: tuple[Notice, ...] = ()


class Events(Model):
    """The events of a recording, in order of time; those of one kind do not overlap. `kinds` were looked for."""

    kinds: tuple[EventKind, ...]
    found: tuple[Event, ...]
    model: str | None = None  # the classifier that ran
    notices: tuple[Notice, ...] = ()
