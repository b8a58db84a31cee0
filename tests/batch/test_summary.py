"""How a batch ended, once one of its jobs is to be forgotten."""

from pathlib import Path

from blocks.folder import FolderStore
from blocks.forgetting import forget
from ecg_audio import layout
from ecg_audio.batch.summary import Ended, Summary


def test_a_forgotten_job_is_a_count_in_its_batch(tmp_path: Path) -> None:
    """Its row says how it ended and nothing of what it was; the other rows and the counts stay as they are."""
    rows = (
        Ended(where="list.csv:2", source="/secret/talk.mp4", job_id="one", status="completed", run_id="run-1"),
        Ended(where="list.csv:3", source="/other.mp4", job_id="two", status="failed", error_code="NO_AUDIO"),
    )
    summary = Summary(batch_id="b", run_id="r", created_at="2026-01-01T00:00:00Z", min_success=0.9, rows=rows)
    store = FolderStore(tmp_path)
    store.write(layout.batch("b"), summary.model_dump_json().encode())
    forget(store, "one")
    told = store.read(layout.batch("b")).decode()
    assert not any(trace in told for trace in ("secret", '"one"', "run-1", "list.csv:2"))
    assert all(kept in told for kept in ("/other.mp4", '"two"', "NO_AUDIO", '"completed": 1', '"failed": 1'))
