import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.folder import FolderStore
from flows.sweeping import sweep_store


def test_the_sweep_keeps_to_the_ages(tmp_path: Path) -> None:
    """Cached records older than 30 days go with the reconciler's sweep; results stay."""
    store, now = FolderStore(tmp_path), datetime.now(UTC)
    record = f"cache/{'a' * 64}/transcribe-{'0' * 32}"
    for key in (record, "results/a/manifest.json"):
        store.write(key, b"{}")
        then = (now - timedelta(days=31)).timestamp()
        os.utime(store.path(key), (then, then))
    assert sweep_store(store, [], now) == 1
    assert store.keys("") == ["results/a/manifest.json"]
