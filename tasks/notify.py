"""notify: the terminal callback, with its receipt in the store."""

import json

from prefect import task
from prefect.logging import get_run_logger

from blocks.callback import endpoint
from blocks.storage import ArtifactStore, open_store
from ecg_audio.delivery import callback
from ecg_audio.delivery.courier import Courier
from ecg_audio.delivery.outbox import Letter, Outbox, Receipt
from ecg_audio.errors import EcgError
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome
from tasks.publish import NAMES
from tasks.retrying import RETRYING


@task(name="notify", **RETRYING)
def notify(request: AnalysisRequest, run_id: str, ended: Outcome, progress: int) -> Receipt:
    """Tell the backend how a job ended, once.

    Args:
        request: what was asked; it names a callback.
        run_id: the flow run, whose published wire document is the result.
        ended: how it went; a partial result is a completed job whose metadata says what is missing.
        progress: the figure that was reached last; a failed job stays at it.
    """
    assert request.callback
    where = endpoint(request.callback)
    if ended.status == "failed":
        shelf = _shelf(request)
        code, message = ended.error_code or EcgError.code, ended.error_message or "the job failed"
        body = callback.failed(ended.job_id, progress, code, message, where.locale)
        letter = Letter(ended.job_id, run_id, "failed", body, code, message)
    else:
        shelf = open_store(request.store)
        result = json.loads(shelf.read(f"runs/{run_id}/{NAMES['backend']}"))
        letter = Letter(ended.job_id, run_id, "completed", callback.completed(ended.job_id, result, where.locale))
    with Courier(where) as courier:
        receipt = Outbox(shelf).deliver(letter, courier)
    said = f"terminal callback to {where.url}: {receipt.state} after {len(receipt.attempts)} attempts"
    logger = get_run_logger()
    if receipt.state == "delivered":
        logger.info(said)
    else:
        logger.error("%s; the last: %s", said, receipt.attempts[-1].said if receipt.attempts else "none")
    return receipt


def _shelf(request: AnalysisRequest) -> ArtifactStore | None:
    """The store; None where that is what the job failed for: the backend hears of it without a receipt."""
    try:
        return open_store(request.store)
    except EcgError as error:
        get_run_logger().warning("no receipt will be kept: %s", error.message)
        return None
