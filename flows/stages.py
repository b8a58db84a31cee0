"""The stages of one job, from their beginning to results, notices and records."""

import threading
from dataclasses import asdict, dataclass
from typing import Generic, ParamSpec, TypeVar

from prefect.futures import PrefectFuture

from blocks.storage import ArtifactStore
from ecg_audio import time_limit
from ecg_audio.analysis import Notice, Recording, StageRecord
from ecg_audio.errors import EcgError
from ecg_audio.progress import Progress
from tasks.stage import Stage

P = ParamSpec("P")
R = TypeVar("R")

STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class StageFuture(Generic[R]):
    """A stage that has begun, or whose result was kept."""

    stages: "Stages"
    name: str
    failure: type[EcgError]
    future: PrefectFuture[R]

    def result(self) -> R:
        """The result of a stage that the job cannot do without; raises what the stage raised.

        Raises:
            ProcessingTimeout: the whole job has taken longer than it may, or the stage has.
        """
        self._await()
        found: R = self.future.result()
        if self.future.state.name == "Cached":
            self.stages.progress.mark(self.name, "cached")
        return found

    def attempt(self) -> R | None:
        """The result of a stage that may fail: then None, and `Stages.lost` says what and why.

        An unforeseen exception goes by the name of the stage's failure; Prefect's log keeps the traceback.

        Raises:
            ProcessingTimeout: the whole job has taken longer than it may.
        """
        try:
            return self.result()
        except EcgError as error:
            code, why = error.code, error.message
        except Exception as error:  # noqa: BLE001 - whatever broke an optional stage, the rest is delivered
            code, why = self.failure.code, f"{type(error).__name__}: {error}"
        self.stages.progress.deadline.check()
        self.stages.lost.append(Notice(code=code, message=f"{self.name} failed: {why}"))
        return None

    def _await(self) -> None:
        """Wait for the stage's end or the job's; time in which no stage of the job runs does not count."""
        deadline, ended = self.stages.progress.deadline, threading.Event()
        self.future.add_done_callback(lambda _future: ended.set())
        while not ended.wait(STEP_S):
            if not any(state.status == "running" for state in self.stages.progress.states()):
                deadline.waited(STEP_S)
            deadline.check()


class Stages:
    """Begins a job's stages and collects what they return.

    Args:
        progress: the job's progress; cached and failed stages are marked in it.
        store: keeps the results of stages.
        refresh: begin every stage, also where its result is kept.
    """

    def __init__(self, progress: Progress, store: ArtifactStore, *, refresh: bool = False) -> None:
        self.progress = progress
        self.lost: list[Notice] = []
        self.refresh = refresh
        self.store = store

    def limit(self, recording: Recording) -> None:
        """Let the job's work on a recording have an end, from now on."""
        self.progress.deadline.begin(time_limit.job_s(recording.duration_s * len(recording.tracks)))

    def begin(self, stage: Stage[P, R], *args: P.args, **kwargs: P.kwargs) -> StageFuture[R]:
        """Begin a stage, unless its result is kept."""
        return StageFuture(self, stage.name, stage.failure, stage.submit(self.store, self.refresh, *args, **kwargs))

    def begin_anew(self, stage: Stage[P, R], *args: P.args, **kwargs: P.kwargs) -> StageFuture[R]:
        """Begin a stage, whatever is kept."""
        return StageFuture(self, stage.name, stage.failure, stage.submit(self.store, True, *args, **kwargs))

    def known(self, stage: Stage[P, R], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether a stage's result is kept, and may be used."""
        return not self.refresh and stage.known(self.store, *args, **kwargs)

    def records(self, recording_s: float) -> tuple[StageRecord, ...]:
        """How every stage that has ended went."""
        return tuple(
            StageRecord(
                name=state.name,
                status=state.status,
                duration_s=None if state.duration_s is None else round(state.duration_s, 3),
                real_time_ratio=round(recording_s / state.duration_s, 2) if state.duration_s else None,
                error_code=state.error_code,
                **asdict(state.taken),
            )
            for state in self.progress.states()
            if state.status != "waiting" and state.status != "running"
        )
