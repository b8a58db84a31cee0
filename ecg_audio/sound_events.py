"""What is heard beside words, before it is part of a result."""

from ecg_audio.analysis import Event, EventKind, Model, Notice, Span


class Remark(Span):
    """One of the likeliest texts of a recogniser for a stretch without words, no token forbidden: `(laughs)`, or words.

    `probability` is that of the whole text, uncalibrated.
    """

    text: str
    probability: float


class Remarks(Model):
    """What a recogniser says of stretches without words: each has several remarks, the likeliest texts for it.

    `unasked` counts the stretches beyond its share of the work.
    """

    remarks: tuple[Remark, ...]
    unasked: int = 0
    notices: tuple[Notice, ...] = ()


class Events(Model):
    """The events of a recording, in order of time; those of one kind do not overlap. `kinds` were looked for."""

    kinds: tuple[EventKind, ...]
    found: tuple[Event, ...]
    model: str | None = None  # the classifier that ran
    notices: tuple[Notice, ...] = ()
