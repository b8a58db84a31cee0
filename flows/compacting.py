"""The small files that jobs leave in a store's tables, made one a day as the store grows."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar, cast

from prefect.logging import get_run_logger

from blocks.storage import open_store
from ecg_audio.errors import EcgError
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome
from ecg_audio.settings import Files

Run = TypeVar("Run", bound=Callable[..., Outcome])


def compacting(run: Run) -> Run:
    """Compact the store's tables, where many small files lie in them, after a job has ended and all have been told.

    The job's end is not changed by what befalls that.

    Args:
        run: its first parameter is `request`, an `AnalysisRequest`.
    """

    @wraps(run)
    def running(request: AnalysisRequest, *arguments: Any, **options: Any) -> Outcome:
        ended = run(request, *arguments, **options)
        log = get_run_logger()
        try:
            keep_few(request.store, log.info)
        except Exception as error:  # the job is done, and its result is published
            log.warning("the tables' small files stay: %s", error, exc_info=not isinstance(error, EcgError))
        return ended

    return cast(Run, running)


def keep_few(store: str | None, say: Callable[..., None]) -> None:
    """Compact a store's tables where more recordings than the setting says have files of their own.

    Raises:
        InvalidRequest: a newer version wrote some of the files, or the setting cannot be used.
        PublishFailed: the store does not answer.
    """
    from ecg_audio.results import compaction

    for done in compaction.keep_few(open_store(store), Files.read().compact_after, now=datetime.now(UTC)):
        if not done.left:
            say("%s %s: %d files are one", done.table, done.day, done.files)
