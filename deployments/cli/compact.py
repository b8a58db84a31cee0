"""`ecg compact`: the small files of a store's tables, one a day."""

from datetime import UTC, datetime, timedelta

from blocks.storage import open_store
from deployments.terminal import out
from ecg_audio.results import compaction

MEGABYTE = 1e6


def compact(store: str | None, minutes: float) -> None:
    """Compact a store and say what was done.

    Args:
        store: reference of the store; None: the default.
        minutes: files written later than so long ago are left alone.

    Raises:
        InvalidRequest: a newer version wrote some of the files.
        PublishFailed: the store does not answer.
    """
    artifacts = open_store(store)
    files, before, after, left = 0, 0, 0, 0
    for done in compaction.compact(artifacts, before=datetime.now(UTC) - timedelta(minutes=minutes)):
        if done.left:
            left += 1
            out.print(f"{done.table} {done.day} is left as it was: {done.left}", markup=False, highlight=False)
            continue
        files, before, after = files + done.files, before + done.before_bytes, after + done.after_bytes
        sizes = f"{done.before_bytes / MEGABYTE:.2f} MB to {done.after_bytes / MEGABYTE:.2f} MB"
        out.print(f"{done.table} {done.day}: {done.files} files are one, {sizes}", markup=False, highlight=False)
    if files:
        out.print(f"{files} files, {before / MEGABYTE:.1f} MB to {after / MEGABYTE:.1f} MB", highlight=False)
    elif not left:
        out.print("nothing to compact", highlight=False)
    if left:
        out.print("run it again for what was left", highlight=False)
