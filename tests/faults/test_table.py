"""The table of faults: whatever befalls a run, the backend hears one end of the job, the right one, in bounded time.

Each fault befalls real processes: Prefect's server, its worker, the worker's flow runs, the reconciler, the backend's
receiver. The reconciler's minute and the length of outages are scaled down, and so are the bounds.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from blocks.storage import FolderStore
from ecg_audio import layout
from ecg_audio.results import manifest
from flows import requeue
from flows.reconcile import reconcile
from tests.support.callbacks.receiver import Job, Receiver, Reply, receiving
from tests.support.processes.machine import Machine, Work, working
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SILENT_S = 30.0
"""Longer than a run that lives keeps silent, however busy the machine."""
PATIENCE_S = 1.0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, talk: Path) -> Iterator[Machine]:
    """Server and worker of this table."""
    with working(tmp_path_factory.mktemp("machine"), talk, PATIENCE_S) as running:
        yield running


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A backend that learns of jobs as they are handed in."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setattr(requeue, "RESTS_S", (0.2,) * (requeue.TRIES - 1))
    with receiving() as running:
        yield running


def told(receiver: Receiver, job_id: str, seconds: float, *, reconciled: bool) -> Job:
    """The job once its end is told, within so many seconds; then once more the reconciler comes, and says nothing."""
    job = receiver.jobs[job_id]
    began = time.monotonic()
    while job.status == "processing":
        assert time.monotonic() < began + seconds, f"the backend has not heard the end after {seconds} s"
        if reconciled:
            reconcile(silent_s=SILENT_S)
        time.sleep(1.0)
    reconcile()
    assert len([body for body in receiver.terminal() if body["job_id"] == job_id]) == 1
    assert job.progress == sorted(job.progress)
    return job


def intact(work: Work, job: Job, job_id: str) -> None:
    """The published result is whole, and what the backend was told."""
    store = FolderStore(work.folder / "store")
    published = manifest.loads(store.read(layout.manifest(job_id)))
    manifest.verify(published, store.read)
    assert job.status == "completed" and job.result and job.result["text"] == "hello there good bye"


def test_an_exception(machine: Machine, receiver: Receiver) -> None:
    """The run tells its failure itself."""
    receiver.jobs["exception"] = Job()
    work = machine.submit("exception", receiver.base_url, failing="transcribe")
    until(work.over)
    job = told(receiver, "exception", 5.0, reconciled=False)
    assert (job.error_code, job.error_message) == ("TRANSCRIPTION_ERROR", "the decoder broke")


def test_a_cancelled_job(machine: Machine, receiver: Receiver) -> None:
    """The worker ends the run; the reconciler tells JOB_CANCELLED, at the figure that the job had reached."""
    receiver.jobs["cancelled"] = Job()
    work = machine.submit("cancelled", receiver.base_url, hanging="transcribe")
    until(work.begun)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(work.run_id, Cancelling())
    until(work.over)
    job = told(receiver, "cancelled", 20.0, reconciled=True)
    assert job.error_code == "JOB_CANCELLED" and job.progress[-1] < 100


def test_a_killed_run(machine: Machine, receiver: Receiver) -> None:
    """Kill -9 of the flow's process: the same run is begun again, does what is left, and says no lower figure."""
    receiver.jobs["killed"] = Job()
    work = machine.submit("killed", receiver.base_url, hanging="transcribe")
    until(work.begun)
    work.kill()
    until(work.lost)
    reconcile()
    work.go_on()
    job = told(receiver, "killed", 60.0, reconciled=True)
    intact(work, job, "killed")
    analysis = json.loads((work.folder / f"store/runs/{work.run_id}/analysis.json").read_text())
    done = {stage["name"]: stage["status"] for stage in analysis["stages"]}
    assert (analysis["tries"], done["download"], done["extract"]) == (2, "cached", "cached")


def test_a_run_that_is_killed_however_often(
    machine: Machine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end the backend hears that it was lost, once, at the figure that was reached."""
    monkeypatch.setattr(requeue, "RESTS_S", (0.2, 0.2))  # so three tries, not five
    receiver.jobs["hopeless"] = Job()
    work = machine.submit("hopeless", receiver.base_url, hanging="transcribe")
    for _ in range(3):
        until(work.begun)
        work.kill()
        until(work.lost)
        (work.folder / "calls").unlink()
        reconcile()
    job = told(receiver, "hopeless", 5.0, reconciled=True)
    assert job.error_code == "PROCESSING_ERROR" and "tried 3 times" in (job.error_message or "")


def test_a_job_that_is_handed_in_twice(machine: Machine, receiver: Receiver) -> None:
    """The same key is the same run; another run of the same job is done, and its end is not told again."""
    receiver.jobs["twice"] = Job()
    first = machine.submit("twice", receiver.base_url)
    assert machine.submit("twice", receiver.base_url).run_id == first.run_id
    until(first.over)
    job = told(receiver, "twice", 5.0, reconciled=False)
    intact(first, job, "twice")
    again = machine.submit("twice", receiver.base_url, store=first.folder / "store", key="twice-again")
    assert again.run_id != first.run_id
    until(again.over)
    intact(first, told(receiver, "twice", 5.0, reconciled=True), "twice")


def test_a_backend_that_is_down(machine: Machine, receiver: Receiver) -> None:
    """It misses all progress and the first attempts; the run does not wait for it, the reconciler does."""
    receiver.jobs["unheard"] = Job()
    down = True
    receiver.fault = lambda _number, _body: Reply(None) if down else None
    work = machine.submit("unheard", receiver.base_url)
    until(work.over)
    assert work.state().is_completed() and receiver.jobs["unheard"].status == "processing"
    attempts = {headers["webhook-id"] for headers, body in receiver.seen if body["status"] == "completed"}
    receiver.seen.clear()
    down = False
    job = told(receiver, "unheard", 20.0, reconciled=True)
    intact(work, job, "unheard")
    assert attempts == {job.ended_by}


def test_a_store_that_takes_nothing(machine: Machine, receiver: Receiver) -> None:
    """For longer than the retries last: the run tells PUBLISH_ERROR without a receipt, and nobody repeats it later."""
    receiver.jobs["stored"] = Job()
    work = machine.submit("stored", receiver.base_url, hanging="transcribe")
    until(work.begun)
    store = work.folder / "store"
    broken = [store / "runs", store / "deliveries"]
    for path in broken:
        path.write_text("no folder")
    work.go_on()
    until(work.over)
    for path in broken:
        path.unlink()
    job = told(receiver, "stored", 5.0, reconciled=False)
    assert job.error_code == "PUBLISH_ERROR", job.error_message
    assert not list(store.glob("results/*")) and not list(store.glob("features/*/*/*"))


def test_a_server_that_restarts(machine: Machine, receiver: Receiver) -> None:
    """The run goes on without it, and ends as if nothing had been."""
    receiver.jobs["restarted"] = Job()
    work = machine.submit("restarted", receiver.base_url, hanging="transcribe")
    until(work.begun)
    machine.kill_server()
    machine.start_server()
    reconcile(silent_s=300.0)
    work.go_on()
    until(work.over)
    intact(work, told(receiver, "restarted", 5.0, reconciled=False), "restarted")


def test_two_reconcilers_at_once(machine: Machine, receiver: Receiver) -> None:
    """Two processes find the same lost jobs: each is begun again once, and told of once."""
    lost = [f"lost-{number}" for number in range(3)]
    for job_id in lost:
        receiver.jobs[job_id] = Job()
        machine.lose(job_id, receiver.base_url)
    assert machine.reconcile(2) == [0, 0]
    for job_id in lost:
        assert told(receiver, job_id, 180.0, reconciled=True).status == "completed"


def test_a_lost_machine(machine: Machine, receiver: Receiver) -> None:
    """Kill -9 of worker and flow: nobody is left to say so; another worker does the job once heartbeats have ceased."""
    receiver.jobs["machine"] = Job()
    work = machine.submit("machine", receiver.base_url, hanging="transcribe")
    until(work.begun)
    machine.kill_worker()
    work.kill()
    assert work.state().is_running() and machine.used_slots() == 1
    work.go_on()
    until(lambda: reconcile(silent_s=3.0))
    assert work.state().name == "AwaitingRetry" and machine.used_slots() == 0
    machine.start_worker()
    intact(work, told(receiver, "machine", 120.0, reconciled=False), "machine")
