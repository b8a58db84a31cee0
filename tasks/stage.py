"""A stage of a job: a Prefect task with a place in the job's progress, and a key under which its result is kept.

`@stage` says once what decides a stage's result: the code of some rooms of `ecg_audio`, and the stage's own parameters.
A result is found again by Prefect where all of these are the same.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.futures import PrefectFuture
from prefect.utilities.annotations import quote
from pydantic import BaseModel

from blocks.storage import ArtifactStore, open_store, result_storage
from ecg_audio import progress
from ecg_audio.analysis import Media, Recording
from ecg_audio.errors import EcgError
from ecg_audio.progress import WEIGHTS, Report
from tasks import keys
from tasks.retrying import RETRYING

P = ParamSpec("P")
R = TypeVar("R")

SERIALIZER = "compressed/json"
Part = Callable[[Any], object]
"""What of a parameter decides the result, as a JSON value."""


def nothing(_value: object) -> None:
    """Of a parameter that decides nothing."""


class Work:
    """What a stage works with, beside its arguments.

    Attributes:
        report: takes the finished fraction.
    """

    def __init__(self, reference: str, report: Report) -> None:
        self._reference = reference
        self.report = report

    @cached_property
    def store(self) -> ArtifactStore:
        """The job's store; opened where it is needed."""
        return open_store(self._reference)


class Stage(Generic[P, R]):
    """See `stage`.

    Attributes:
        name: as in progress and in records.
        failure: the class that names an unforeseen exception of a stage that a job can do without.
        task: of Prefect; the store's reference is its first argument.
    """

    def __init__(
        self,
        function: Callable[Concatenate[Work, P], R],
        *,
        rooms: Sequence[str],
        parts: Mapping[str, Part],
        key: Callable[..., str | None] | None,
        failure: type[EcgError],
        tags: Sequence[str],
        task_name: str | None,
        within: str | None,
    ) -> None:
        task_name = task_name or function.__name__
        self.name = name = within or task_name
        assert name in WEIGHTS, f"{name} has no weight in a job's progress"
        self.failure = failure
        work, *own = inspect.signature(function).parameters.values()

        @functools.wraps(function)
        def run(store: str, *args: P.args, **kwargs: P.kwargs) -> R:
            with progress.current().stage(name) as report:
                return function(Work(store, report), *args, **kwargs)

        run.__signature__ = inspect.Signature([work.replace(name="store", annotation=str), *own])  # type: ignore[attr-defined]
        self.task: Task[..., R] = task(name=task_name, tags=tags, **RETRYING)(run)
        self._rooms = rooms
        self._parts = parts
        self._own_key = key
        self._signature = inspect.Signature(own)

    def __call__(self, store: ArtifactStore, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here, as a task of the flow that calls; nothing is kept."""
        found: R = self.task(store.reference, **self._handed(*args, **kwargs))
        return found

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Where the result for these arguments is kept; None: nowhere."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if self._own_key:
            return self._own_key(**bound.arguments)
        if not self._rooms:
            return None
        asked = {name: self._parts.get(name, _key_part)(value) for name, value in bound.arguments.items()}
        content = next((found for value in bound.arguments.values() if (found := _content(value))), None)
        return keys.key(self.name, *self._rooms, content=content, asked=asked)

    def known(self, store: ArtifactStore, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether the result for these arguments lies in the store."""
        key = self.key(*args, **kwargs)
        return key is not None and keys.known(store, key)

    def submit(self, store: ArtifactStore, refresh: bool, *args: P.args, **kwargs: P.kwargs) -> PrefectFuture[R]:
        """Begin it, unless its result is kept in the store, and keep the result. `refresh`: begin it all the same."""
        key = self.key(*args, **kwargs)
        begun = self.task
        if key is not None:
            if not refresh:
                keys.known(store, key)  # a torn record goes
            begun = begun.with_options(
                cache_policy=CacheKeyFnPolicy(cache_key_fn=lambda _context, _parameters: key),
                result_storage=result_storage(store.reference),
                result_serializer=SERIALIZER,
                persist_result=True,
                refresh_cache=refresh,
            )
        future: PrefectFuture[R] = begun.submit(store.reference, **self._handed(*args, **kwargs))
        return future

    def _handed(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """The arguments by name, so marked that Prefect neither looks through them for futures, twice, nor copies them.

        For the result of an hour that takes longer than the task. Ours hold none.
        """
        return {name: quote(value) for name, value in self._signature.bind(*args, **kwargs).arguments.items()}


def stage(
    *rooms: str,
    parts: Mapping[str, Part] | None = None,
    key: Callable[..., str | None] | None = None,
    failure: type[EcgError] = EcgError,
    tags: Sequence[str] = (),
    task_name: str | None = None,
    within: str | None = None,
) -> Callable[[Callable[Concatenate[Work, P], R]], Stage[P, R]]:
    """Make a function a stage of its own name, which is one of `progress.WEIGHTS`. Its first parameter is its `Work`.

    Args:
        rooms: of `ecg_audio`, whose code makes the result; none: it is made each time.
        parts: what of a parameter decides the result, where that is not all of it: a model's name stands for its
            fingerprint, `nothing` for a parameter that decides nothing.
        key: makes the whole key of the arguments instead; None as its answer: the result is not cached.
        failure: see `Stage`.
        tags: of the task, for limits of how many run at once.
        task_name: what Prefect calls it, where that is not the function's name.
        within: the stage that it is in progress and records, where it is not one of its own.
    """

    def made(function: Callable[Concatenate[Work, P], R]) -> Stage[P, R]:
        return Stage(
            function,
            rooms=rooms,
            parts=parts or {},
            key=key,
            failure=failure,
            tags=tags,
            task_name=task_name,
            within=within,
        )

    return made


def _key_part(value: object) -> object:
    if isinstance(value, Recording):
        return [value.key, *(track.key for track in value.tracks)]  # what is listened to
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _content(value: object) -> str | None:
    if isinstance(value, Recording):
        return value.key
    return value.sha256 if isinstance(value, Media) else None
