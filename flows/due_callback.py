"""What is owed to a backend: given how a run ended, what was published and what the receipt says."""

from dataclasses import dataclass

from blocks.run_states import failure
from ecg_audio.delivery.outbox import Receipt
from ecg_audio.results.outcome import Outcome
from flows.callbacks import failed
from flows.runs import Run


@dataclass(frozen=True, slots=True)
class DueCallback:
    """What is to be told. `outcome` None: nothing, and `why` not."""

    outcome: Outcome | None
    why: str


def due_callback(run: Run, receipt: Receipt | None, published: str | None) -> DueCallback:
    """What is owed for a job whose newest run has ended.

    A published result is a completed job, whatever became of the run afterwards.

    Args:
        run: the job's newest run; its request names a job.
        receipt: of the job's terminal callback; None: there is none.
        published: the run whose result is published; None: none is.
    """
    assert run.request
    job_id = run.request.job_id
    same = receipt is not None and receipt.run_id == str(run.run_id)
    if receipt and (receipt.state == "delivered" or (same and receipt.state == "refused")):
        return DueCallback(None, receipt.state)
    if published == str(run.run_id):
        return DueCallback(Outcome(job_id=job_id, status="completed"), "the result is published")
    if run.state == "COMPLETED":
        return DueCallback(None, "its result was replaced or removed")
    if receipt and same and receipt.status == "failed":
        told = Outcome(
            job_id=job_id, status="failed", error_code=receipt.error_code, error_message=receipt.error_message
        )
        return DueCallback(told, "not delivered yet")
    return DueCallback(failed(job_id, failure(run.state, run.message)), run.message or run.state.lower())
