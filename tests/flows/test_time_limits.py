"""Jobs whose work hangs: they end by name, within their limits, and hold nobody up."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from ecg_audio import time_limit
from ecg_audio.errors import EcgError, MeasurementFailed, ProcessingTimeout
from ecg_audio.progress import Progress
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome
from ecg_audio.speech import engine
from flows import stages
from flows.analyze import analyze
from flows.callbacks import failed
from tests.support.hanging_engine import HangingEngine
from tests.support.stub_engine import StubEngine

pytestmark = pytest.mark.usefixtures("prefect_server")

Ask = Callable[..., AnalysisRequest]


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingEngine]:
    """The engine of every job in this test; it hangs until a file `free` is made."""
    made = HangingEngine(tmp_path, monkeypatch)
    monkeypatch.setattr(engine, "shared", lambda _models: made)
    yield made
    made.close()


def short(monkeypatch: pytest.MonkeyPatch, least_s: float) -> None:
    """Let a stage take so long, however long its recording is."""
    monkeypatch.setenv("ECG_TIME_LIMIT_LEAST_S", str(least_s))
    for name in ("ECG_TIME_LIMIT_PER_S", "ECG_TIME_LIMIT_GPU_PER_S"):
        monkeypatch.setenv(name, "0")


def test_a_hung_model_ends_the_job_and_the_next_one_works(
    hanging: HangingEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It fails with PROCESSING_TIMEOUT on its first try, the process is gone, and a fresh one does the next job."""
    with monkeypatch.context() as limited:
        short(limited, 5.0)
        with pytest.raises(ProcessingTimeout, match="the speech models took longer than 5 s") as raised:
            analyze(ask())
    assert not hanging.process.child.running
    assert failed("job-1", raised.value).error_code == "PROCESSING_TIMEOUT"
    (tmp_path / "free").touch()
    assert analyze(ask(job_id="job-2")).status == "completed"


def test_a_job_has_an_end_whatever_its_stages_may_take(
    hanging: HangingEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs is ended when the whole job's time is over, and the job fails by the same name."""
    monkeypatch.setattr(time_limit, "job_s", lambda _duration_s: 5.0)
    with pytest.raises(ProcessingTimeout):
        analyze(ask())
    assert not hanging.process.child.running


def test_a_measurement_that_takes_too_long_is_missing(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in the job's own process, and ends itself between two blocks of sound; the words are delivered."""
    short(monkeypatch, 1e-6)
    monkeypatch.setattr(time_limit, "job_s", lambda _duration_s: 3600.0)
    ended = analyze(ask())
    assert (ended.status, ended.words) == ("partial", 4)
    assert {stage.name: stage.error_code for stage in ended.stages}["measure"] == "PROCESSING_TIMEOUT"


def test_a_stage_that_waits_for_its_turn_uses_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's time passes while a stage of it runs; that others hold the place is not its fault."""
    monkeypatch.setattr(stages, "STEP_S", 0.05)
    begun = stages.Stages(Progress(("align", "transcribe")), Mock())
    deadline = begun.progress.deadline

    def later(callback: Callable[[object], None]) -> None:
        threading.Timer(0.5, callback, [None]).start()

    waiting = stages.StageFuture(begun, "align", EcgError, Mock(add_done_callback=later))
    deadline.begin(0.2)
    waiting.result()
    deadline.begin(0.2)
    with begun.progress.stage("transcribe"), pytest.raises(ProcessingTimeout):
        waiting.result()


def test_a_stage_that_a_job_can_do_without_is_missing_when_it_hangs(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own limit ends the stage alone: the rest is delivered, and says why."""
    stub.failing["diarize"] = ProcessingTimeout("the speech models took longer than 5 s")
    ended: Outcome = analyze(ask())
    assert ended.status == "partial"
    assert {stage.name: stage.error_code for stage in ended.stages}["diarize"] == "PROCESSING_TIMEOUT"


def test_a_job_whose_time_is_over_is_not_delivered_in_part(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a stage fails after the whole job's time, the job has failed, also by a stage that it could do without."""
    monkeypatch.setattr(time_limit, "job_s", lambda _duration_s: 0.0)
    stub.failing["diarize"] = MeasurementFailed("it broke")
    with pytest.raises(ProcessingTimeout, match="the job took longer"):
        analyze(ask())
