"""How far a job is: the one way in which anything says so.

A job is a row of stages with weights. Work reports a fraction of its own stage; listeners (a terminal, a Prefect
artifact, the backend's callbacks) hear one overall figure that never goes back, and which stages run now.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Literal

from ecg_audio.time_limit import Deadline

Report = Callable[[float], None]
"""What domain functions take: called with the finished fraction of their own work, in [0, 1]."""

StageStatus = Literal["waiting", "running", "completed", "cached", "failed", "skipped"]

WEIGHTS: Mapping[str, float] = {
    # every stage, in the order in which they are told; rough shares of a job's wall time, so that the bar moves evenly
    "download": 10,
    "extract": 10,
    "measure": 8,
    "transcribe": 40,
    "align": 5,
    "diarize": 15,
    "name_speakers": 1,
    "classify_emotion": 4,
    "find_events": 3,
    "assemble": 3,
    "publish": 5,
    "burn": 40,
}
BESIDE = frozenset({"burn"})
"""Stages that are no part of an analysis."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a stage took of the machine; None: not measured, as where no GPU works. See `analysis.StageRecord`."""

    peak_resident_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    gpu_utilisation_percent: float | None = None


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage at one moment."""

    name: str
    status: StageStatus = "waiting"
    fraction: float = 0.0
    started_at: float | None = None
    duration_s: float | None = None
    error_code: str | None = None
    taken: Taken = Taken()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job at one moment. `percent` never falls; `changed` is the stage that caused this report."""

    percent: float
    changed: str
    stages: tuple[StageState, ...] = field(repr=False)


Listener = Callable[[Snapshot], None]


class Progress:
    """One job's progress. Safe to use from many threads.

    Args:
        stages: the names of the job's stages, in order; each must be in `WEIGHTS`.
        listeners: called, one at a time, after every change.

    Attributes:
        deadline: when the job must have ended.
    """

    def __init__(self, stages: tuple[str, ...], listeners: tuple[Listener, ...] = ()) -> None:
        self._stages = {name: StageState(name) for name in stages}
        self._listeners = listeners
        self._lock = threading.RLock()
        self._percent = 0.0
        self.deadline = Deadline()

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        """Run a stage: yields the function that takes its finished fraction."""
        started = time.perf_counter()
        self._change(name, status="running", started_at=started)
        try:
            with taking(lambda taken: self._change(name, taken=taken)):
                yield lambda fraction: self._change(name, fraction=min(1.0, max(0.0, fraction)))
        except BaseException as error:
            code = getattr(error, "code", "PROCESSING_ERROR")
            code = code if isinstance(code, str) else "PROCESSING_ERROR"
            self._change(name, status="failed", duration_s=time.perf_counter() - started, error_code=code)
            raise
        self._change(name, status="completed", fraction=1.0, duration_s=time.perf_counter() - started)

    def mark(self, name: str, status: Literal["cached", "skipped"]) -> None:
        """Record a stage whose work was not needed."""
        self._change(name, status=status, fraction=1.0)

    def states(self) -> tuple[StageState, ...]:
        """All stages as they stand."""
        with self._lock:
            return tuple(self._stages.values())

    def _change(self, name: str, **changes: object) -> None:
        with self._lock:
            before = self._stages[name]
            after = replace(before, **changes)  # type: ignore[arg-type]
            if after.status == "running" and before.status == "running":
                after = replace(after, fraction=max(before.fraction, after.fraction))
            self._stages[name] = after
            total = sum(WEIGHTS[stage] for stage in self._stages)
            done = sum(WEIGHTS[state.name] * _counted(state) for state in self._stages.values())
            self._percent = max(self._percent, 100.0 * done / total)
            snapshot = Snapshot(self._percent, name, tuple(self._stages.values()))
            for listener in self._listeners:
                listener(snapshot)


def _counted(state: StageState) -> float:
    return 1.0 if state.status == "failed" else state.fraction


_takes: ContextVar[Callable[[Taken], None] | None] = ContextVar("ecg_takes", default=None)


@contextmanager
def taking(take: Callable[[Taken], None]) -> Iterator[None]:
    """Let `take` hear what the work that is done here took."""
    token = _takes.set(take)
    try:
        yield
    finally:
        _takes.reset(token)


def took(taken: Taken) -> None:
    """Note what the work of the stage at hand took; outside of a stage nobody keeps it."""
    if (take := _takes.get()) is not None:
        take(taken)


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("ecg_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear every job that is begun from here."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def listeners() -> tuple[Listener, ...]:
    """Whoever wants to hear jobs that are begun here."""
    return _listeners.get()


_current: ContextVar[Progress | None] = ContextVar("ecg_progress", default=None)


@contextmanager
def tracked(progress: Progress) -> Iterator[Progress]:
    """Make `progress` the one that `current()` answers, here and in whatever is started from here."""
    token = _current.set(progress)
    try:
        yield progress
    finally:
        _current.reset(token)


def current() -> Progress:
    """The progress of the job at hand; outside a job, one that nobody listens to."""
    return _current.get() or Progress(tuple(WEIGHTS))


def silent(_fraction: float) -> None:
    """A `Report` for callers that do not care."""


def part(report: Report, index: int, count: int) -> Report:
    """A `Report` for one of several equal pieces of work."""
    return lambda fraction: report((index + fraction) / count)
