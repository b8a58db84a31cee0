"""A stage of a job: a Prefect task that knows its name, when it is tried again, and under which key its result is kept.

`@stage` says once what decides a stage's result: the code of some rooms of `ecg_audio`, and the stage's own parameters.
A result is found again by Prefect where all of these are the same.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.futures import PrefectFuture
from pydantic import BaseModel

from blocks.storage import ArtifactStore, result_storage
from ecg_audio.analysis import Media, Recording
from ecg_audio.errors import EcgError
from ecg_audio.progress import WEIGHTS
from tasks import keys
from tasks.quoting import quoted
from tasks.retrying import RETRYING

P = ParamSpec("P")
R = TypeVar("R")

SERIALIZER = "compressed/json"
Part = Callable[[Any], object]
"""What of a parameter decides the result, as a JSON value."""


def nothing(_value: object) -> None:
    """Of a parameter that decides nothing."""


class Stage(Generic[P, R]):
    """See `stage`.

    Attributes:
        name: as in progress, in records and in Prefect.
        failure: the class that names an unforeseen exception of a stage that a job can do without.
    """

    def __init__(
        self,
        function: Callable[P, R],
        name: str,
        *,
        rooms: Sequence[str],
        parts: Mapping[str, Part],
        key: Callable[..., str | None] | None,
        failure: type[EcgError],
        tags: Sequence[str],
    ) -> None:
        assert name in WEIGHTS, f"{name} has no weight in a job's progress"
        self.name = name
        self.failure = failure
        self.task = task(name=name, tags=tags, **RETRYING)(function)
        self._rooms = rooms
        self._parts = {"store": nothing, **parts}
        self._own_key = key
        self._signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here, as a task of the flow that calls; nothing is kept."""
        marked = self._marked(*args, **kwargs)
        found: R = self.task(*marked.args, **marked.kwargs)
        return found

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Where the result for these arguments is kept; None: nowhere."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if self._own_key:
            return self._own_key(**bound.arguments)
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
        marked = self._marked(*args, **kwargs)
        begun: PrefectFuture[R]
        if key is None:
            begun = self.task.submit(*marked.args, **marked.kwargs)
            return begun
        if not refresh:
            keys.known(store, key)  # a torn record goes
        kept = self.task.with_options(
            cache_policy=CacheKeyFnPolicy(cache_key_fn=lambda _context, _parameters: key),
            result_storage=result_storage(store.reference),
            result_serializer=SERIALIZER,
            persist_result=True,
            refresh_cache=refresh,
        )
        begun = kept.submit(*marked.args, **marked.kwargs)
        return begun

    def _marked(self, *args: P.args, **kwargs: P.kwargs) -> inspect.BoundArguments:
        bound = self._signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            bound.arguments[name] = quoted(value)
        return bound


def stage(
    name: str,
    *rooms: str,
    parts: Mapping[str, Part] | None = None,
    key: Callable[..., str | None] | None = None,
    failure: type[EcgError] = EcgError,
    tags: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Stage[P, R]]:
    """Make a function a stage.

    Args:
        name: one of `progress.WEIGHTS`.
        rooms: of `ecg_audio`, whose code makes the result.
        parts: what of a parameter decides the result, where that is not all of it: a model's name stands for its
            fingerprint, `nothing` for a parameter that decides nothing. The store never does.
        key: makes the whole key of the arguments instead; None as its answer: the result is not kept.
        failure: see `Stage`.
        tags: of the task, for limits of how many run at once.
    """

    def made(function: Callable[P, R]) -> Stage[P, R]:
        return Stage(function, name, rooms=rooms, parts=parts or {}, key=key, failure=failure, tags=tags)

    return made


def not_kept(**_asked: object) -> None:
    """The key of a stage whose result is made each time."""


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
