"""The states of Prefect's runs, in groups that are the same for all who read them, and the error that ended a run."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ecg_audio.errors import EcgError, InvalidRequest, JobCancelled, recalled

LOST = "CRASHED"
"""A run stands so from the loss of its process until the reconciler has begun it again, or ended it."""
WAITING = ("SCHEDULED", "PAUSED")
TAKEN = ("PENDING", "RUNNING", "CANCELLING")
"""A worker has taken the run, and a process works for it or is about to."""
OVER = ("COMPLETED", "FAILED", "CANCELLED")
UNENDED = (*WAITING, *TAKEN, LOST)
COUNTED = {
    "queued": (*WAITING, "PENDING", LOST),
    "running": ("RUNNING", "CANCELLING"),
    "completed": ("COMPLETED",),
    "failed": ("FAILED",),
    "cancelled": ("CANCELLED",),
}
"""What people count, in Prefect's words."""
STATES: dict[str, Any] = {prefects: ours for ours, all_of_prefects in COUNTED.items() for prefects in all_of_prefects}
FORSAKEN = timedelta(minutes=10)
"""A lost run that nobody has looked after for so long has no reconciler."""
REJECTED = "Validation of flow parameters failed with error:"
"""How Prefect begins to say that a run was refused for its parameters, before any code of ours ran."""


def over(state: str, since: datetime) -> bool:
    """Whether a run that has been in a state since then stays so."""
    return state in OVER or (state == LOST and since < datetime.now(UTC) - FORSAKEN)


def failure(state: str, said: str) -> EcgError:
    """The error that ended a run, from what Prefect says of its state."""
    if state == "CANCELLED":
        return JobCancelled(said or "the job was cancelled")
    if said.startswith(REJECTED):
        return InvalidRequest(said.removeprefix(REJECTED).strip())
    told = said.partition("exception: ")[2] or said
    return recalled(told) or EcgError(told or f"the run ended as {state.lower()}")
