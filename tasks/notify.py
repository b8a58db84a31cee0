"""notify: the terminal callback, with its receipt in the store."""

import json
from uuid import UUID

import httpx
from prefect import task
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from blocks.callback import endpoint
from blocks.storage import ArtifactStore, open_store
from ecg_audio import layout
from ecg_audio.delivery import callback
from ecg_audio.delivery.client import CallbackClient
from ecg_audio.delivery.outbox import Outbox, Receipt, RetryPolicy, TerminalCallback
from ecg_audio.errors import EcgError
from ecg_audio.request import AnalysisRequest, Callback
from ecg_audio.results.outcome import Outcome
from tasks.retrying import RETRYING

LINK_LASTS_S = 7 * 24 * 3600.0
"""S3 knows no longer one, and ends it earlier where the credentials that signed it are temporary."""
TOLD = "callback:"
"""Prefix of the tag that a run bears whose end the backend has heard, or refused to hear."""


@task(name="notify", **RETRYING)
def notify(request: AnalysisRequest, run_id: str, ended: Outcome, progress: int, patience_s: float) -> Receipt:
    """Tell the backend how a job ended, once.

    Args:
        request: what was asked; it names a callback.
        run_id: the flow run, whose published wire document is the result.
        ended: how it went; a partial result is a completed job whose metadata says what is missing.
        progress: the figure that was reached last; a failed job stays at it.
        patience_s: for how long it is tried.
    """
    assert request.callback
    where = endpoint(request.callback)
    if ended.status == "failed":
        store = _store(request)
        code, message = ended.error_code or EcgError.code, ended.error_message or "the job failed"
        body = callback.failed(request.job_id, progress, code, message, where.locale)
        told = TerminalCallback(request.job_id, run_id, "failed", body, code, message, progress)
    else:
        store = open_store(request.store)
        body = completed(request.job_id, run_id, store, where.locale)
        told = TerminalCallback(request.job_id, run_id, "completed", body)
    with CallbackClient(where) as client:
        receipt = Outbox(store, RetryPolicy(patience_s)).deliver(told, client)
    said = f"terminal callback to {where.url}: {receipt.state} after {len(receipt.attempts)} attempts"
    logger = get_run_logger()
    if receipt.state == "delivered":
        logger.info(said)
    else:
        logger.error("%s; the last: %s", said, receipt.attempts[-1].said if receipt.attempts else "none")
    if receipt.state != "pending":
        _tag(run_id, TOLD + receipt.state)
    return receipt


@task(name="notify_revision", **RETRYING)
def notify_revision(where: Callback, job_id: str, run_id: str, store: str, patience_s: float) -> Receipt:
    """Tell a backend, once for each revision, of a job's corrected result: `completed` again, with the new result.

    Args:
        where: who is told.
        job_id: the job.
        run_id: the run that published the revision.
        store: reference of the artifact store.
        patience_s: for how long it is tried; nobody goes on with it later.
    """
    found, artifacts = endpoint(where), open_store(store)
    body = completed(job_id, run_id, artifacts, found.locale)
    told = TerminalCallback(layout.told_revision(job_id, run_id), run_id, "completed", body)
    with CallbackClient(found) as client:
        receipt = Outbox(artifacts, RetryPolicy(patience_s)).deliver(told, client)
    said = f"callback of the revision to {found.url}: {receipt.state} after {len(receipt.attempts)} attempts"
    (get_run_logger().info if receipt.state == "delivered" else get_run_logger().error)(said)
    return receipt


def completed(job_id: str, run_id: str, store: ArtifactStore, locale: callback.Locale) -> bytes:
    """The body that brings a published result; where it is too large for that, most of it by a link."""
    key = layout.output(run_id, "backend")
    result = json.loads(store.read(key))
    body = callback.completed(job_id, result, locale)
    if len(body) <= callback.LARGEST_BYTES:
        return body
    return callback.completed(job_id, callback.condensed(result, store.uri(key), store.link(key, LINK_LASTS_S)), locale)


def _tag(run_id: str, tag: str) -> None:
    """Note it at the run as well: a second witness, should the receipt not be kept."""
    try:
        with get_client(sync_client=True) as client:
            tags = client.read_flow_run(UUID(run_id)).tags
            client.update_flow_run(UUID(run_id), tags=sorted({*tags, tag}))
    except (httpx.HTTPError, ObjectNotFound) as error:
        get_run_logger().warning("the run is not tagged %s: %s", tag, error)


def _store(request: AnalysisRequest) -> ArtifactStore | None:
    """The store; None where that is what the job failed for: the backend hears of it without a receipt."""
    try:
        return open_store(request.store)
    except EcgError as error:
        get_run_logger().warning("no receipt will be kept: %s", error.message)
        return None
