"""What a job's process says: lines that tell the job, and one document for CloudWatch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecg_audio.errors import TranscriptionFailed
from flows.analyze import analyze
from tests.flows.test_callbacks import Ask
from tests.support.stub_engine import StubEngine

PROGRAM = """
import sys
from pathlib import Path
from ecg_audio.speech import engine
from tests.support.stub_engine import StubEngine
made = StubEngine(Path(sys.argv[1]), failing={"diarize": ValueError("at https://kim:hunter2@host/x")})
engine.shared = lambda _models: made
from flows.analyze import analyze
from ecg_audio.request import AnalysisRequest
analyze(AnalysisRequest.model_validate_json(sys.argv[2]))
"""


@pytest.mark.slow
def test_every_line_of_a_jobs_process_is_json_and_tells_the_job(prefect_server: str, ask: Ask, tmp_path: Path) -> None:
    """Flow, tasks, Prefect's own lines and the domain's; without secrets; the run's lines in Prefect as well."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
        "ECG_LOG_FORMAT": "json",
        "ECG_CLOUDWATCH": "emf",
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "calls.txt"), ask(job_id="job-7").model_dump_json()],
        env=environment, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "hunter2" not in ran.stderr and "***@host" in ran.stderr
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.stderr.splitlines()]
    [figures] = [line for line in lines if "_aws" in line]
    assert figures["ErrorRate"] == 0 and figures["ProcessingTime"] > 0 and 0 < figures["MemoryUsage"] < 100
    assert figures["TranscribeTime"] > 0 and "GPUUtilization" not in figures
    assert {line["job_id"] for line in lines} == {"job-7"} and len({line["run_id"] for line in lines}) == 1
    assert {"prefect.flow_runs", "prefect.task_runs"} <= {line.get("logger") for line in lines}
    wanted = {"logs": {"flow_run_id": {"any_": [figures["run_id"]]}}}
    shown = httpx.post(f"{prefect_server}/logs/filter", json=wanted).json()
    assert shown and "hunter2" not in json.dumps(shown)


def test_a_job_that_fails_is_a_figure_too(
    prefect_server: str, stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """ErrorRate 100; lines of the domain reach Prefect as lines of the run."""
    monkeypatch.setenv("ECG_CLOUDWATCH", "emf")
    stub.failing["transcribe"] = TranscriptionFailed("the decoder broke")
    with pytest.raises(TranscriptionFailed):
        analyze(ask())
    [line] = [line for line in capfd.readouterr().err.splitlines() if "_aws" in line]
    assert json.loads(line)["ErrorRate"] == 100 and json.loads(line)["job_id"] == "job-1"
