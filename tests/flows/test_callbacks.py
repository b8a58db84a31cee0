import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.callback import CallbackEndpoint
from blocks.forgetting import forget
from blocks.storage import open_store
from ecg_audio import layout
from ecg_audio.analysis import Edits, SegmentEdit
from ecg_audio.delivery import reporter
from ecg_audio.delivery.outbox import Outbox, Receipt, RetryPolicy
from ecg_audio.errors import InvalidRequest, PublishFailed, TranscriptionFailed
from ecg_audio.request import AnalysisRequest, Callback
from flows import progress_artifact
from flows.analyze import analyze
from flows.revise import revise
from tasks.notify import notify, notify_revision
from tasks.publish import publish
from tasks.transcribe import transcribe
from tests.support.callbacks.readers import read_flat, read_nested
from tests.support.callbacks.receiver import Receiver, Reply, receiving
from tests.support.stub_engine import StubEngine
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("prefect_server")

Ask = Callable[..., AnalysisRequest]
SECRET = "whsec_" + "c2hhcmVkIHNlY3JldCBvZiB0aGUgdHdv"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for slow in (transcribe.task, publish.task, notify, notify_revision):
        monkeypatch.setattr(slow, "retry_delay_seconds", [0.05])
    usual = reporter.Reporter.__init__.__kwdefaults__ or {}
    hasty = {**usual, "at_most_every_s": 0.0, "at_least_every_s": 0.2}
    monkeypatch.setattr(reporter.Reporter.__init__, "__kwdefaults__", hasty)
    monkeypatch.setattr(progress_artifact, "UPDATE_EVERY_S", 0.02)
    monkeypatch.setattr("tasks.notify.RetryPolicy", lambda _total_s: RetryPolicy(total_s=1.5, first_s=0.05, most_s=0.2))
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A backend that knows job-1 and wants signatures."""
    with receiving("job-1", secret=SECRET) as running:
        yield running


@pytest.fixture
def told(ask: Ask, receiver: Receiver) -> Ask:
    """Make a request whose callback is the receiver, by a block that holds the secret."""
    CallbackEndpoint(base_url=receiver.base_url, secret=SECRET, locale="en").save("backend", overwrite=True)
    return lambda **fields: ask(callback={"endpoint": "backend"}, **fields)


def receipt(tmp_path: Path) -> Receipt:
    """What the store keeps of job-1's terminal callback."""
    return Receipt.model_validate_json((tmp_path / "store" / layout.receipt("job-1")).read_bytes())


def test_the_backend_hears_a_whole_job(stub: StubEngine, told: Ask, receiver: Receiver, tmp_path: Path) -> None:
    """Every callback is taken: rising figures, one end with the published document, which both readers understand."""
    ended = analyze(told())
    job = receiver.jobs["job-1"]
    assert set(receiver.answers) == {200}
    assert job.progress == sorted(job.progress) and len(job.progress) >= 3 and job.progress[-1] == 100
    assert job.messages[-1] == "Analysis completed"
    assert ended.outputs and job.result == json.loads(Path(ended.outputs.backend).read_bytes())
    words = read_flat(job.result)
    assert words == read_nested(job.result) and [word.text for word in words] == ["hello", "there", "good", "bye"]
    assert all(word.volume_db is not None and word.pitch_hz is not None for word in words)
    assert len(receiver.terminal()) == 1
    kept = receipt(tmp_path)
    assert (kept.state, kept.status, kept.message_id) == ("delivered", "completed", job.ended_by)


def test_prefect_knows_every_figure_before_the_backend(
    stub: StubEngine, told: Ask, receiver: Receiver, prefect_server: str
) -> None:
    """So a run that is killed is told of, by the reconciler, at no lower figure than its backend has heard."""
    known: list[tuple[int, float]] = []

    def look(_number: int, body: dict[str, Any]) -> None:
        if body["status"] == "processing":
            wanted = {"artifacts": {"type": {"any_": ["progress"]}}, "sort": "CREATED_DESC", "limit": 1}
            found = httpx.post(f"{prefect_server}/artifacts/filter", json=wanted).json()
            known.append((body["progress"], float(found[0]["data"])))

    receiver.fault = look
    analyze(told())
    assert known and all(figure <= shown for figure, shown in known), known


def test_a_partial_result_is_a_completed_job(stub: StubEngine, told: Ask, receiver: Receiver) -> None:
    """What is missing stands in the document's metadata."""
    stub.failing["diarize"] = ValueError("clustering broke")
    analyze(told())
    job = receiver.jobs["job-1"]
    assert job.status == "completed" and job.result
    assert job.result["metadata"]["status"] == "partial" and job.result["metadata"]["missing"] == ["diarize"]


def test_a_failure_is_told_once_it_is_final(stub: StubEngine, told: Ask, receiver: Receiver, tmp_path: Path) -> None:
    """Code and message of the error; progress stays where it was; the job fails with its own error."""
    stub.failing["transcribe"] = TranscriptionFailed("the decoder broke")
    with pytest.raises(TranscriptionFailed, match="the decoder broke"):
        analyze(told())
    job = receiver.jobs["job-1"]
    assert (job.status, job.error_code, job.error_message) == ("failed", "TRANSCRIPTION_ERROR", "the decoder broke")
    assert job.progress[-1] == max(job.progress) < 60
    assert len(receiver.terminal()) == 1 and receipt(tmp_path).error_code == "TRANSCRIPTION_ERROR"


def test_a_store_that_cannot_be_used_is_told_of(
    stub: StubEngine, told: Ask, receiver: Receiver, tmp_path: Path
) -> None:
    """The job fails with PUBLISH_ERROR, and the backend hears it though no receipt can be kept."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishFailed):
        analyze(told(store=str(tmp_path / "file")))
    assert receiver.jobs["job-1"].error_code == "PUBLISH_ERROR" and len(receiver.terminal()) == 1


def test_a_dead_backend_fails_no_job(stub: StubEngine, told: Ask, receiver: Receiver, tmp_path: Path) -> None:
    """The result is published; the receipt says what the callback met."""
    receiver.fault = lambda _number, _body: Reply(None)
    assert analyze(told()).status == "completed"
    assert receipt(tmp_path).state == "pending"


def test_a_backend_that_is_down_for_a_while_hears_the_end(
    stub: StubEngine, told: Ask, receiver: Receiver, tmp_path: Path
) -> None:
    """All progress and the first terminal attempts are lost; the end still arrives, once."""
    ends: list[int] = []

    def down(number: int, body: dict[str, Any]) -> Reply | None:
        if body["status"] != "processing":
            ends.append(number)
        return Reply(502) if len(ends) < 3 else None

    receiver.fault = down
    analyze(told())
    assert receiver.jobs["job-1"].status == "completed"
    assert [attempt.status for attempt in receipt(tmp_path).attempts] == [502, 502, 200]


def test_a_private_callback_hears_nothing(
    stub: StubEngine, ask: Ask, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the operator's permission no request goes to a private address; the job is done all the same."""
    monkeypatch.delenv("ECG_ALLOWED_NETWORKS")
    assert analyze(ask(callback={"base_url": receiver.base_url})).status == "completed"
    assert receiver.seen == [] and receipt(tmp_path).state == "refused"


def test_a_notice_that_breaks_fails_no_job(
    stub: StubEngine, told: Ask, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error in the delivery is a failed task in Prefect, and nothing else."""

    def broken(*_arguments: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Outbox, "deliver", broken)
    assert analyze(told()).status == "completed"
    wanted = {"task_runs": {"name": {"like_": "notify"}, "state": {"type": {"any_": ["FAILED"]}}}}

    def known() -> bool:  # Prefect hears of a task's end a moment later
        failed = httpx.post(f"{prefect_server}/task_runs/filter", json=wanted).json()
        return any("unforeseen" in run["state"]["message"] for run in failed)

    until(known)


def test_an_unknown_block_is_said_before_the_work(stub: StubEngine, ask: Ask) -> None:
    """A callback-endpoint block that is not there is a mistake of the request."""
    with pytest.raises(InvalidRequest, match="no callback-endpoint block nowhere"):
        analyze(ask(callback={"endpoint": "nowhere"}))
    assert not stub.log.exists()


def test_nobody_asked_nobody_is_told(stub: StubEngine, ask: Ask, receiver: Receiver, tmp_path: Path) -> None:
    """Without a callback there is no message and no receipt."""
    analyze(ask())
    assert receiver.seen == [] and not (tmp_path / "store/deliveries").exists()


def test_a_revision_is_told_where_that_is_asked(stub: StubEngine, ask: Ask, receiver: Receiver, tmp_path: Path) -> None:
    """Once, as `completed` with the corrected document and its number; the receipt goes when the job is forgotten."""
    store = str(tmp_path / "store")
    analyze(ask())
    CallbackEndpoint(base_url=receiver.base_url, secret=SECRET, locale="en").save("backend", overwrite=True)
    revise("job-1", Edits(segments={0: SegmentEdit(text="hello where")}), store)
    assert receiver.seen == []
    told = Callback(endpoint="backend")
    revise("job-1", Edits(segments={0: SegmentEdit(text="hello here")}), store, callback=told)
    [body] = receiver.terminal()
    assert receiver.answers == [200] and body["job_id"] == "job-1" and body["result"]["metadata"]["revision"] == 2
    assert [word.text for word in read_flat(body["result"])] == ["hello", "here", "good", "bye"]
    revise("job-1", None, store, undo=True, callback=told)
    assert receiver.terminal()[1]["result"]["metadata"]["revision"] == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 2
    receiver.fault = lambda _number, _body: Reply(None)
    assert revise("job-1", None, store, undo=True, callback=told).status == "completed"
    assert len(list((tmp_path / "store/deliveries").glob("job-1+revised+*.json"))) == 3
    forget(open_store(store), "job-1")
    assert not (tmp_path / "store/deliveries").exists()
