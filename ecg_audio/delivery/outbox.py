"""The terminal callback, delivered once, with a receipt in the store.

The receipt says what was to be delivered, under which message id, and what every attempt met. It is written before the
first attempt and after each one, so that whoever comes later (a second try of the same run, an operator, the
reconciler) knows whether the backend has heard. Each attempt is made under a claim, so that of several senders one
goes ahead. The message id follows from the job, the run and how it ended: a message whose answer was lost goes out
again under the same id, whoever sends it.
"""

import hashlib
import logging
import random
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ecg_audio import claim, layout
from ecg_audio.analysis import Model
from ecg_audio.delivery.client import Answer, CallbackClient
from ecg_audio.errors import EcgError, ResultNotFound
from ecg_audio.store import ArtifactStore

logger = logging.getLogger(__name__)

LATER_AT_MOST_S = 3600.0


class Attempt(Model):
    """One try: when, HTTP's answer (None: there was none), what was said, and for how long to be left alone."""

    at: str
    status: int | None
    said: str
    retry_after_s: float | None = None


class Receipt(Model):
    """What became of a job's terminal callback.

    Attributes:
        progress: the figure that a `failed` callback carries.
        state: pending: nobody answered yet, or only "later"; refused: the receiver does not want it.
    """

    job_id: str
    run_id: str
    message_id: str
    address: str
    status: Literal["completed", "failed"]
    error_code: str | None = None
    error_message: str | None = None
    progress: int = 0
    state: Literal["pending", "delivered", "refused"] = "pending"
    attempts: tuple[Attempt, ...] = ()

    def due(self, now: datetime) -> bool:
        """Whether an undelivered message is worth another attempt.

        One that has been tried for so long rests a quarter of that, an hour at most, and never less than the receiver
        asked for.
        """
        if not self.attempts:
            return True
        first, last = (datetime.fromisoformat(self.attempts[index].at) for index in (0, -1))
        rest_s = min(LATER_AT_MOST_S, (last - first).total_seconds() / 4)
        return now >= last + timedelta(seconds=max(rest_s, self.attempts[-1].retry_after_s or 0.0))


@dataclass(frozen=True, slots=True)
class TerminalCallback:
    """A terminal callback to deliver."""

    job_id: str
    run_id: str
    status: Literal["completed", "failed"]
    body: bytes
    error_code: str | None = None
    error_message: str | None = None
    progress: int = 0

    @property
    def message_id(self) -> str:
        """The id under which this message goes out, whoever sends it and however often."""
        told = f"{self.job_id}\0{self.run_id}\0{self.status}"
        return f"msg_{hashlib.sha256(told.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long delivery is tried: waits double from `first_s` to `most_s`, jittered, for `total_s` in all."""

    total_s: float = 300.0
    first_s: float = 1.0
    most_s: float = 30.0

    def wait_s(self, failures: int, asked_s: float | None) -> float:
        """How long to wait after so many failures; never shorter than the receiver asks."""
        longest = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 16))
        return max(asked_s or 0.0, longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing


def receipt(store: ArtifactStore, job_id: str) -> Receipt | None:
    """What is known of a job's terminal callback; None: nothing, or nothing that can be read.

    Raises:
        EcgError: the store does not answer.
    """
    try:
        return Receipt.model_validate_json(store.read(layout.receipt(job_id)))
    except ResultNotFound:
        return None
    except ValueError as error:
        logger.warning("the receipt of %s makes no sense: %s", job_id, error)
        return None


class Outbox:
    """Delivers terminal callbacks.

    Args:
        store: keeps receipts; None, or one that does not take them: the callback goes out all the same, once.
        retry_policy: how long one call of `deliver` tries.
    """

    def __init__(self, store: ArtifactStore | None, retry_policy: RetryPolicy | None = None) -> None:
        self._store = store
        self._retry_policy = retry_policy or RetryPolicy()

    def deliver(self, message: TerminalCallback, client: CallbackClient) -> Receipt:
        """Carry a message until it is taken or refused, or retry_policy ends.

        A job whose terminal callback was taken gets no second one, from whichever run: the backend keeps to the
        first. An undelivered message of an earlier run is replaced. While another sender is at it, it is left alone.

        Returns:
            The receipt as it stands; `pending` where retry_policy ended.
        """
        deadline = time.monotonic() + self._retry_policy.total_s
        failures = 0
        while True:
            receipt, asked_s = self._attempt(message, client)
            failures += 1
            wait_s = self._retry_policy.wait_s(failures, asked_s)
            if receipt.state != "pending" or time.monotonic() + wait_s > deadline:
                return receipt
            time.sleep(wait_s)

    def _attempt(self, message: TerminalCallback, client: CallbackClient) -> tuple[Receipt, float | None]:
        """One try under a claim; the receipt after it, and for how long the receiver asks to be left alone."""
        with claim.claimed(self._store, message.job_id) if self._store else nullcontext(True) as ours:
            receipt = self._resumed(message, client.endpoint.url)
            if receipt.state != "pending" or not ours:
                return receipt, None
            self._keep(receipt)
            answer = client.post(message.body, receipt.message_id)
            receipt = _noted(receipt, answer)
            self._keep(receipt)
            return receipt, answer.retry_after_s

    def _known(self, job_id: str) -> Receipt | None:
        if self._store is None:
            return None
        try:
            return receipt(self._store, job_id)
        except EcgError as error:
            logger.warning("the receipt of %s cannot be read: %s", job_id, error)
            return None

    def _resumed(self, message: TerminalCallback, address: str) -> Receipt:
        known = self._known(message.job_id)
        if known and known.state == "delivered":
            return known
        if known and (known.run_id, known.status) == (message.run_id, message.status):
            return known
        return Receipt(
            job_id=message.job_id,
            run_id=message.run_id,
            message_id=message.message_id,
            address=address,
            status=message.status,
            error_code=message.error_code,
            error_message=message.error_message,
            progress=message.progress,
        )

    def _keep(self, receipt: Receipt) -> None:
        if self._store is None:
            return
        try:
            self._store.write(layout.receipt(receipt.job_id), receipt.model_dump_json(indent=2).encode())
        except EcgError as error:
            logger.warning("the receipt of %s is not kept: %s", receipt.job_id, error)


def _noted(receipt: Receipt, answer: Answer) -> Receipt:
    attempt = Attempt(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        status=answer.status,
        said=answer.said[:500],
        retry_after_s=answer.retry_after_s,
    )
    state = "pending" if answer.verdict == "later" else answer.verdict
    return receipt.model_copy(update={"state": state, "attempts": (*receipt.attempts, attempt)})
