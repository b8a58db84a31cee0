"""How a stage's result is kept under its key (`tasks.keys`), and found again by Prefect."""

from typing import ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import CacheKeyFnPolicy

from blocks.storage import ArtifactStore, result_storage
from tasks.keys import code_version, key, known

__all__ = ["code_version", "kept", "key", "known"]

P = ParamSpec("P")
R = TypeVar("R")

SERIALIZER = "compressed/json"


def kept(task: Task[P, R], store: ArtifactStore, cache_key: str | None, *, refresh: bool = False) -> Task[P, R]:
    """The task with its result kept in the store under a key; None: nothing is kept."""
    if cache_key is None:
        return task
    if not refresh:
        known(store, cache_key)
    return task.with_options(
        cache_policy=CacheKeyFnPolicy(cache_key_fn=lambda _context, _parameters: cache_key),
        result_storage=result_storage(store.reference),
        result_serializer=SERIALIZER,
        persist_result=True,
        refresh_cache=refresh,
    )
