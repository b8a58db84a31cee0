"""The examples run, on what we make."""

import importlib.util
import io
import shutil
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from ecg_audio import layout
from ecg_audio.delivery import signing
from ecg_audio.results import tables
from ecg_audio.speech.engine import LocalEngine
from tests.conftest import REPOSITORY
from tests.support import models
from tests.support.commands import Ecg
from tests.support.results import factory
from tests.support.stub_engine import StubEngine

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1leGFtcGxlLTE="


def example(name: str) -> ModuleType:
    """A program of `examples/`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / f"examples/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_domain_is_called_without_prefect(tiny_engine: LocalEngine) -> None:
    """A media file becomes words whose times lie in it, in order."""
    found = example("domain").transcribed(models.CONVERSATION, tiny_engine)
    starts = [word.start_s for utterance in found.utterances for word in utterance.words if word.start_s is not None]
    assert starts and starts == sorted(starts) and starts[0] >= 0.0


def test_a_job_is_handed_in_by_prefects_api(prefect_server: str) -> None:
    """The same job id is the same run, which waits for a worker."""
    from prefect.client.orchestration import get_client
    from prefect.utilities.callables import parameter_schema

    from flows.analyze import analyze

    with get_client(sync_client=True) as client:
        schema = parameter_schema(analyze).model_dump_for_openapi()
        client.create_deployment(client.create_flow(analyze), "examples", parameter_openapi_schema=schema)
    job, job_id = example("prefect_job"), f"job-{uuid.uuid4()}"
    with httpx.Client(base_url=prefect_server, timeout=30.0) as prefect:
        run_id = job.hand_in(prefect, "/data/talk.mp4", job_id, "analyze/examples")
        assert job.hand_in(prefect, "/data/talk.mp4", job_id, "analyze/examples") == run_id
        assert job.state(prefect, run_id) == "SCHEDULED"


def test_a_receiver_believes_what_is_signed() -> None:
    """A genuine callback is heard once, however often it comes; any other gets a 401 and is not heard."""
    receiver = example("callback_receiver")
    heard: list[str] = []
    body = b'{"job_id": "job-1", "status": "completed", "progress": 100}'
    headers = signing.headers(body, "msg_1", datetime.now(UTC), SECRET)
    with receiver.server(0, SECRET, lambda told: heard.append(told["job_id"])) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}{receiver.PATH}"
        codes = [httpx.post(address, content=body, headers=headers).status_code for _ in range(2)]
        forged = httpx.post(address, content=body + b" ", headers=headers).status_code
        server.shutdown()
    assert codes == [200, 200] and forged == 401 and heard == ["job-1"]


@pytest.mark.usefixtures("stub", "prefect_server")
def test_a_list_is_a_batch(ecg: Ecg, talk: Path, tmp_path: Path, stub: StubEngine) -> None:
    """What the example writes is what `ecg batch` reads; the folder names the language."""
    (tmp_path / "videos/en").mkdir(parents=True)
    shutil.copy(talk, tmp_path / "videos/en/first.mp4")
    shutil.copy(talk, tmp_path / "videos/second.mp4")
    written = io.StringIO()
    assert example("batch").write(tmp_path / "videos", written) == 2
    assert "first.mp4,first,en" in written.getvalue() and "second.mp4,second,auto" in written.getvalue()
    (tmp_path / "list.csv").write_text(written.getvalue())
    ended = ecg("batch", str(tmp_path / "list.csv"), "--out", str(tmp_path / "store"))
    assert ended.code == 0, ended.err
    assert all((tmp_path / "store" / layout.manifest(job_id)).is_file() for job_id in ("first", "second"))


def test_tables_are_asked_with_duckdb_alone(tmp_path: Path) -> None:
    """A published table answers: as many words as the result has."""
    analysis = factory.analysis()
    made = tables.write_tables(analysis, None, tmp_path)
    target = tmp_path / "store" / layout.table("words", analysis.created_at[:10], analysis.job_id)
    target.parent.mkdir(parents=True)
    shutil.copy(made["words"], target)
    found = example("duckdb_tables").voices(str(tmp_path / "store"))
    assert sum(words for _, words, _, _ in found) == len(analysis.words)
