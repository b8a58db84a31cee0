"""What dead runs and dead processes leave behind, removed once nobody can come back for it."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks import retention
from blocks.folder import INCOMING
from blocks.published import published
from blocks.storage import ArtifactStore, FolderStore
from ecg_audio import claim, layout
from ecg_audio.results.outcome import TABLES
from flows.runs import Run

ABANDONED_S = 3600.0
"""A run that was taken for dead may still be at work behind a broken network; not after so long."""


def sweep_store(store: ArtifactStore, dead: Iterable[Run], now: datetime) -> int:
    """Remove torn publications, half-written files, claims that ended, and what was kept long enough.

    Args:
        store: the artifact store.
        dead: runs that ended without success, each the newest of its job.
        now: the present, with its zone.

    Returns:
        how many objects went.
    """
    gone = claim.sweep(store, ABANDONED_S) + sum(retention.sweep(store, now).objects.values())
    if isinstance(store, FolderStore):
        gone += _half_written(store.folder, now)
    for run in dead:
        if run.ended and run.ended < now - timedelta(seconds=ABANDONED_S):
            for key in torn(store, run):
                store.delete(key)
                gone += 1
    return gone


def _half_written(folder: Path, now: datetime) -> int:
    gone = 0
    for below, _, names in os.walk(folder):
        for path in (Path(below, name) for name in names if name.startswith(INCOMING)):
            if path.stat().st_mtime < now.timestamp() - ABANDONED_S:
                path.unlink(missing_ok=True)
                gone += 1
    return gone


def torn(store: ArtifactStore, run: Run) -> list[str]:
    """The objects that a run uploaded and that its job's manifest does not name."""
    assert run.request and run.ended
    known = published(store, run.request.job_id)
    named = {output.key for output in known.outputs.values()} if known else set()
    first, last = (moment.astimezone(UTC).date() for moment in (run.created, run.ended))
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    tables = [layout.table(table, str(day), run.request.job_id) for table in TABLES for day in days]
    written = store.keys(layout.run(str(run.run_id))) + [key for key in tables if store.exists(key)]
    return [key for key in written if key not in named]
