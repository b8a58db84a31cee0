"""The model server and its client: order, bounds, and sides that vanish."""

import importlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from ecg_audio.analysis import Span, VoiceVectors
from ecg_audio.compute import gpu
from ecg_audio.errors import (
    EngineUnavailable,
    GpuMemoryExhausted,
    InsufficientResources,
    InvalidRequest,
    LanguageUnsupported,
    OptionUnsupported,
    ProcessingTimeout,
    WorkerLost,
)
from ecg_audio.progress import Progress, Taken, tracked
from ecg_audio.request import UNGUIDED, Guidance, SpeakerCount
from ecg_audio.serving.client import RemoteEngine
from ecg_audio.serving.connection import call, connect
from ecg_audio.serving.server import ModelServer
from ecg_audio.speech import engine as engines
from ecg_audio.speech.engine import LocalEngine
from tests.support import models
from tests.support.hanging_engine import HangingEngine
from tests.support.jobs import voiced
from tests.support.stub_models import StubModels
from tests.support.waiting import until

Serve = Callable[..., ModelServer]
analyze = importlib.import_module("flows.analyze")


@pytest.fixture
def serve(place: Path) -> Iterator[Serve]:
    """Serve an engine in this process."""
    servers: list[ModelServer] = []

    def start(engine: object, **options: float) -> ModelServer:
        server = ModelServer(engine, place, **options)  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
        server.classifiers.stop()


@pytest.fixture
def stub() -> StubModels:
    """An engine without models."""
    return StubModels()


def told_by(server: ModelServer, path: str) -> httpx.Response:
    """What a server answers to plain HTTP, as operators speak it."""
    by_socket = httpx.HTTPTransport(uds=str(server.path))
    with httpx.Client(transport=by_socket, base_url="http://models", timeout=30.0) as client:
        return client.get(path)


def handed_in(server: ModelServer, recording: str) -> Connection:
    """The connection on which a server has been asked to transcribe, and has said something."""
    pipe = connect(server.address)
    pipe.send(("stage", ("auto", "transcribe", Path(recording), "auto", UNGUIDED)))
    assert pipe.poll(10)
    return pipe


def test_every_stage_goes_over_the_wire_and_comes_back(serve: Serve, stub: StubModels) -> None:
    """Language, transcript and speaker counts arrive; results and progress return."""
    client = RemoteEngine(serve(stub).address)
    reports: list[float] = []
    heard = client.transcribe(Path("0.1.flac"), language="ko", report=reports.append)
    assert (heard.model, heard.language) == ("0.1", "ko")
    assert reports == [0.5]
    guidance = Guidance("Dr. Kim", "Ångström", translate=True)
    client.transcribe(Path("0.1.flac"), guidance=guidance)
    assert stub.guidance == [UNGUIDED, guidance]
    assert client.align(Path("0.1.flac"), heard) == heard
    assert client.diarize(Path("0.1.flac"), speakers=SpeakerCount(exact=3)).model == "3 speakers"
    span = Span(start_s=1.0, end_s=2.0)
    (remark,) = client.listen(Path("0.1.flac"), spans=(span,), language="ko").remarks
    assert (remark.start_s, remark.end_s, remark.text) == (1.0, 2.0, "ko")
    voices = client.embed(Path("0.1.flac"), voices=((span, span), (span,)))
    assert voices == VoiceVectors(encoder="auto", vectors=((2.0,), (1.0,)))
    assert client.fingerprint("align") == {"stage": "align", "models": "auto"}
    with pytest.raises(LanguageUnsupported):
        client.check_language("xx")


def test_jobs_are_done_one_by_one_in_the_order_they_came(serve: Serve, stub: StubModels) -> None:
    """Two more while one works: all complete, first come first served."""
    server = serve(stub)
    with ThreadPoolExecutor() as pool:
        asked = []
        with stub.held():
            for number, name in enumerate(("0.3", "0.2", "0.1"), 1):
                asked.append(pool.submit(RemoteEngine(server.address).transcribe, Path(f"{name}.flac")))
                until(lambda number=number: server.slot.length == number)  # type: ignore[misc]
        assert [one.result().model for one in asked] == ["0.3", "0.2", "0.1"]
    assert stub.heard == ["0.3", "0.2", "0.1"]


def test_beyond_the_bound_the_answer_is_busy(serve: Serve, stub: StubModels) -> None:
    """One works, one waits, the third is told at once, with an error that is worth a retry."""
    server = serve(stub, most_waiting=1)
    with ThreadPoolExecutor() as pool, stub.held():
        asked = []
        for number, name in enumerate(("0.2", "0.1"), 1):
            asked.append(pool.submit(RemoteEngine(server.address).transcribe, Path(f"{name}.flac")))
            until(lambda number=number: server.slot.length == number)  # type: ignore[misc]
        with pytest.raises(InsufficientResources, match="busy: 2 jobs are ahead") as failure:
            RemoteEngine(server.address).transcribe(Path("0.1.flac"))
        assert failure.value.retryable
    assert all(one.result() for one in asked)


def test_a_failure_keeps_its_name_and_the_next_job_succeeds(serve: Serve, stub: StubModels) -> None:
    """GPU_MEMORY_ERROR arrives as itself, hint included; the server goes on."""
    stub.failures.append(GpuMemoryExhausted("recognition ran out of memory at every step", hint="Another card."))
    client = RemoteEngine(serve(stub).address)
    with pytest.raises(GpuMemoryExhausted, match="ran out of memory") as failure:
        client.transcribe(Path("0.1.flac"))
    assert failure.value.hint == "Another card."
    assert client.transcribe(Path("0.1.flac")).model == "0.1"


def test_work_ends_when_its_client_is_gone(serve: Serve, stub: StubModels) -> None:
    """A client that hangs up in the middle of a long job: the slot is free within 5 s, the models are warmed again."""
    server = serve(stub)
    with handed_in(server, "60.flac"):
        assert server.slot.length == 1
    left = time.monotonic()
    assert RemoteEngine(server.address).transcribe(Path("0.1.flac")).model == "0.1"
    assert time.monotonic() - left < 5
    assert stub.heard == ["0.1"]
    assert (stub.closed, stub.warmed) == (1, 1)
    assert server.jobs["transcribe", "vanished"] == 1


def test_the_slot_is_free_when_a_client_is_killed(serve: Serve, stub: StubModels) -> None:
    """Kill -9 of the process that asked, in the middle of its job: within 5 s the next one can work."""
    server = serve(stub)
    script = (
        "from pathlib import Path; from ecg_audio.serving.client import RemoteEngine; "
        f"RemoteEngine('{server.address}').transcribe(Path('60.flac'))"
    )
    client = subprocess.Popen([sys.executable, "-c", script])
    until(lambda: server.slot.length == 1, seconds=30)
    client.kill()
    client.wait()
    until(lambda: server.slot.length == 0)
    assert RemoteEngine(server.address).transcribe(Path("0.1.flac")).model == "0.1"
    assert stub.heard == ["0.1"]


def test_a_hung_model_is_ended_and_the_next_job_works(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says that it works until the limit, then PROCESSING_TIMEOUT; the process is gone, the slot free."""
    recording = tmp_path / "talk.wav"
    soundfile.write(recording, voiced(), 16_000)
    engine = HangingEngine(tmp_path, monkeypatch)
    server = serve(engine)
    client = RemoteEngine(server.address)
    with monkeypatch.context() as limited:
        limited.setenv("ECG_TIME_LIMIT_LEAST_S", "3")
        limited.setenv("ECG_TIME_LIMIT_PER_S", "0")
        with pytest.raises(ProcessingTimeout, match="the speech models took longer than 3 s"):
            client.transcribe(recording)
    assert not engine.process.child.running
    until(lambda: server.jobs["transcribe", "PROCESSING_TIMEOUT"] == 1)  # it counts after it has answered
    (tmp_path / "free").touch()
    assert client.transcribe(recording).language == "en"
    engine.close()


def test_a_job_whose_time_is_over_leaves_the_server(serve: Serve, stub: StubModels) -> None:
    """Its client hangs up, so that the work ends and the slot is free."""
    server = serve(stub)
    with tracked(Progress(("transcribe",))) as progress:
        progress.deadline.begin(0.5)
        with pytest.raises(ProcessingTimeout, match="the job took longer"):
            RemoteEngine(server.address).transcribe(Path("60.flac"))
    until(lambda: server.slot.length == 0, seconds=10)


def test_a_job_that_begins_while_the_server_is_begun_again_waits_for_it(
    serve: Serve, stub: StubModels, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens yet, then the server does; where none comes, that is the machine's fault and not the job's."""
    monkeypatch.setenv("ECG_MODEL_SERVER", str(place))
    with ThreadPoolExecutor() as pool:
        engine = pool.submit(analyze._engine, "auto")
        time.sleep(0.5)
        assert not engine.done()
        server = serve(stub)
        assert engine.result(timeout=30).model == RemoteEngine(server.address).model
    engines.shared.cache_clear()
    monkeypatch.setattr(analyze, "MODELS_AWAY_S", 0.1)
    monkeypatch.setenv("ECG_MODEL_SERVER", str(place.with_name("nobody")))
    with pytest.raises(WorkerLost, match="does not answer"):
        analyze._engine("auto")


def test_time_in_the_line_is_not_the_jobs(serve: Serve, stub: StubModels) -> None:
    """A short job behind a long one is done, though it waits longer than it may work."""
    server = serve(stub)
    with ThreadPoolExecutor() as pool, tracked(Progress(("transcribe",))) as progress:
        long = pool.submit(RemoteEngine(server.address).transcribe, Path("4.flac"))
        until(lambda: server.slot.length == 1)
        progress.deadline.begin(2.0)
        assert RemoteEngine(server.address).transcribe(Path("0.1.flac")).model == "0.1"
        assert long.done() and stub.heard == ["4", "0.1"]


def test_who_hangs_up_while_waiting_leaves_the_line(serve: Serve, stub: StubModels) -> None:
    """The one who works is not disturbed."""
    server = serve(stub)
    with ThreadPoolExecutor() as pool:
        working = pool.submit(RemoteEngine(server.address).transcribe, Path("3.flac"))
        until(lambda: server.slot.length == 1)
        handed_in(server, "1.flac").close()
        assert working.result().model == "3"
    until(lambda: server.slot.length == 0)
    assert stub.heard == ["3"]


def test_health_and_metrics_say_how_it_is(serve: Serve, stub: StubModels) -> None:
    """Queue, loads, memory and jobs by how they ended, for people and for Prometheus."""
    server = serve(stub)
    RemoteEngine(server.address).transcribe(Path("0.1.flac"))
    until(lambda: server.slot.length == 0)  # it counts, and leaves the line, after it has answered
    health = told_by(server, "/health").json()
    assert (health["status"], health["queue"], health["resident_bytes"]) == ("ready", 0, 1000)
    assert (health["loaded"], health["gpu"]) == (["recogniser"], None)
    metrics = told_by(server, "/metrics").text
    assert 'ecg_models_jobs_total{ended="completed",stage="transcribe"} 1.0' in metrics
    assert 'ecg_models_loads_total{kind="recogniser"} 1.0' in metrics


def test_health_and_metrics_tell_the_load_of_a_gpu(
    serve: Serve, stub: StubModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Utilisation and memory as the driver tells them; where there is no GPU, there are no such figures."""
    server = serve(stub)
    assert "ecg_gpu" not in told_by(server, "/metrics").text
    monkeypatch.setattr(gpu, "load", lambda: gpu.Load(5, 16, 87.0))
    told = {"memory_used_bytes": 5, "memory_total_bytes": 16, "utilisation_percent": 87.0}
    assert told_by(server, "/health").json()["gpu"] == told
    metrics = told_by(server, "/metrics").text
    for figure in ("memory_used_bytes 5.0", "memory_total_bytes 16.0", "utilisation_percent 87.0"):
        assert f"ecg_gpu_{figure}" in metrics


def test_what_a_stage_took_arrives_with_its_result(serve: Serve, stub: StubModels) -> None:
    """Through the server as in process, in the record of the stage that asked."""
    progress = Progress(("transcribe",))
    with progress.stage("transcribe"):
        RemoteEngine(serve(stub).address).transcribe(Path("0.1.flac"))
    assert progress.states()[0].taken == Taken(peak_resident_bytes=1000)


@pytest.mark.parametrize("asked", [("sing", ()), ("stage", ("auto",)), ("fingerprint", ())])
def test_calls_that_make_no_sense_are_refused(serve: Serve, stub: StubModels, asked: tuple[str, Any]) -> None:
    """By name; they take no slot."""
    server = serve(stub)
    with connect(server.address) as pipe:
        pipe.send(asked)
        kind, error = pipe.recv()
    assert kind == "error" and isinstance(error, InvalidRequest)
    assert not server.jobs


def test_a_model_process_that_grew_too_large_is_replaced(serve: Serve, stub: StubModels) -> None:
    """After the job, not in the middle."""
    server = serve(stub, most_resident_bytes=2000)
    client = RemoteEngine(server.address)
    client.transcribe(Path("0.1.flac"))
    assert server.recycled == 0
    stub.resident_bytes = 3000
    assert client.transcribe(Path("0.1.flac")).model == "0.1"
    until(lambda: (server.recycled, stub.closed, stub.warmed) == (1, 1, 1))


def start(place: Path) -> subprocess.Popen[bytes]:
    """A server in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.support.stub_models", str(place)])


def connected(place: Path) -> RemoteEngine:
    """The client of a server that has just been started, once it answers."""

    def answers() -> bool:
        try:
            return bool(health(place))
        except OSError:
            return False

    until(answers, seconds=60)
    return RemoteEngine(str(place))


def health(place: Path) -> dict[str, Any]:
    """What a server says of itself."""
    found: dict[str, Any] = call(str(place), "health")
    return found


def test_a_killed_server_is_a_lost_worker_and_a_restarted_one_is_waited_for(place: Path) -> None:
    """Kill -9 in the middle of a request is retryable; the retry finds the server that a supervisor started again."""
    server = start(place)
    client = connected(place)
    begun = threading.Event()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.transcribe, Path("60.flac"), report=lambda _fraction: begun.set())
        assert begun.wait(30)
        server.kill()
        server.wait()
        with pytest.raises(WorkerLost, match=r"model server (was lost|ended before)") as failure:
            asked.result()
        assert failure.value.retryable
        again = pool.submit(client.transcribe, Path("0.1.flac"))
        restarted = start(place)
        assert again.result().model == "0.1"
    restarted.terminate()
    assert restarted.wait(30) == 0


def test_a_server_that_is_asked_to_end_finishes_what_it_took_on(place: Path) -> None:
    """SIGTERM: the job in flight completes, new ones are refused, the process ends by itself."""
    server = start(place)
    client = connected(place)
    begun = threading.Event()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.transcribe, Path("2.flac"), report=lambda _fraction: begun.set())
        assert begun.wait(30)
        server.send_signal(signal.SIGTERM)
        until(lambda: health(place)["status"] == "draining")
        with pytest.raises(InsufficientResources, match="going down"):
            RemoteEngine(str(place)).transcribe(Path("0.1.flac"))
        assert asked.result().model == "2"
    assert server.wait(30) == 0


def test_where_a_server_is_named_it_has_the_models(
    serve: Serve, stub: StubModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECG_MODEL_SERVER decides: the engine is the server's client, and nothing of this machine's models is asked."""
    monkeypatch.setenv("ECG_MODEL_SERVER", serve(stub).address)
    monkeypatch.setattr(engines, "LocalEngine", lambda *_, **__: pytest.fail("models of this process"))
    assert isinstance(engines.shared(), RemoteEngine)


def test_each_request_has_the_models_it_names(serve: Serve, stub: StubModels) -> None:
    """The name goes with every question and every stage; the server says what it settled for."""
    server = serve(stub)
    auto, embedded = RemoteEngine(server.address), RemoteEngine(server.address, models="embedded")
    assert [notice.code for notice in auto.notices] == ["MODELS_EMBEDDED"]
    assert embedded.notices == ()
    assert (auto.fingerprint()["models"], embedded.fingerprint()["models"]) == ("auto", "embedded")
    heard = embedded.transcribe(Path("0.1.flac"))
    embedded.align(Path("0.1.flac"), heard)
    embedded.diarize(Path("0.1.flac"))
    auto.transcribe(Path("0.1.flac"))
    assert stub.asked == ["embedded", "embedded", "embedded", "auto"]
    assert (stub.warmed, stub.closed) == (0, 0)


def test_an_engine_for_a_name_is_refused_as_the_server_refuses_it(serve: Serve, stub: StubModels) -> None:
    """When it is made, with the server's own words; what another name's model cannot do is refused by that name."""
    server = serve(stub)
    with pytest.raises(EngineUnavailable, match="no model nowhere") as failure:
        RemoteEngine(server.address, models="nowhere")
    assert failure.value.hint == "Name another."
    english = RemoteEngine(server.address, models="base.en")
    with pytest.raises(LanguageUnsupported, match=r"base\.en"):
        english.check_language("ko")
    with pytest.raises(OptionUnsupported, match=r"base\.en"):
        english.check_guidance(Guidance(translate=True))
    assert told_by(server, "/nothing").status_code == 404


def test_a_server_that_is_not_there_is_said_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, when the engine is made; so is what can be no server's place."""
    monkeypatch.setenv("ECG_MODEL_SERVER", f"unix:{place}")
    with pytest.raises(EngineUnavailable, match=r"the model server at unix:/.*/models/socket does not answer"):
        engines.shared()
    monkeypatch.setenv("ECG_MODEL_SERVER", "http://127.0.0.1:8765")
    with pytest.raises(EngineUnavailable, match="is no path of a socket"):
        engines.shared()


def test_the_patience_with_a_server_that_is_gone_has_an_end(stub: StubModels, place: Path) -> None:
    """One that has been there is waited for, and then given up by name."""
    with ModelServer(stub, place) as server:  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        client = RemoteEngine(server.address, patience_s=0.1)
        server.shutdown()
    with pytest.raises(WorkerLost, match="no model server answers"):
        client.fingerprint()


@pytest.mark.slow
def test_with_and_without_a_server_the_results_are_the_same(serve: Serve, tiny_engine: LocalEngine) -> None:
    """The real path with tiny models; a second job through the server loads nothing."""
    server = serve(tiny_engine)
    client = RemoteEngine(server.address)
    heard = client.transcribe(models.CONVERSATION)
    assert heard == tiny_engine.transcribe(models.CONVERSATION)
    assert client.align(models.CONVERSATION, heard) == tiny_engine.align(models.CONVERSATION, heard)
    assert client.diarize(models.CONVERSATION) == tiny_engine.diarize(models.CONVERSATION)
    loads = told_by(server, "/health").json()["loads"]
    client.align(models.CONVERSATION, client.transcribe(models.CONVERSATION))
    client.diarize(models.CONVERSATION)
    assert told_by(server, "/health").json()["loads"] == loads
