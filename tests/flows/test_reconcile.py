import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, StateType
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running
from prefect.variables import Variable

from blocks.storage import FolderStore
from ecg_audio import layout
from ecg_audio.delivery import outbox
from ecg_audio.delivery.outbox import Receipt
from ecg_audio.errors import TranscriptionFailed, recalled
from ecg_audio.results import backend, manifest
from flows import lost, requeue, runs
from flows import reconcile as module
from flows.analyze import analyze
from flows.reconcile import MEMORY, reconcile
from tests.support.callbacks.receiver import Job, Receiver, Reply, receiving
from tests.support.results.factory import analysis
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("prefect_server")


def given_up() -> State[Any]:
    """How a run stands that was lost for the last time."""
    return Failed(message="Flow run encountered an exception: RunLost: the run was lost: exit code -9.")


@pytest.fixture(scope="module")
def deployment(prefect_server: str) -> UUID:
    """A deployment of the flow; nobody works for it, so runs are what the test makes of them."""
    with get_client(sync_client=True) as client:
        flow = client.create_flow(analyze)
        return client.create_deployment(flow, name="reconciled")


@pytest.fixture
def client(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    """Prefect, with no run and no memory of earlier tests."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    with get_client(sync_client=True) as opened:
        Variable.set(MEMORY, {}, overwrite=True)
        Variable.set(module.CLAIM, {}, overwrite=True)
        deployed = {"flow_runs": {"deployment_id": {"is_null_": False}}}
        while found := opened.request("POST", "/flow_runs/filter", json=deployed).json():
            for each in found:
                opened.delete_flow_run(each["id"])
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A backend that knows job-1."""
    with receiving("job-1") as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """The store of all jobs here."""
    return FolderStore(tmp_path / "store")


@pytest.fixture
def run(client: SyncPrefectClient, deployment: UUID, receiver: Receiver, store: FolderStore) -> Callable[..., str]:
    """Make a run in some state; returns its id."""

    def make(state: State[Any] | None, job_id: str = "job-1", **asked: Any) -> str:
        request = {
            "source": "s3://bucket/talk.mp4",
            "job_id": job_id,
            "store": store.reference,
            "callback": {"base_url": receiver.base_url, "locale": "en"},
            **asked,
        }
        made = client.create_flow_run_from_deployment(deployment, parameters={"request": request})
        for each in (Running(), state) if state and state.type != StateType.RUNNING else (state,):
            if each:
                client.set_flow_run_state(made.id, each, force=True)
        return str(made.id)

    return make


def publish(store: FolderStore, run_id: str, job_id: str = "job-1") -> dict[str, Any]:
    """Put a result into the store as a run does; returns the wire document."""
    made = analysis(12, job_id=job_id, run_id=run_id)
    document = backend.document(made)
    key = f"runs/{run_id}/backend.json"
    store.write(key, json.dumps(document).encode())
    named = {"backend": manifest.output(key, store.read(key))}
    store.write(layout.manifest(job_id), manifest.dumps(manifest.build(made, named)))
    return document


def test_runs_that_did_nothing_make_room(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass is named by its minute and removes the earlier ones without a word; what was done stays to be read.

    A server that refuses breaks no pass.
    """
    asked = {"flows": {"name": {"any_": ["reconcile"]}}, "limit": 200}

    def kept() -> dict[str, str]:
        return {one["id"]: one["name"] for one in client.request("POST", "/flow_runs/filter", json=asked).json()}

    run(given_up())
    assert reconcile()
    before = kept()
    for _ in range(3):
        assert reconcile() == []
    after = kept()
    assert len(set(after) - set(before)) == 1 and any(name.startswith("upkeep 20") for name in after.values())
    told = {"artifacts": {"key": {"any_": ["reconciled"]}}, "limit": 200}
    told_by = {one["flow_run_id"] for one in client.request("POST", "/artifacts/filter", json=told).json()}
    assert told_by & set(after) == told_by & set(before) != set()

    def refuses(*_: Any) -> None:
        raise httpx.ReadTimeout("busy")

    monkeypatch.setattr(SyncPrefectClient, "delete_flow_run", refuses)
    assert reconcile() == []


ENDS = [
    (Cancelled(), "JOB_CANCELLED", "the job was cancelled"),
    (given_up(), "PROCESSING_ERROR", "the run was lost: exit code -9."),
    (
        Failed(message="Flow run encountered an exception: TranscriptionFailed: the decoder broke"),
        "TRANSCRIPTION_ERROR",
        "the decoder broke",
    ),
    (Failed(message="Flow run encountered an exception: KeyError: 'x'"), "PROCESSING_ERROR", "KeyError: 'x'"),
]


def test_a_run_that_could_not_speak_is_spoken_for(
    run: Callable[..., str], receiver: Receiver, store: FolderStore
) -> None:
    """Once, with code and message, however often the reconciler comes; the receipt is kept."""
    run_ids = {}
    for number, (state, _, _) in enumerate(ENDS):
        receiver.jobs[f"job-{number}"] = Job()
        run_ids[f"job-{number}"] = run(state, f"job-{number}")
    assert sorted(row["told"] for row in reconcile()) == sorted(f"failed {code}: delivered" for _, code, _ in ENDS)
    assert reconcile() == [] and len(receiver.seen) == len(ENDS)
    for number, (_, code, message) in enumerate(ENDS):
        job_id = f"job-{number}"
        job, kept = receiver.jobs[job_id], outbox.receipt(store, job_id)
        assert (job.status, job.error_code, job.error_message) == ("failed", code, message)
        assert kept and (kept.state, kept.run_id, kept.message_id) == ("delivered", run_ids[job_id], job.ended_by)


def test_a_published_result_is_a_completed_job(run: Callable[..., str], receiver: Receiver, store: FolderStore) -> None:
    """Whatever became of the run after it had published."""
    documents = {}
    for number, state in enumerate((Completed(), given_up(), Cancelled())):
        job_id = f"job-{number}"
        receiver.jobs[job_id] = Job()
        documents[job_id] = publish(store, run(state, job_id), job_id)
    reconcile()
    assert {job_id: receiver.jobs[job_id].result for job_id in documents} == documents and len(receiver.seen) == 3


def test_nothing_is_said_of_what_may_still_end_well(run: Callable[..., str], receiver: Receiver) -> None:
    """A run that waits or works, and one that completed and whose result a later run replaced.

    While another run of the same job waits or works, the crash of the first is no end either.
    """
    for number, state in enumerate((None, Running(), Completed())):
        run(state, f"job-{number}")
    for number, later in enumerate((None, Running())):
        run(given_up(), f"again-{number}")
        run(later, f"again-{number}")
    assert {row["told"] for row in reconcile()} == {"nothing to tell"}
    assert receiver.seen == []


def test_a_rejected_request_is_answered(run: Callable[..., str], receiver: Receiver) -> None:
    """Parameters that failed validation before any code of ours ran: the backend hears what was wrong."""
    said = "Validation of flow parameters failed with error: language: must be 'auto' or a code"
    run(Failed(message=said), language=["nonsense"], unknown=1)
    reconcile()
    job = receiver.jobs["job-1"]
    assert job.error_code == "INVALID_REQUEST" and "must be 'auto'" in (job.error_message or "")


def test_what_names_no_receiver_is_passed_over(run: Callable[..., str], receiver: Receiver) -> None:
    """A request without a usable job id or callback concerns nobody, and breaks nothing."""
    for asked in ({"job_id": "../job"}, {"callback": "file:///etc"}, {"callback": None}):
        run(given_up(), **asked)
    run(given_up(), "job-1")
    reconcile()
    assert receiver.jobs["job-1"].error_code == "PROCESSING_ERROR" and len(receiver.seen) == 1


def test_progress_stays_where_it_was(run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient) -> None:
    """The figure is the one that the run's progress artifact says."""
    run_id = run(Cancelled())
    artifact = {"key": "progress", "type": "progress", "data": 60.0, "flow_run_id": run_id}
    client.request("POST", "/artifacts/", json=artifact)
    reconcile()
    assert receiver.jobs["job-1"].progress == [60]


def test_what_the_run_said_itself_is_not_repeated(
    run: Callable[..., str], receiver: Receiver, store: FolderStore
) -> None:
    """A delivered receipt of whichever run, a refusal, or the tag of a run whose receipt was not kept."""
    told = {"message_id": "m", "address": "a", "status": "failed"}
    for number, (state, same) in enumerate([("delivered", False), ("refused", True)]):
        job_id = f"told-{number}"
        run_id = run(given_up(), job_id)
        receipt = Receipt(job_id=job_id, run_id=run_id if same else "earlier", state=state, **told)
        store.write(layout.receipt(job_id), receipt.model_dump_json().encode())
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(run(given_up(), "told-2")), tags=["callback:delivered"])
    assert reconcile() == [] and receiver.seen == []


def test_an_open_letter_is_taken_up(run: Callable[..., str], receiver: Receiver, store: FolderStore) -> None:
    """What a run could not deliver goes out again when it has rested: same message, same id, same figure."""
    run_id = run(Failed(message="Flow run encountered an exception: NotMedia: a text file"))
    begun = datetime.now(UTC) - timedelta(seconds=100)
    attempts = [{"at": (begun + timedelta(seconds=s)).isoformat(), "status": 503, "said": "busy"} for s in (0, 96)]
    told = {"job_id": "job-1", "run_id": run_id, "message_id": "msg_1", "address": "a", "status": "failed"}
    told |= {"error_code": "NOT_MEDIA", "error_message": "a text file", "progress": 20, "attempts": attempts}
    store.write(layout.receipt("job-1"), json.dumps(told).encode())
    assert [row["told"] for row in reconcile()] == ["waits"] and receiver.seen == []
    attempts[1]["at"] = (begun + timedelta(seconds=70)).isoformat()
    store.write(layout.receipt("job-1"), json.dumps(told).encode())
    reconcile()
    job = receiver.jobs["job-1"]
    assert (job.ended_by, job.error_code, job.progress) == ("msg_1", "NOT_MEDIA", [20])


def test_a_dead_receiver_holds_up_no_other(run: Callable[..., str], receiver: Receiver) -> None:
    """Where nobody listens, one callback is tried and the others wait; elsewhere everything is delivered."""
    for number in range(3):
        run(given_up(), f"dead-{number}", callback={"base_url": "http://127.0.0.1:9"})
    receiver.jobs |= {f"live-{number}": Job() for number in range(2)}
    for number in range(2):
        run(given_up(), f"live-{number}")
    rows = {row["job"]: row["told"] for row in reconcile()}
    assert sorted(told for job, told in rows.items() if job.startswith("dead")) == [
        "failed PROCESSING_ERROR: pending", "waits", "waits"
    ]  # fmt: skip
    assert {receiver.jobs[f"live-{number}"].status for number in range(2)} == {"failed"}


def test_a_store_that_is_away_is_waited_for(run: Callable[..., str], receiver: Receiver, tmp_path: Path) -> None:
    """Without the receipts nobody knows what was told: the callback goes out when the store is back."""
    (tmp_path / "away").write_text("")
    run(given_up(), store=str(tmp_path / "away" / "store"))
    (row,) = reconcile()
    assert row["told"] == "waits" and receiver.seen == []
    (tmp_path / "away").unlink()
    reconcile()
    assert receiver.jobs["job-1"].status == "failed"


def test_a_store_that_never_was_keeps_nobody_silent(run: Callable[..., str], receiver: Receiver) -> None:
    """A run that named no store of ours cannot have left a receipt: it is told of without one, once."""
    run(given_up(), store="s3-bucket/nowhere")
    assert [row["told"] for row in reconcile()] == ["failed PROCESSING_ERROR: delivered"]
    assert reconcile() == [] and len(receiver.seen) == 1


def beat(run_id: str, after_s: float = 0.0) -> None:
    """One heartbeat, as the engine of a run sends it."""
    at = datetime.now(UTC) + timedelta(seconds=after_s)
    emit_event("prefect.flow-run.heartbeat", {"prefect.resource.id": f"prefect.flow-run.{run_id}"}, occurred=at)
    EventsWorker.instance().wait_until_empty()


def beats(server: str, run_id: str) -> int:
    """How many heartbeats of the run Prefect knows of."""
    until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    wanted = {
        "occurred": {"since": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(), "until": until},
        "resource": {"id": [f"prefect.flow-run.{run_id}"]},
        "event": {"name": ["prefect.flow-run.heartbeat"]},
    }
    return len(httpx.post(f"{server}/events/filter", json={"filter": wanted}).json()["events"])


def states(client: SyncPrefectClient, run_id: str) -> list[tuple[str, str]]:
    """Names and messages of all states that a run has been in."""
    return [(state.name or "", state.message or "") for state in client.read_flow_run_states(UUID(run_id))]


def lose(client: SyncPrefectClient, run_id: str, why: str = "exit code -9") -> None:
    """As a worker does it whose process was killed."""
    for state in (Running(), Crashed(message=why)):
        client.set_flow_run_state(UUID(run_id), state, force=True)


def test_a_lost_run_is_begun_again_so_often_and_no_more(
    run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient
) -> None:
    """The same run, after longer and longer rests; nothing is told before the last try is lost, then once."""
    run_id = run(None)
    rests = []
    for loss in range(requeue.TRIES):
        lose(client, run_id)
        assert receiver.seen == []
        (row, *_told) = reconcile()
        state = client.read_flow_run(UUID(run_id)).state
        assert state
        if loss < len(requeue.RESTS_S):
            assert (row["told"], state.name) == ("begun again", "AwaitingRetry")
            assert state.state_details.scheduled_time
            rests.append((state.state_details.scheduled_time - datetime.now(UTC)).total_seconds())
    assert row["told"] == "spent" and state.is_failed()
    assert rests == sorted(rests) and rests[-1] > requeue.RESTS_S[-1] - 60.0
    assert receiver.jobs["job-1"].error_code == "PROCESSING_ERROR" and len(receiver.seen) == 1
    assert receiver.jobs["job-1"].error_message == "the run was lost: exit code -9 (tried 5 times)"
    assert reconcile() == [] and len(receiver.seen) == 1


def test_the_error_of_a_machine_is_told_by_its_name(
    run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ended for the store's sake says so in the end."""
    monkeypatch.setattr(requeue, "RESTS_S", ())
    lose(client, run(None), "Flow run encountered an exception: PublishFailed: the bucket is away")
    reconcile()
    assert receiver.jobs["job-1"].error_code == "PUBLISH_ERROR"


def test_a_lost_run_whose_result_is_published_has_completed(
    run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient, store: FolderStore
) -> None:
    """It is not done again: Prefect and the backend hear that it is done."""
    run_id = run(Crashed())
    document = publish(store, run_id)
    reconcile()
    state = client.read_flow_run(UUID(run_id)).state
    assert state and state.is_completed() and receiver.jobs["job-1"].result == document


def test_a_lost_run_that_was_followed_is_not_begun_again(
    run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient
) -> None:
    """Only the newest run of a job is."""
    first, second = run(Crashed()), run(Running())
    reconcile()
    found = [client.read_flow_run(UUID(run_id)).state for run_id in (first, second)]
    assert [state.type for state in found if state] == [StateType.FAILED, StateType.RUNNING] and receiver.seen == []


def test_a_run_that_had_told_its_failure_is_not_begun_again(
    run: Callable[..., str], receiver: Receiver, client: SyncPrefectClient, store: FolderStore
) -> None:
    """A backend that was told `failed`, or is about to be, hears nothing else."""
    run_id = run(Crashed())
    told = {"job_id": "job-1", "run_id": run_id, "message_id": "msg_1", "address": "a", "status": "failed"}
    store.write(
        layout.receipt("job-1"), json.dumps({**told, "error_code": "NOT_MEDIA", "error_message": "text"}).encode()
    )
    reconcile()
    state = client.read_flow_run(UUID(run_id)).state
    assert state and state.is_failed() and receiver.jobs["job-1"].error_code == "NOT_MEDIA"


def test_two_that_begin_a_run_again_begin_it_once(run: Callable[..., str], client: SyncPrefectClient) -> None:
    """Both have read that it is lost; one of them holds it, and the other one leaves it alone."""
    run(Crashed())
    (lost_run,) = runs.standing(client, [StateType.CRASHED])

    def begin(_reconciler: int) -> str:
        with get_client(sync_client=True) as opened:
            return requeue.begin_again(opened, lost_run)[0]

    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(copy_context().run, begin, reconciler) for reconciler in range(2)]
        done = sorted(future.result() for future in begun)
    assert done == ["begun again", "somebody else is at it"]
    assert [name for name, _ in states(client, str(lost_run.run_id))].count("AwaitingRetry") == 1


def test_who_comes_late_does_not_begin_a_run_again(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read that the run is lost, and asks for it when another one has begun it again already: it waits on."""
    run(Crashed())
    (lost_run,) = runs.standing(client, [StateType.CRASHED])
    assert requeue.begin_again(client, lost_run)[0] == "begun again"
    monkeypatch.setattr(requeue, "unmoved", lambda *_: True)
    assert requeue.begin_again(client, lost_run)[0] == "somebody else is at it"
    assert [name for name, _ in states(client, str(lost_run.run_id))].count("AwaitingRetry") == 1
    state = client.read_flow_run(lost_run.run_id).state
    assert state and state.name == "AwaitingRetry"


def test_a_loss_that_stands_there_twice_counts_once(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's client sends again what the server took and could not answer; that takes no try from the run."""
    run_id = run(None)
    send = requeue._set

    def send_twice(*arguments: Any, **options: Any) -> bool:
        return send(*arguments, **options) and (not options or send(*arguments, **options))

    monkeypatch.setattr(requeue, "_set", send_twice)
    for loss in (1, 2):
        lose(client, run_id)
        (lost_run,) = runs.standing(client, [StateType.CRASHED])
        assert requeue.begin_again(client, lost_run) == ("begun again", loss)
    assert [name for name, _ in states(client, run_id)].count("AwaitingRetry") == 4


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_cancelled_run_stays_cancelled(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whenever the cancel comes: before the reconciler holds the run, while it does, or when the run waits again."""
    run_id = UUID(run(Crashed()))
    (lost_run,) = runs.standing(client, [StateType.CRASHED])
    held = requeue._held

    def holding(*arguments: Any) -> bool:
        taken = held(*arguments)
        client.set_flow_run_state(run_id, Cancelled())
        return taken

    if moment == "before":
        client.set_flow_run_state(run_id, Cancelled())
    elif moment == "between":
        monkeypatch.setattr(requeue, "_held", holding)
    requeue.begin_again(client, lost_run)
    if moment == "after":
        client.set_flow_run_state(run_id, Cancelling())
    state = client.read_flow_run(run_id).state
    assert state and state.is_cancelled()


def test_a_claim_keeps_other_reconcilers_away_and_ends_by_itself(
    run: Callable[..., str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is at work another leaves at once; what a killed one left stands for a minute, never longer."""
    run(given_up())
    assert module._claimed("another")
    assert reconcile() == [] and receiver.seen == []
    monkeypatch.setattr(module, "CLAIMED", timedelta(0))
    reconcile()
    assert receiver.jobs["job-1"].status == "failed"


def test_silence_counts_from_the_start(run: Callable[..., str], client: SyncPrefectClient, prefect_server: str) -> None:
    """A run that never gave a sign of life is lost as well as one that gave some; one that gives some is not."""
    silent, never, alive = run(Running()), run(Running(), "job-2"), run(Running(), "job-3")
    beat(silent)
    until(lambda: beats(prefect_server, silent) == 1)
    beat(alive, after_s=30.0)
    until(lambda: beats(prefect_server, alive) == 1)
    time.sleep(1.1)
    rows = reconcile(silent_s=1.0)
    assert {row["job"] for row in rows if row["told"] == "lost"} == {"job-1", "job-2"}
    for run_id in (silent, never):
        state = client.read_flow_run(UUID(run_id)).state
        assert state and state.name == "AwaitingRetry" and "no sign of life" in (state.message or "")
    still = client.read_flow_run(UUID(alive)).state
    assert still and still.is_running()


def test_a_run_that_its_worker_never_began(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun again when it has been pending for longer than any start takes."""
    run_id = run(Pending())
    assert reconcile(silent_s=1.0) == []
    monkeypatch.setattr(lost, "STARTING_HOST_S", 0.0)
    reconcile(silent_s=1.0)
    state = client.read_flow_run(UUID(run_id)).state
    assert state and state.name == "AwaitingRetry" and "not begun" in (state.message or "")


def test_on_one_machine_the_list_of_processes_says_who_lives(
    run: Callable[..., str], client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that a process of this machine was begun for lives, however silent; one without is lost at once."""
    monkeypatch.setenv("ECG_ONE_MACHINE", "1")
    monkeypatch.setattr(lost, "LOOK_AGAIN_S", 0.2)
    alive, gone = run(Running()), run(Running(), "job-2")
    process = subprocess.Popen(["/bin/sleep", "60"], env={"PREFECT__FLOW_RUN_ID": alive})
    try:
        rows = reconcile(silent_s=0.0)
    finally:
        process.kill()
        process.wait()
    assert [row["run"] for row in rows if row["told"] == "lost"] == [gone]
    found = client.read_flow_run(UUID(alive)).state
    assert found and found.is_running()


def test_a_run_that_is_heard_of_again_lives(
    run: Callable[..., str], receiver: Receiver, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is believed only after listening for a while: after a restart of the server all runs look silent."""
    run_id = run(Running())
    beat(run_id)
    until(lambda: beats(prefect_server, run_id) == 1)

    class InAMinute(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=60)

    def listen(_seconds: float) -> None:
        beat(run_id, after_s=60.0)
        until(lambda: beats(prefect_server, run_id) == 2)

    monkeypatch.setattr(lost, "datetime", InAMinute)
    monkeypatch.setattr(lost, "time", SimpleNamespace(sleep=listen, monotonic=time.monotonic))
    assert reconcile(silent_s=30.0) == [] and receiver.seen == []
    assert beats(prefect_server, run_id) == 2, "it was suspected, and listened to"


def test_what_a_dead_run_uploaded_is_swept(
    run: Callable[..., str], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that no manifest names go, those of the published run and of living ones stay; half-written files go."""
    dead, sound, alive = run(given_up()), run(Completed(), "job-2"), run(Running(), "job-3")
    day = datetime.now(UTC).date()
    publish(store, sound, "job-2")
    for key in (f"runs/{dead}/analysis.json", f"features/words/date={day}/job-1.parquet", f"runs/{alive}/captions.srt"):
        store.write(key, b"torn")
    half = store.path("cache/.incoming-abc")
    half.parent.mkdir()
    half.write_bytes(b"half")
    reconcile()
    assert store.exists(f"runs/{dead}/analysis.json") and half.exists(), "not yet: it may still be at work"

    monkeypatch.setattr("flows.sweeping.ABANDONED_S", 0.0)
    monkeypatch.setattr(module, "SWEEP_EVERY", timedelta(0))
    monkeypatch.setenv("ECG_STORE", store.reference)
    reconcile()
    left = store.keys("")
    assert f"runs/{dead}/analysis.json" not in left and f"features/words/date={day}/job-1.parquet" not in left
    assert {f"runs/{sound}/backend.json", f"runs/{alive}/captions.srt"} <= set(left) and not half.exists()


def test_the_next_pass_begins_where_this_one_ended(run: Callable[..., str], receiver: Receiver) -> None:
    """A pass remembers until when all is settled, and never further than what still waits."""
    receiver.fault = lambda _number, _body: Reply(503)
    run(given_up())
    before = datetime.now(UTC)
    reconcile()
    memory = module.Memory.recalled(before - timedelta(hours=24))
    assert memory.settled_until < before and memory.swept_at >= before - timedelta(seconds=5)
    assert module.Memory.recalled(before + timedelta(hours=1)).settled_until == before + timedelta(hours=1)


def test_errors_are_recalled_by_name() -> None:
    """What Prefect says of an exception leads back to the error of that name."""
    found = recalled("TranscriptionFailed: words: all of them")
    assert isinstance(found, TranscriptionFailed) and found.message == "words: all of them"
    assert recalled("ValueError: 3") is None and recalled("") is None
