"""A job whose model server dies under it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecg_audio.request import AnalysisRequest
from ecg_audio.speech import engine as engines
from flows.analyze import analyze
from tasks.diarize import diarize
from tasks.transcribe import transcribe
from tests.serving.test_server import connected, health, start


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_the_job_completes_once_the_server_is_back(
    ask: Callable[..., AnalysisRequest], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 in the middle of transcription: the tasks try again, meet the restarted server, and the job completes."""
    servers = [start(place)]
    client = connected(place)
    monkeypatch.setattr(engines, "shared", lambda _models: client)
    for task in (transcribe.task, diarize.task):
        monkeypatch.setattr(task, "retry_delay_seconds", [0.1])

    def supervise() -> None:
        while health(place)["queue"] == 0:
            time.sleep(0.02)
        servers[0].kill()
        servers[0].wait()
        servers.append(start(place))

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    ended = analyze(ask())
    supervisor.join()
    assert ended.status == "completed"
    assert len(servers) == 2
    servers[1].terminate()
    assert servers[1].wait(30) == 0
