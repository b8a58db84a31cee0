"""Functions for children to run in tests."""

import os
import time
from pathlib import Path

from ecg_audio.compute.memory import Metered, Use
from ecg_audio.errors import NoAudio
from ecg_audio.progress import Report


def add(left: int, right: int, *, report: Report) -> tuple[int, int]:
    """The sum, and the process that made it."""
    report(0.5)
    report(1.0)
    return left + right, os.getpid()


def fail_by_name(*, report: Report) -> None:
    """Raise one of ours."""
    raise NoAudio("nothing to hear")


def fail_unforeseen(*, report: Report) -> float:
    """Raise one of Python's."""
    return 1 / 0


def sleep(seconds: float, *, report: Report) -> None:
    """Wait."""
    time.sleep(seconds)


def classify_when_there(_recording: str, model: str, _revision: str, *, report: Report) -> tuple[tuple[()], Metered]:
    """Hear nothing, in the place of a classifier, and hang as long as there is no file of the model's name."""
    while not Path(model).exists():
        time.sleep(0.05)
    return (), Metered(*[Use(1000)] * 3)


def allocate(size_bytes: int, *, report: Report) -> int:
    """Take memory."""
    return len(bytearray(size_bytes))


_done_ahead: list[int] = []


def ahead() -> None:
    """What a child does before it answers."""
    _done_ahead.append(os.getpid())


def done_ahead(*, report: Report) -> list[int]:
    """The processes that have done so."""
    return _done_ahead


def fail_ahead() -> None:
    """Break before the first call."""
    raise NoAudio("too early")
