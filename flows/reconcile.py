"""reconcile: what was lost is begun again; whatever ended a job, its backend hears of it, once.

A run tells its end itself, if it lives to do so. This flow asks Prefect which runs have ended, or are lost, begins the
lost ones again, and compares what ended with the receipts of what was told. It keeps nothing that it could not find
out again, so it may be killed, run late, or run twice at once. It is scheduled every minute, and nudged when a run ends
badly; one that comes while another is at work leaves it to that one.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from prefect import flow, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.variables import Variable
from pydantic import Field

from blocks.published import published
from blocks.run_states import LOST, OVER, TAKEN, WAITING
from blocks.storage import ArtifactStore, open_store
from ecg_audio import workspace
from ecg_audio.delivery import outbox
from ecg_audio.delivery.outbox import Receipt
from ecg_audio.errors import EcgError
from ecg_audio.results.outcome import Outcome
from flows import lost, requeue, runs
from flows.due_callback import DueCallback, due_callback
from flows.runs import BATCH, BURNING, REMEMBERING, REVISION, UPKEEP, Run
from flows.sweeping import sweep_store
from flows.unkept import UNKEPT
from tasks.notify import TOLD, notify

AT_ONCE = 8
CALLBACKS_A_PASS = 200
"""At most so many in one pass; the next one goes on."""
OVERLAP = timedelta(minutes=10)
SWEEP_EVERY = timedelta(hours=1)
MEMORY = "ecg_reconcile"
CLAIM = "ecg_reconciling"
CLAIMED = timedelta(seconds=60)
"""So long does a claim stand; a pass that takes longer may be joined by another, which does no harm."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A job whose backend has not heard its end, and at which figure it stood."""

    run: Run
    outcome: Outcome
    progress: int

    @property
    def address(self) -> tuple[str | None, str | None]:
        """Where the callback goes."""
        assert self.run.request and self.run.request.callback
        return self.run.request.callback.base_url, self.run.request.callback.endpoint


def run_name() -> str:
    """When it came, to the minute."""
    return f"upkeep {datetime.now(UTC):%Y-%m-%d %H:%M}"


@flow(
    name=UPKEEP,
    flow_run_name=run_name,
    description="Begins lost runs again, tells backends how their jobs ended where the runs could not, and sweeps.",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]  # its parameter is invariant
    **UNKEPT,
)
def reconcile(
    horizon_h: Annotated[float, Field(title="How far back (hours)")] = 24.0,
    silent_s: Annotated[float | None, Field(title="Lost when silent for (seconds)")] = None,
) -> list[dict[str, str]]:
    """Begin again what was lost, tell what is owed, and sweep.

    Args:
        horizon_h: how many hours back runs are looked at, and so how long an undelivered callback is tried.
        silent_s: a run without a sign of life for so many seconds is lost. None: three of Prefect's heartbeats.

    Returns:
        One row for each job that was looked into, as in the table artifact.
    """
    me = str(runtime.flow_run.id)
    if not _claimed(me):
        get_run_logger().info("another reconciler is at work")
        return []
    rows: list[dict[str, str]] = []
    with get_client(sync_client=True) as client:
        while True:
            began = datetime.now(UTC)
            rows += _pass(client, began, timedelta(hours=horizon_h), silent_s or _usual_silence_s())
            if not any(run.state == LOST for run in runs.ended(client, began)):
                break  # whoever nudged meanwhile was sent away
        runs.forget_idle(client, UPKEEP)
    Variable.set(CLAIM, {}, overwrite=True)
    if rows:
        create_table_artifact(rows, key="reconciled", description="What was done and told, and what waits")
    return rows


def _pass(client: SyncPrefectClient, now: datetime, horizon: timedelta, silent_s: float) -> list[dict[str, str]]:
    memory = Memory.recalled(now - horizon)
    rows = _decided(client, now - horizon)
    if gone := lost.end_lost(client, silent_s):  # which takes a while
        rows += [_row(run, "lost", "ended here") for run in gone]
        rows += _decided(client, now - horizon)
    # in this order: a run that moves on meanwhile is seen twice, and not never
    open_runs = runs.standing(client, WAITING) + runs.standing(client, TAKEN)
    ended = runs.ended(client, memory.settled_until)
    newest = [run for run in runs.newest([*ended, *open_runs]) if run.state in (*OVER, LOST)]
    undecided = [run for run in newest if run.state == LOST]
    examined, owed, unsettled = _examined(client, [run for run in newest if run.state != LOST], now)
    rows += examined
    unsettled += undecided
    for row, callback, left in _delivered(owed):
        rows.append(row)
        unsettled += [callback.run] if left else []
    swept = memory.swept_at
    if now - swept >= SWEEP_EVERY:
        day = runs.ended(client, now - horizon)
        _sweep(runs.newest([*day, *open_runs]), now)
        swept = now
    settled_until = min([now - OVERLAP, *(run.ended for run in unsettled if run.ended)])
    Memory(max(settled_until, now - horizon), swept).keep()
    return rows


def _decided(client: SyncPrefectClient, oldest: datetime) -> list[dict[str, str]]:
    """Decide of every lost run what becomes of it; where its store is away, the next pass does."""
    jobs = runs.standing(client, [LOST])
    others_lost = runs.standing(client, [LOST], BATCH, REVISION, BURNING, REMEMBERING)
    if not jobs and not others_lost:
        return []
    others = runs.standing(client, WAITING) + runs.standing(client, TAKEN) + runs.ended(client, oldest)
    newest = {run.run_id for run in runs.newest([*others, *jobs])}
    rows = []
    for run in [*jobs, *others_lost]:
        if run.ended is not None and run.ended < oldest:
            requeue.end(client, run, Failed(message=f"the run was lost: {run.message}"))
        elif run.request and run.run_id not in newest:
            requeue.end(client, run, Failed(message="the run was lost, and another one of the same job followed"))
        else:
            rows.append(_row(run, *_resumed(client, run)))
    return rows


def _resumed(client: SyncPrefectClient, run: Run) -> tuple[str, str]:
    """Do with a lost run what its store permits; returns what was done, and why."""
    try:
        receipt, known = _witnesses(run, _opened(run.request.store)) if run.request else (None, None)
    except EcgError as error:
        return "waits", f"{error.code}: {error.message}"
    if known == str(run.run_id):
        requeue.end(client, run, Completed(message="the result was published before the run was lost"))
        return "completed", "its result is published"
    told = receipt is not None and receipt.run_id == str(run.run_id) and receipt.status == "failed"
    if told or any(tag.startswith(TOLD) for tag in run.tags):
        requeue.end(client, run, Failed(message="the run had told its failure before it was lost"))
        return "failed", "it was told so"
    if lost.works_here(run):
        return "waits", "its process still works"
    done, losses = requeue.begin_again(client, run)
    if done == "spent":
        requeue.give_up(client, run, losses)
    return done, f"lost {losses} times; the last time: {run.message}"


def _witnesses(run: Run, store: ArtifactStore | EcgError) -> tuple[Receipt | None, str | None]:
    """The receipt of a job's callback, and the run whose result is published; raises what keeps the store away."""
    assert run.request
    if isinstance(store, EcgError):
        if store.by_user:  # there never was such a store: the run will say so itself
            return None, None
        raise store
    receipt = outbox.receipt(store, run.request.job_id)
    known = published(store, run.request.job_id)
    return receipt, known.analysed_by if known else None


def _examined(
    client: SyncPrefectClient, newest: Iterable[Run], now: datetime
) -> tuple[list[dict[str, str]], list[Owed], list[Run]]:
    """Rows for what needs or permits no callback now, the callbacks that are due, and the runs to look at again."""
    concerned = [
        run for run in newest if run.request and run.request.callback and not any(t.startswith(TOLD) for t in run.tags)
    ]
    stores = {named: _opened(named) for named in {run.request.store for run in concerned if run.request}}

    def examine(run: Run) -> tuple[Run, DueCallback | EcgError, Receipt | None]:
        assert run.request
        try:
            receipt, known = _witnesses(run, stores[run.request.store])
        except EcgError as error:
            return run, error, None
        return run, due_callback(run, receipt, known), receipt

    rows, owed, unsettled = [], [], []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for run, found, receipt in pool.map(examine, concerned):
            if isinstance(found, EcgError):
                rows.append(_row(run, "waits", f"{found.code}: {found.message}"))
                unsettled.append(run)
            elif found.outcome is None:
                rows += [] if receipt and receipt.state == found.why else [_row(run, "nothing to tell", found.why)]
            elif receipt and receipt.state == "pending" and not receipt.due(now):
                rows.append(_row(run, "waits", "the receiver is given a rest"))
                unsettled.append(run)
            else:
                same = receipt is not None and receipt.run_id == str(run.run_id)
                figure = receipt.progress if receipt and same else _reached(client, run)
                owed.append(Owed(run, found.outcome, figure))
    return rows, owed, unsettled


def _reached(client: SyncPrefectClient, run: Run) -> int:
    known = runs.progress(client, run.run_id)
    return int(known[1]) if known else 0


def _opened(named: str | None) -> ArtifactStore | EcgError:
    try:
        store = open_store(named)
        store.check()  # one that is away would look as if nobody had been told
    except EcgError as error:
        return error
    return store


def _delivered(owed: list[Owed]) -> Iterator[tuple[dict[str, str], Owed, bool]]:
    """Deliver, each callback once; yields a row for each, and whether it is left for another pass.

    One callback goes to each address first. Where nobody answers, the others are kept back.
    """
    owed = sorted(owed, key=lambda callback: callback.run.since)
    later = owed[CALLBACKS_A_PASS:]
    groups: dict[object, list[Owed]] = {}
    for callback in owed[:CALLBACKS_A_PASS]:
        groups.setdefault(callback.address, []).append(callback)
    first = [(group, _sent(group[0])) for group in groups.values()]
    rest: list[tuple[Owed, PrefectFuture[Receipt]]] = []
    for group, future in first:
        receipt = future.result(raise_on_failure=False)
        yield _delivery(group[0], receipt)
        nobody = isinstance(receipt, Receipt) and receipt.state == "pending" and not _answered(receipt)
        if nobody:
            later += group[1:]
        else:
            rest += [(callback, _sent(callback)) for callback in group[1:]]
    for callback, future in rest:
        yield _delivery(callback, future.result(raise_on_failure=False))
    for callback in later:
        yield _row(callback.run, "waits", "for another pass"), callback, True


def _sent(callback: Owed) -> PrefectFuture[Receipt]:
    assert callback.run.request
    once = notify.with_options(retries=0)
    return once.submit(callback.run.request, str(callback.run.run_id), callback.outcome, callback.progress, 0.0)


def _answered(receipt: Receipt) -> bool:
    return bool(receipt.attempts) and receipt.attempts[-1].status is not None


def _delivery(callback: Owed, receipt: Receipt | BaseException) -> tuple[dict[str, str], Owed, bool]:
    if not isinstance(receipt, Receipt):
        hopeless = isinstance(receipt, EcgError) and not receipt.retryable  # there is no such endpoint block
        row = _row(callback.run, "fails" if hopeless else "waits", f"{type(receipt).__name__}: {receipt}")
        return row, callback, not hopeless
    said = receipt.attempts[-1].said if receipt.attempts else "another sender is at it"
    told = f"{receipt.status} {receipt.error_code or ''}".strip()
    return _row(callback.run, f"{told}: {receipt.state}", said), callback, receipt.state == "pending"


def _sweep(newest: Iterable[Run], now: datetime) -> None:
    """Everything dead runs left behind; what cannot be reached now is swept another time."""
    workspace.sweep()
    swept: list[dict[str, str]] = []
    dead: dict[str | None, list[Run]] = {None: []}
    for run in newest:
        if run.request and run.state in {"FAILED", "CANCELLED", LOST}:
            dead.setdefault(run.request.store, []).append(run)
    for named, left in dead.items():
        try:
            gone = sweep_store(open_store(named), left, now)
        except EcgError as error:
            get_run_logger().warning("the store %s is not swept: %s", named, error)
            swept.append({"store": named or "", "swept": f"{error.code}: {error.message}"})
        else:
            get_run_logger().info("%d objects swept in the store %s", gone, named)
            swept += [{"store": named or "", "swept": f"{gone} objects"}] if gone else []
    if swept:
        create_table_artifact(swept, key="swept", description="What dead runs had left")


@dataclass(frozen=True, slots=True)
class Memory:
    """What one pass tells the next, in a Prefect variable. Only to save work: lost, it is found out again.

    Attributes:
        settled_until: of runs that ended before, nothing is owed any more.
        swept_at: when the last sweep was.
    """

    settled_until: datetime
    swept_at: datetime

    @classmethod
    def recalled(cls, oldest: datetime) -> "Memory":
        """What the last pass left; nothing older than `oldest`."""
        kept: Any = Variable.get(MEMORY, default={})
        if not isinstance(kept, dict):
            kept = {}
        try:
            settled, swept = (datetime.fromisoformat(kept[name]) for name in ("settled_until", "swept_at"))
        except (KeyError, TypeError, ValueError):
            return cls(oldest, oldest)
        return cls(max(settled, oldest), max(swept, oldest))

    def keep(self) -> None:
        """Leave it for the next pass."""
        moments = {"settled_until": self.settled_until.isoformat(), "swept_at": self.swept_at.isoformat()}
        Variable.set(MEMORY, moments, overwrite=True)


def _claimed(me: str) -> bool:
    """Take the reconcilers' place, unless another one has it; a claim ends by itself.

    Two that ask at the same moment may both have it. That is no harm, only work done twice.
    """
    now = datetime.now(UTC)
    kept: Any = Variable.get(CLAIM, default={})
    until = kept.get("until") if isinstance(kept, dict) else None
    if isinstance(until, str) and now < datetime.fromisoformat(until) <= now + CLAIMED:
        return False
    Variable.set(CLAIM, {"by": me, "until": (now + CLAIMED).isoformat()}, overwrite=True)
    return True


def _usual_silence_s() -> float:
    return 3.0 * (get_current_settings().flows.heartbeat_frequency or 180)


def _row(run: Run, done: str, why: str) -> dict[str, str]:
    job_id = run.request.job_id if run.request else "?"
    return {"job": job_id, "run": str(run.run_id), "state": run.state, "told": done, "why": why[:300]}
