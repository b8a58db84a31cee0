"""How far a batch is, for whoever watches it: an artifact in Prefect, and listeners in this process."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from ecg_audio.batch.summary import Ended, Summary

UPDATE_EVERY_S = 2.0
MOST_SHOWN = 2000

Watcher = Callable[[Ended, int, int], None]
"""Hears of each row that ended, how many have ended, and of how many."""

_watchers: ContextVar[tuple[Watcher, ...]] = ContextVar("ecg_batch_watchers", default=())


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Let `watcher` hear every batch that is begun from here."""
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


class Board:
    """One batch's ends, counted and shown, at most once in `UPDATE_EVERY_S`.

    Args:
        batch_id: the batch.
        total: its number of rows.
    """

    def __init__(self, batch_id: str, total: int) -> None:
        self._batch_id, self._total = batch_id, total
        self._counts: Counter[str] = Counter()
        self._shown_at = time.monotonic()
        self._warned = False
        artifact = create_progress_artifact(0.0, key="batch-progress", description=self._text())
        assert isinstance(artifact, UUID)
        self._artifact = artifact

    def count(self, end: Ended) -> None:
        """Take a row's end."""
        self._counts[end.status] += 1
        done = self._counts.total()
        for watcher in _watchers.get():
            watcher(end, done, self._total)
        if end.error_message:
            get_run_logger().warning("%s (%s): %s %s", end.where, end.source, end.error_code, end.error_message)
        if done == self._total or time.monotonic() - self._shown_at > UPDATE_EVERY_S:
            self._show(100.0 * done / self._total)

    def _show(self, percent: float) -> None:
        self._shown_at = time.monotonic()
        try:
            update_progress_artifact(self._artifact, percent, description=self._text())
        except Exception as error:  # noqa: BLE001 - said once in the log; the batch goes on without its bar
            if not self._warned:
                get_run_logger().warning("progress is not shown: %s", error)
            self._warned = True

    def _text(self) -> str:
        counted = ", ".join(f"{number} {status}" for status, number in sorted(self._counts.items()))
        return f"Batch {self._batch_id}: {self._counts.total()} of {self._total} rows done. {counted}"


def show_summary(summary: Summary) -> None:
    """The summary as a table in Prefect; what did not succeed comes first, and a very long table is cut."""
    rows = sorted(summary.rows, key=lambda row: not row.error_code)[:MOST_SHOWN]
    cut = f" The first {MOST_SHOWN} of them:" if len(summary.rows) > MOST_SHOWN else ""
    table = [
        {
            "row": row.where,
            "source": row.source,
            "job": row.job_id or "",
            "status": row.status,
            "error": f"{row.error_code}: {row.error_message}" if row.error_code else "",
        }
        for row in rows
    ]
    create_table_artifact(table, key="batch-summary", description=f"{summary.sentence}.{cut}")
