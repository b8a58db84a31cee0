"""A finished job tidies the store's tables, and ends as it ended whatever becomes of that."""

from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from ecg_audio.request import AnalysisRequest
from ecg_audio.results import compaction
from ecg_audio.results.outcome import Outcome
from flows.compacting import compacting
from tests.support.results import corpus, factory


@compacting
def ended(request: AnalysisRequest) -> Outcome:
    """A job that has ended."""
    return Outcome(job_id=request.job_id, status="completed")


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnalysisRequest:
    """A job in a store with two recordings of one day, where one may have files of its own."""
    day = [factory.analysis(12, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in (1, 2)]
    corpus.publish(tmp_path, day)
    monkeypatch.setenv("ECG_COMPACT_AFTER", "1")
    monkeypatch.setattr(compaction, "SETTLED", -compaction.SETTLED)
    return AnalysisRequest(source="talk.wav", job_id="talk", store=str(tmp_path))


def test_a_finished_job_compacts_the_store(request_: AnalysisRequest) -> None:
    """One file a day and table is left."""
    with disable_run_logger():
        assert ended(request_).status == "completed"
    assert len(list(Path(request_.store or "").glob("features/words/*/*.parquet"))) == 1


@pytest.mark.parametrize("broken", [True, False])
def test_what_befalls_it_is_no_fault_of_the_job(request_: AnalysisRequest, broken: bool) -> None:
    """A broken file, or a setting that cannot be used: the job has ended as it has."""
    store = Path(request_.store or "")
    if broken:
        next(store.glob("features/words/*/*.parquet")).write_bytes(b"torn")
    else:
        (store / "deliveries").write_text("no folder")
    with disable_run_logger():
        assert ended(request_).status == "completed"
    assert len(list(store.glob("features/words/*/*.parquet"))) == 2
