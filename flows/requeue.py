"""Beginning again: a run that was lost goes back into the queue, as the same run, so often and no more.

The reconciler alone does it. Prefect's own rules make it safe with several of them, and with whoever cancels: only
one can make a lost run pending, nobody starts one that is, and a cancelled one cannot be. A run that waits to be
begun again bears the mark of its loss, which turns away a reconciler that comes late. How often a run was begun again
stands in its history of states, by the marks.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import AwaitingRetry, Cancelled, Failed, Pending, to_state_create

from flows.runs import Run, unmoved

RESTS_S = (5.0, 15.0, 45.0, 135.0)
"""After each loss; the next one is the last."""
TRIES = len(RESTS_S) + 1

Done = Literal["begun again", "spent", "somebody else is at it", "cancelled"]


def begin_again(client: SyncPrefectClient, run: Run) -> tuple[Done, int]:
    """Put a lost run back into the queue, after a rest; returns what was done, and how often the run was lost."""
    losses = 1 + len(_losses(client, run))
    if losses > len(RESTS_S):
        return "spent", losses
    if not unmoved(client, run) or not _held(client, run):
        return "somebody else is at it", losses
    # what is not there need not be ended: whoever cancels a waiting run then cancels it at once
    path = {"id": str(run.run_id)}
    client.request("PATCH", "/flow_runs/{id}", path_params=path, json={"infrastructure_pid": None})
    at = datetime.now(UTC) + timedelta(seconds=RESTS_S[losses - 1])
    said = f"begun again, try {losses + 1} of {TRIES}: {run.message or 'the run was lost'}"
    # by force, because it bears the mark of the state before; a cancel that this steps over is found next
    _set(client, run, AwaitingRetry(scheduled_time=at, message=said), force=True)
    if _cancelled_meanwhile(client, run):
        client.set_flow_run_state(run.run_id, Cancelled(message="the job was cancelled"))
        return "cancelled", losses
    return "begun again", losses


def give_up(client: SyncPrefectClient, run: Run, losses: int) -> None:
    """Let a run that was lost for the last time be failed, with the error that it names, else as lost."""
    told = run.message.partition("exception: ")[2] or f"RunLost: the run was lost: {run.message}"
    end(client, run, Failed(message=f"Flow run encountered an exception: {told} (tried {losses} times)"))


def end(client: SyncPrefectClient, run: Run, state: State[None]) -> None:
    """Let a lost run be what it is, if nobody has moved it meanwhile."""
    if unmoved(client, run):
        client.set_flow_run_state(run.run_id, state)


def _held(client: SyncPrefectClient, run: Run) -> bool:
    """Whether the run is now pending by our doing: nobody else can make it so, or start it."""
    return _set(client, run, Pending(message="the reconciler begins it again"))


def _set(client: SyncPrefectClient, run: Run, state: State[None], *, force: bool = False) -> bool:
    """Let a run enter a state that bears the mark of its loss; returns whether Prefect permits it.

    Prefect refuses a state whose mark is that of the state which stands; its client would make up a new mark each time.
    """
    wanted = to_state_create(state)
    wanted.state_details.transition_id = uuid5(run.state_id, "begun again")
    asked = {"state": wanted.model_dump(mode="json", serialize_as_any=True), "force": force}
    answer = client.request("POST", "/flow_runs/{id}/set_state", path_params={"id": str(run.run_id)}, json=asked)
    return bool(answer.json()["status"] == SetStateStatus.ACCEPT.value)


def _cancelled_meanwhile(client: SyncPrefectClient, run: Run) -> bool:
    ending = {"CANCELLING", "CANCELLED"}
    return any(state.type.value in ending and state.timestamp > run.since for state in _history(client, run))


def _losses(client: SyncPrefectClient, run: Run) -> set[UUID]:
    """The marks of the losses after which the run was begun again.

    A request that Prefect took and could not answer is sent again by its client: then a loss stands there twice.
    """
    waited = (state for state in _history(client, run) if state.name == AwaitingRetry().name)
    return {state.state_details.transition_id or state.id for state in waited}


def _history(client: SyncPrefectClient, run: Run) -> list[State[None]]:
    found: list[State[None]] = client.read_flow_run_states(run.run_id)
    return found
