"""The stages of one job, from tasks' futures to results, notices and records."""

from dataclasses import asdict
from typing import TypeVar

from prefect.futures import PrefectFuture

from ecg_audio.analysis import Notice, StageRecord
from ecg_audio.errors import EcgError
from ecg_audio.progress import Progress

R = TypeVar("R")


class Stages:
    """Collects what a job's tasks return.

    Args:
        progress: the job's progress; cached and failed stages are settled in it.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.lost: list[Notice] = []

    def result(self, name: str, future: PrefectFuture[R]) -> R:
        """The result of a stage that the job cannot do without; raises what the stage raised."""
        found: R = future.result()
        if future.state.name == "Cached":
            self._progress.settle(name, "cached")
        return found

    def attempt(self, name: str, future: PrefectFuture[R], failure: type[EcgError]) -> R | None:
        """The result of a stage that may fail: then None, and `lost` says what and why.

        Args:
            name: the stage.
            future: its run.
            failure: the class that names an unforeseen exception; Prefect's log keeps the traceback.
        """
        try:
            return self.result(name, future)
        except EcgError as error:
            self.lost.append(Notice(code=error.code, message=f"{name} failed: {error.message}"))
        except Exception as error:  # noqa: BLE001 - whatever broke an optional stage, the rest is delivered
            self.lost.append(Notice(code=failure.code, message=f"{name} failed: {type(error).__name__}: {error}"))
        return None

    def records(self, recording_s: float) -> tuple[StageRecord, ...]:
        """How every stage that has ended went."""
        return tuple(
            StageRecord(
                name=state.name,
                status=state.status,
                duration_s=None if state.duration_s is None else round(state.duration_s, 3),
                real_time_ratio=_ratio(recording_s, state.duration_s),
                error_code=state.error_code,
                **asdict(state.taken),
            )
            for state in self._progress.states()
            if state.status != "waiting" and state.status != "running"
        )


def _ratio(recording_s: float, work_s: float | None) -> float | None:
    return None if not work_s else round(recording_s / work_s, 2)
