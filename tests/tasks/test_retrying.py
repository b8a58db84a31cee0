import importlib
import pkgutil
from pathlib import Path

import pytest
from prefect import Task
from prefect.cache_policies import NO_CACHE

import tasks
from blocks.folder import FolderStore
from ecg_audio.errors import PublishFailed, ResultNotFound, StoreRefused
from tasks import retrying
from tasks.retrying import RETRYING, can_help, with_retries
from tasks.stage import Stage


class Away(FolderStore):
    """A store that fails so often."""

    def __init__(self, folder: Path, failures: list[Exception]) -> None:
        super().__init__(folder)
        self.failures = failures

    def write(self, key: str, content: bytes) -> None:
        """Fail, or write."""
        if self.failures:
            raise self.failures.pop(0)
        super().write(key, content)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "DELAYS_S", [0.0, 0.0])


def test_every_task_is_tried_again_where_that_can_help() -> None:
    """All of them read or write a store, or ask somebody who may be away."""
    modules = [importlib.import_module(f"tasks.{found.name}") for found in pkgutil.iter_modules(tasks.__path__)]
    things = [thing for module in modules for thing in vars(module).values()]
    found = [thing.task if isinstance(thing, Stage) else thing for thing in things]
    known = {thing.name: thing for thing in found if isinstance(thing, Task)}
    assert {"assemble", "download", "publish", "notify"} <= set(known)
    for task in known.values():
        assert task.retries == len(RETRYING["retry_delay_seconds"]) and task.retry_condition_fn is can_help, task.name
        assert task.cache_policy == NO_CACHE, f"Prefect digests all arguments of {task.name}"


def test_a_store_that_comes_back_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was asked meanwhile happens, the log says why it took so long, and the store is the same to look at."""
    store = Away(tmp_path, [PublishFailed("away"), PublishFailed("away")])
    with_retries(store).write("key", b"content")
    assert caplog.messages == ["away; asked again in 0 s"] * 2
    assert with_retries(store).read("key") == b"content" and with_retries(store).uri("key") == store.uri("key")


def test_a_store_that_stays_away_is_asked_so_often(tmp_path: Path) -> None:
    """After the last delay its own failure comes through."""
    store = Away(tmp_path, [PublishFailed(f"failure {number}") for number in range(5)])
    with pytest.raises(PublishFailed, match="failure 2"):
        with_retries(store).write("key", b"content")
    assert len(store.failures) == 2


@pytest.mark.parametrize("final", [StoreRefused("no such bucket"), ResultNotFound("nothing there")])
def test_what_cannot_help_is_not_tried(tmp_path: Path, final: Exception) -> None:
    """A refusal, or an absence, is an answer."""
    store = Away(tmp_path, [final, final])
    with pytest.raises(type(final)):
        with_retries(store).write("key", b"content")
    assert len(store.failures) == 1
