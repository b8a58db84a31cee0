import json
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.flow_engine import run_flow
from prefect.states import Cancelled, Cancelling, Crashed, Running

from ecg_audio.errors import BatchFailed, InvalidRequest, TranscriptionFailed
from ecg_audio.results import manifest
from flows import analyze_batch as batches
from flows import fan_out, requeue, runs
from flows.analyze import analyze
from flows.analyze_batch import analyze_batch, cancel_jobs
from flows.batch_board import watching
from tests.support.stub_engine import StubEngine


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder of a test's results."""
    return tmp_path / "store"


@pytest.fixture
def options(store: Path) -> dict[str, Any]:
    """What all rows of a test ask."""
    return {"store": str(store)}


def statuses(store: Path) -> dict[str, list[str]]:
    """The written summaries: batch -> the status of each row."""
    found = [json.loads(path.read_bytes()) for path in store.glob("batches/*/summary.json")]
    return {summary["batch_id"]: [row["status"] for row in summary["rows"]] for summary in found}


class Hands:
    """A worker without processes: a thread that does the scheduled runs of a deployment, one after the other."""

    def __init__(self, client: SyncPrefectClient, deployment: Any, failing: set[str]) -> None:
        self._client, self._deployment = client, deployment
        self.failing = failing
        self.losing: set[str] = set()
        self.done: list[str] = []
        self.most = 0
        self.ended = threading.Event()

    def runs(self, *states: StateType) -> list[FlowRun]:
        """The deployment's runs in these states."""
        return self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[self._deployment])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=200,
        )

    def work(self) -> None:
        """Do what is scheduled, until the test ends."""
        while not self.ended.wait(0.05):
            waiting = self.runs(StateType.SCHEDULED)
            self.most = max(self.most, len(waiting))
            for run in waiting:
                job = run.parameters["request"]["job_id"]
                self.done.append(job)
                if job in self.losing:
                    self.losing.remove(job)
                    for state in (Running(), Crashed(message="exit code -9")):
                        self._client.set_flow_run_state(run.id, state)
                elif job in self.failing:
                    error = TranscriptionFailed("the decoder broke")
                    message = f"Flow run encountered an exception: {type(error).__name__}: {error}"
                    self._client.set_flow_run_state(run.id, Running())
                    self._client.set_flow_run_state(run.id, fan_out.State(type=StateType.FAILED, message=message))
                else:
                    run_flow(analyze, flow_run=run, parameters=run.parameters, return_type="state")


@pytest.fixture
def worker(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """A deployment with somebody who does its runs, when told to."""
    monkeypatch.setattr(fan_out, "POLL_S", 0.05)
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(analyze), "batch-tests")
        hands = Hands(client, deployment, set())
        # with this context: the server's address is set in it
        thread = threading.Thread(target=copy_context().run, args=(hands.work,))
        hands.start = thread.start  # type: ignore[attr-defined]
        yield hands
        hands.ended.set()
        if thread.ident:
            thread.join()
        client.delete_deployment(deployment)


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_batch_in_one_process(
    stub: StubEngine, calls: Callable[[], list[str]], talk: Path, store: Path, options: dict[str, Any]
) -> None:
    """Every row is a published job of its own; the same batch again does nothing, and one more row only itself."""
    inputs: list[Any] = [str(talk), {"source": str(talk), "job_id": "named"}]
    heard: list[tuple[int, int]] = []
    with watching(lambda _end, done, total: heard.append((done, total))):
        first = analyze_batch(inputs, options, in_process=True)
    assert [row.status for row in first.rows] == ["completed", "completed"] and first.success_rate == 1.0
    assert heard == [(1, 2), (2, 2)]
    for row in first.rows:
        published = manifest.loads((store / f"results/{row.job_id}/manifest.json").read_bytes())
        assert published.run_id == row.run_id

    again = analyze_batch(inputs, options, in_process=True)
    assert again.batch_id == first.batch_id and again.counts == {"published": 2}
    changed = {"source": str(talk), "job_id": "named", "max_speakers": 2}
    more = analyze_batch([inputs[0], changed], options, in_process=True)
    assert [row.status for row in more.rows] == ["published", "completed"]
    assert calls().count("transcribe") == 1, "the recording is the same"
    assert statuses(store) == {first.batch_id: ["published"] * 2, more.batch_id: ["published", "completed"]}


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_too_few_successes_fail_the_batch_when_all_is_done(
    stub: StubEngine, talk: Path, store: Path, options: dict[str, Any], tmp_path: Path
) -> None:
    """Bad rows count and stop nothing; below the threshold the batch fails, at it it does not."""
    rows = tmp_path / "rows.csv"
    rows.write_text(f"source,language\nnone.mp4,\n{talk},ko\n{talk},\n{talk},en\n")
    with pytest.raises(BatchFailed, match=r"4 rows: 2 completed, 1 failed, 1 invalid \(50\.0 % succeeded\)"):
        analyze_batch([str(rows)], options, in_process=True, min_success=0.51, batch_id="nightly")
    summary = json.loads((store / "batches/nightly/summary.json").read_bytes())
    assert [(row["status"], row["error_code"]) for row in summary["rows"]] == [
        ("invalid", "SOURCE_NOT_FOUND"),
        ("failed", "LANGUAGE_UNSUPPORTED"),
        ("completed", None),
        ("completed", None),
    ]
    assert summary["rows"][0]["where"] == f"{rows} line 2"
    assert analyze_batch([str(rows)], options, in_process=True, min_success=0.5).counts["published"] == 2


@pytest.mark.slow
def test_a_batch_by_a_deployment(
    stub: StubEngine, worker: Hands, talk: Path, store: Path, options: dict[str, Any]
) -> None:
    """Jobs become runs of the deployment, so many at once and no more; what failed is tried anew by the next batch."""
    inputs: list[Any] = [{"source": str(talk), "job_id": f"fan-{number}"} for number in range(3)]
    worker.failing.add("fan-2")
    worker.start()  # type: ignore[attr-defined]
    with pytest.raises(BatchFailed, match="2 completed, 1 failed"):
        analyze_batch(inputs, options, "analyze/batch-tests", at_once=2, batch_id="fan")
    assert worker.most <= 2 and sorted(worker.done) == [f"fan-{number}" for number in range(3)]
    (failed,) = [
        row for row in json.loads((store / "batches/fan/summary.json").read_bytes())["rows"] if row["error_code"]
    ]
    assert (failed["job_id"], failed["error_code"], failed["error_message"]) == (
        "fan-2",
        "TRANSCRIPTION_ERROR",
        "the decoder broke",
    )
    assert {tag for run in worker.runs(StateType.COMPLETED) for tag in run.tags} >= {"batch", "batch:fan"}

    worker.failing.clear()
    again = analyze_batch(inputs, options, "analyze/batch-tests", batch_id="fan")
    assert again.counts == {"completed": 1, "published": 2} and worker.done.count("fan-2") == 2
    assert analyze_batch(inputs[:1], options, "analyze/batch-tests", refresh=True).counts == {"completed": 1}


@pytest.mark.slow
def test_a_batch_that_was_killed_finds_its_jobs_again(
    stub: StubEngine, worker: Hands, talk: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that a killed batch left under way are awaited by the next one, not begun a second time."""
    inputs: list[Any] = [{"source": str(talk), "job_id": f"killed-{number}"} for number in range(2)]

    class Killed(BaseException):
        pass

    def kill(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fan_out, "_over", kill)
        analyze_batch(inputs, options, "analyze/batch-tests", batch_id="killed")
    left = {run.id for run in worker.runs(StateType.SCHEDULED)}
    assert len(left) == 2
    worker.start()  # type: ignore[attr-defined]
    again = analyze_batch(inputs, options, "analyze/batch-tests", batch_id="killed")
    assert {row.run_id for row in again.rows} == {str(run_id) for run_id in left}
    assert sorted(worker.done) == ["killed-0", "killed-1"]


@pytest.mark.slow
def test_a_lost_job_of_a_batch_is_awaited(
    stub: StubEngine, worker: Hands, talk: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not ended: the batch waits until the reconciler has begun it again, and it is one row that completed."""
    over = fan_out._over

    def reconciled(client: SyncPrefectClient, flying: Any) -> Any:
        found = over(client, flying)
        for lost_run in runs.standing(client, [StateType.CRASHED]):
            assert requeue.begin_again(client, lost_run)[0] == "begun again"
        return found

    monkeypatch.setattr(requeue, "RESTS_S", (0.0,))
    monkeypatch.setattr(fan_out, "_over", reconciled)
    worker.losing.add("lost-0")
    worker.start()  # type: ignore[attr-defined]
    inputs: list[Any] = [{"source": str(talk), "job_id": f"lost-{number}"} for number in range(2)]
    summary = analyze_batch(inputs, options, "analyze/batch-tests", batch_id="lost")
    assert summary.counts == {"completed": 2} and worker.done.count("lost-0") == 2


def test_a_job_that_ends_while_a_batch_looks_is_done(
    stub: StubEngine, worker: Hands, talk: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not published when the batch asked, and over when it would begin: it is not begun a second time."""
    inputs: list[Any] = [{"source": str(talk), "job_id": "ending"}]
    divided = batches._divided

    def slowly(*arguments: Any, **options: Any) -> Any:
        found = divided(*arguments, **options)
        other = {"source": str(talk), "job_id": "ending", "store": str(store)}
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name("analyze/batch-tests")
            run = client.create_flow_run_from_deployment(
                deployment.id, parameters={"request": other}, idempotency_key="ending"
            )
        run_flow(analyze, flow_run=run, parameters=run.parameters, return_type="state")
        begun.append(str(run.id))
        return found

    store, begun = options["store"], list[str]()
    monkeypatch.setattr(batches, "_divided", slowly)
    summary = analyze_batch(inputs, options, "analyze/batch-tests")
    assert [(row.status, row.run_id) for row in summary.rows] == [("completed", begun[0])]
    assert worker.runs(StateType.SCHEDULED) == []


def test_a_job_under_way_for_something_else_is_a_conflict(
    stub: StubEngine, worker: Hands, talk: Path, options: dict[str, Any]
) -> None:
    """A row does not take another request's run for its own."""
    other = {"source": str(talk), "job_id": "taken", "store": options["store"], "language": "en"}
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("analyze/batch-tests")
        run = client.create_flow_run_from_deployment(
            deployment.id, parameters={"request": other}, idempotency_key="taken"
        )
        summary = analyze_batch(
            [{"source": str(talk), "job_id": "taken"}], options, "analyze/batch-tests", min_success=0
        )
        assert [row.error_code for row in summary.rows] == ["JOB_CONFLICT"]
        client.set_flow_run_state(run.id, Cancelled())


@pytest.mark.parametrize("way", ["interrupted", "cancelled"])
def test_a_cancelled_batch_cancels_what_it_began(
    stub: StubEngine,
    worker: Hands,
    talk: Path,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """On Ctrl-C, and when Prefect cancels the batch, the jobs in flight are cancelled and nobody else's are."""
    inputs: list[Any] = [{"source": str(talk), "job_id": f"{way}-{number}"} for number in range(2)]
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("analyze/batch-tests")
        other = client.create_flow_run_from_deployment(deployment.id, tags=["batch:other"])

        def stop(client: SyncPrefectClient, _flying: object) -> None:
            (lost_run, *_) = worker.runs(StateType.SCHEDULED)[1:]
            client.set_flow_run_state(lost_run.id, Crashed(), force=True)  # it would be begun again
            if way == "interrupted":
                raise KeyboardInterrupt
            raise SystemExit  # as when its process is ended

        with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, SystemExit)):
            patch.setattr(fan_out, "_over", stop)
            analyze_batch(inputs, options, "analyze/batch-tests", at_once=2, batch_id=way)
        if way == "cancelled":
            (batch,) = [
                run
                for run in client.read_flow_runs(sort=FlowRunSort.ID_DESC, limit=200)
                if run.parameters.get("batch_id") == way
            ]
            cancel_jobs(analyze_batch, batch, Cancelling())
        assert {run.parameters["request"]["job_id"] for run in worker.runs(StateType.CANCELLED)} >= {
            f"{way}-0",
            f"{way}-1",
        }
        assert [run.id for run in worker.runs(StateType.SCHEDULED)] == [other.id]
        assert worker.runs(StateType.CRASHED) == []
        client.set_flow_run_state(other.id, Cancelled())


@pytest.mark.usefixtures("prefect_server")
def test_what_cannot_be_a_batch_is_said_at_once(talk: Path, options: dict[str, Any], calls: object) -> None:
    """No rows, a deployment that is not there, a batch id that is a path, an unknown option."""
    for arguments, complaint in (
        ({"inputs": []}, "nothing to do"),
        ({"inputs": [str(talk)], "deployment": "analyze/none"}, "no deployment analyze/none"),
        ({"inputs": [str(talk)], "batch_id": "../up"}, "batch_id"),
        ({"inputs": [str(talk)], "options": {"colour": "red"}}, "no field colour"),
    ):
        with pytest.raises(InvalidRequest, match=complaint):
            analyze_batch(**{"options": options, **arguments})  # type: ignore[arg-type]


@pytest.mark.usefixtures("prefect_server")
def test_operators_see_progress_and_a_table(stub: StubEngine, talk: Path, options: dict[str, Any]) -> None:
    """The batch's run shows 100 %, what became of the rows, and carries the batch's tag; no signature is shown."""
    bad = "ftp://user:secret@host/a.mp4?X-Amz-Signature=secret"
    summary = analyze_batch([str(talk), bad], options, in_process=True, min_success=0.5)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(summary.run_id)  # type: ignore[arg-type]
        mine = {"artifacts": {"flow_run_id": {"any_": [str(run.id)]}}}
        shown = {
            artifact["type"]: artifact for artifact in client.request("POST", "/artifacts/filter", json=mine).json()
        }
    assert f"batch:{summary.batch_id}" in run.tags and run.name == "batch of 2 inputs"
    assert shown["progress"]["data"] == 100.0 and "1 completed, 1 invalid" in shown["progress"]["description"]
    table = json.loads(shown["table"]["data"])
    assert [row["status"] for row in table] == ["invalid", "completed"] and "secret" not in str(table)
    assert "secret" not in summary.model_dump_json()
