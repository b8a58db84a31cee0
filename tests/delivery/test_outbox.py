import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from blocks.storage import FolderStore
from ecg_audio import layout
from ecg_audio.address import Permit
from ecg_audio.delivery import callback, outbox
from ecg_audio.delivery.callback import Endpoint
from ecg_audio.delivery.client import CallbackClient
from ecg_audio.delivery.outbox import Attempt, Outbox, Receipt, RetryPolicy, TerminalCallback
from ecg_audio.store import ArtifactStore
from tests.support.callbacks.receiver import Receiver, Reply, receiving

LOOPBACK = Permit(["127.0.0.0/8"])
SECRET = "between us"
QUICK = RetryPolicy(total_s=5.0, first_s=0.02, most_s=0.1)

Deliver = Callable[..., Receipt]


def message(run_id: str = "run-1", job_id: str = "job-1") -> TerminalCallback:
    """A job that failed."""
    body = callback.failed(job_id, 45, "TRANSCRIPTION_ERROR", "it broke", "ko")
    return TerminalCallback(job_id, run_id, "failed", body, "TRANSCRIPTION_ERROR", "it broke")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A backend that knows job-1."""
    with receiving("job-1", secret=SECRET) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Where receipts lie."""
    return FolderStore(tmp_path / "store")


@pytest.fixture
def deliver(receiver: Receiver, store: FolderStore) -> Deliver:
    """Deliver a message to the receiver."""

    def run(
        what: TerminalCallback | None = None,
        *,
        secret: str = SECRET,
        retry_policy: RetryPolicy = QUICK,
        permit: Permit = LOOPBACK,
        store: ArtifactStore | None = store,
    ) -> Receipt:
        with CallbackClient(Endpoint(receiver.base_url, secret=secret), permit) as client:
            return Outbox(store, retry_policy).deliver(what or message(), client)

    return run


def test_a_taken_letter_is_never_sent_again(deliver: Deliver, receiver: Receiver) -> None:
    """Neither by the same run nor by another: the backend hears one end."""
    first = deliver()
    assert first.state == "delivered" and '"received"' in first.attempts[0].said
    assert deliver() == first and deliver(message("run-2")) == first
    assert len(receiver.seen) == 1 and receiver.jobs["job-1"].error_code == "TRANSCRIPTION_ERROR"


def test_both_signatures_hold_on_the_wire(deliver: Deliver, receiver: Receiver) -> None:
    """The receiver takes today's header, and Standard Webhooks' own library takes the other; the agent is known."""
    deliver()
    headers, _ = receiver.seen[0]
    assert receiver.answers == [200] and headers["user-agent"] == "ML-Server/1.0"
    Webhook(SECRET.encode()).verify(message().body, headers)


def test_of_many_senders_one_is_heard(deliver: Deliver, receiver: Receiver) -> None:
    """Eight at once, of two runs and two endings: one message arrives, and all know of it."""
    never = threading.Event()
    receiver.fault = lambda _number, _body: Reply(500) if never.wait(0.3) else None  # a slow answer, no fault
    messages = [message(f"run-{number % 2}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(deliver, messages))
    assert len(receiver.seen) == 1 and {receipt.state for receipt in receipts} == {"delivered"}


def test_a_letter_has_the_same_id_whoever_sends_it(receiver: Receiver, deliver: Deliver, tmp_path: Path) -> None:
    """Even where the receipt was lost between two attempts."""
    first, second = (deliver(store=FolderStore(tmp_path / name)) for name in "ab")
    assert first.message_id == second.message_id == receiver.seen[1][0]["webhook-id"]


def test_an_open_letter_rests_longer_and_longer() -> None:
    """A quarter of the time it has been tried for, an hour at most, and as long as the receiver asks."""
    begun = datetime(2030, 1, 1, tzinfo=UTC)

    def receipt(*tried_s: float, asked_s: float | None = None) -> Receipt:
        attempts = [
            Attempt(at=(begun + timedelta(seconds=at_s)).isoformat(), status=503, said="", retry_after_s=asked_s)
            for at_s in tried_s
        ]
        return Receipt(job_id="j", run_id="r", message_id="m", address="a", status="failed", attempts=tuple(attempts))

    def rest_s(of: Receipt) -> int:
        last = datetime.fromisoformat(of.attempts[-1].at)
        return next(wait for wait in range(100_000) if of.due(last + timedelta(seconds=wait)))

    assert receipt().due(begun)
    assert [rest_s(receipt(0, tried)) for tried in (0, 20, 1200, 80_000)] == [0, 5, 300, 3600]
    assert rest_s(receipt(0, 20, asked_s=900)) == 900


@pytest.mark.parametrize("fault", [Reply(500), Reply(503), Reply(429), Reply(408), Reply(None)])
def test_what_may_pass_is_tried_again_under_the_same_id(deliver: Deliver, receiver: Receiver, fault: Reply) -> None:
    """Errors of the server, haste, and broken connections: three times, then it is taken."""
    receiver.fault = lambda number, _body: fault if number < 3 else None
    receipt = deliver()
    assert receipt.state == "delivered"
    assert [attempt.status for attempt in receipt.attempts] == [*[fault.status] * 3, 200]
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 1


def test_a_lost_answer_makes_no_second_end(deliver: Deliver, receiver: Receiver) -> None:
    """The backend took the message and its answer got lost: it comes again under the id that the backend knows."""
    receiver.fault = lambda number, _body: Reply(None, after=True) if number == 0 else None
    assert deliver().state == "delivered"
    assert receiver.jobs["job-1"].ended_by == receiver.seen[1][0]["webhook-id"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 301, 307])
def test_a_refusal_is_final(deliver: Deliver, receiver: Receiver, store: FolderStore, status: int) -> None:
    """Once, and no more from this run; redirects are not followed."""
    receiver.fault = lambda _number, _body: Reply(status, {"Location": receiver.base_url + "/elsewhere"})
    assert deliver().state == "refused" and deliver().state == "refused"
    assert len(receiver.seen) == 1
    kept = outbox.receipt(store, "job-1")
    assert kept and kept.state == "refused" and kept.attempts[0].status == status


def test_the_receivers_own_rules_refuse(deliver: Deliver, receiver: Receiver) -> None:
    """A wrong secret is 401, an unknown job 404."""
    assert deliver(secret="another").attempts[0].status == 401
    assert deliver(message(job_id="job-2")).attempts[0].status == 404


@pytest.mark.parametrize("as_date", [False, True])
def test_the_receiver_says_when(deliver: Deliver, receiver: Receiver, as_date: bool) -> None:
    """Retry-After is obeyed, in seconds or as a date."""
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    receiver.fault = lambda number, _body: (
        Reply(429, {"Retry-After": until if as_date else "1"}) if number == 0 else None
    )
    began = time.monotonic()
    assert deliver().state == "delivered"
    assert 0.9 <= time.monotonic() - began < 4.0


def test_patience_ends_and_a_later_try_goes_on(deliver: Deliver, receiver: Receiver, store: FolderStore) -> None:
    """The receipt stays pending; the same run sends the same id again, and the attempts add up."""
    receiver.fault = lambda _number, _body: Reply(503)
    before = deliver(retry_policy=RetryPolicy(total_s=0.3, first_s=0.05, most_s=0.1))
    assert before.state == "pending" and 2 <= len(before.attempts) <= 8
    assert outbox.receipt(store, "job-1") == before
    receiver.fault = lambda _number, _body: None
    after = deliver()
    assert (after.state, after.message_id) == ("delivered", before.message_id)
    assert len(after.attempts) == len(before.attempts) + 1


def test_a_wait_longer_than_patience_is_not_begun(deliver: Deliver, receiver: Receiver) -> None:
    """A receiver that wants an hour gets it, from whoever comes later."""
    receiver.fault = lambda _number, _body: Reply(503, {"Retry-After": "3600"})
    began = time.monotonic()
    assert deliver().state == "pending" and time.monotonic() - began < 2.0


def test_an_undelivered_letter_gives_way_to_a_new_run(deliver: Deliver, receiver: Receiver) -> None:
    """Another run has another message, under another id."""
    receiver.fault = lambda _number, _body: Reply(503)
    before = deliver(retry_policy=RetryPolicy(total_s=0.0))
    receiver.fault = lambda _number, _body: None
    after = deliver(message("run-2"))
    assert (after.state, after.run_id) == ("delivered", "run-2") and after.message_id != before.message_id


def test_nobody_listens(store: FolderStore) -> None:
    """A closed port is tried until retry_policy ends, and the receipt says why."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with CallbackClient(Endpoint(address), LOOPBACK) as client:
        receipt = Outbox(store, RetryPolicy(total_s=0.2, first_s=0.05)).deliver(message(), client)
    assert receipt.state == "pending" and "refused" in receipt.attempts[0].said


def test_a_private_address_hears_nothing(deliver: Deliver, receiver: Receiver) -> None:
    """The rule for sources holds for callbacks: refused, and not one byte arrives."""
    receipt = deliver(permit=Permit())
    assert receipt.state == "refused" and "not a public address" in receipt.attempts[0].said
    assert receiver.seen == []


def test_a_store_that_takes_no_receipt_does_not_silence_the_job(
    deliver: Deliver, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The backend hears of the end; the log says that no receipt is kept."""
    (tmp_path / "file").write_text("")
    assert deliver(store=FolderStore(tmp_path / "file")).state == "delivered"
    assert len(receiver.terminal()) == 1 and "is not kept" in caplog.text
    assert deliver(store=None).attempts[-1].said == '{"status": "already_failed"}'


def test_a_torn_receipt_is_not_believed(deliver: Deliver, store: FolderStore, receiver: Receiver) -> None:
    """What cannot be read is no receipt: better heard twice than never."""
    store.write(layout.receipt("job-1"), b'{"job_id": "jo')
    assert deliver().state == "delivered" and len(receiver.seen) == 1


def test_waits_grow_and_are_spread() -> None:
    """Doubling from the first to the longest, jittered down to a half, never below what is asked."""
    retry_policy = RetryPolicy(first_s=1.0, most_s=30.0)
    for failures, longest in [(1, 1.0), (2, 2.0), (5, 16.0), (9, 30.0), (5000, 30.0)]:
        waits = [retry_policy.wait_s(failures, None) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert retry_policy.wait_s(1, 7.0) == 7.0
