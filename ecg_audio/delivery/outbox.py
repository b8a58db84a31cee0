"""The terminal callback, delivered once, with a receipt in the store.

The receipt says what was to be delivered, under which message id, and what every attempt met. It is written before the
first attempt and after each one, so that whoever comes later (a second try of the same run, an operator, a sweep)
knows whether the backend has heard. A message whose answer was lost goes out again under the same id.
"""

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from ecg_audio.analysis import Model
from ecg_audio.delivery.courier import Answer, Courier, new_id
from ecg_audio.errors import EcgError, ResultNotFound

logger = logging.getLogger(__name__)


class Shelf(Protocol):
    """What an outbox needs of a store."""

    def read(self, key: str) -> bytes:
        """The bytes under a key.

        Raises:
            ResultNotFound: there are none.
        """

    def write(self, key: str, content: bytes) -> None:
        """Put bytes under a key."""


class Attempt(Model):
    """One try: when, HTTP's answer (None: there was none), and what was said."""

    at: str
    status: int | None
    said: str


class Receipt(Model):
    """What became of a job's terminal callback.

    Attributes:
        state: pending: nobody answered yet, or only "later"; refused: the receiver does not want it.
    """

    job_id: str
    run_id: str
    message_id: str
    address: str
    status: Literal["completed", "failed"]
    error_code: str | None = None
    error_message: str | None = None
    state: Literal["pending", "delivered", "refused"] = "pending"
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A terminal callback to deliver."""

    job_id: str
    run_id: str
    status: Literal["completed", "failed"]
    body: bytes
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long delivery is tried: waits double from `first_s` to `most_s`, jittered, for `total_s` in all."""

    total_s: float = 300.0
    first_s: float = 1.0
    most_s: float = 30.0

    def wait_s(self, failures: int, asked_s: float | None) -> float:
        """How long to wait after so many failures; never shorter than the receiver asks."""
        longest = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 16))
        return max(asked_s or 0.0, longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing


def key(job_id: str) -> str:
    """Where a job's receipt lies."""
    return f"deliveries/{job_id}.json"


class Outbox:
    """Delivers terminal callbacks.

    Args:
        shelf: keeps receipts; None, or one that does not take them: the callback goes out all the same, once.
        patience: how long one call of `deliver` tries.
    """

    def __init__(self, shelf: Shelf | None, patience: Patience | None = None) -> None:
        self._shelf = shelf
        self._patience = patience or Patience()

    def deliver(self, letter: Letter, courier: Courier) -> Receipt:
        """Carry a letter until it is taken or refused, or patience ends.

        A job whose terminal callback was taken gets no second one, from whichever run: the backend keeps to the
        first. An undelivered letter of an earlier run is replaced.

        Returns:
            The receipt as it stands; `pending` where patience ended.
        """
        receipt = self._resumed(letter, courier.endpoint.url)
        if receipt.state != "pending":
            return receipt
        self._keep(receipt)
        deadline = time.monotonic() + self._patience.total_s
        failures = 0
        while True:
            answer = courier.post(letter.body, receipt.message_id)
            receipt = _noted(receipt, answer)
            self._keep(receipt)
            if answer.verdict != "later":
                return receipt
            failures += 1
            wait_s = self._patience.wait_s(failures, answer.retry_after_s)
            if time.monotonic() + wait_s > deadline:
                return receipt
            time.sleep(wait_s)

    def receipt(self, job_id: str) -> Receipt | None:
        """What is known of a job's terminal callback; None: nothing."""
        if self._shelf is None:
            return None
        try:
            return Receipt.model_validate_json(self._shelf.read(key(job_id)))
        except ResultNotFound:
            return None
        except (EcgError, ValueError) as error:
            logger.warning("the receipt of %s cannot be read: %s", job_id, error)
            return None

    def _resumed(self, letter: Letter, address: str) -> Receipt:
        known = self.receipt(letter.job_id)
        if known and known.state == "delivered":
            return known
        if known and (known.run_id, known.status) == (letter.run_id, letter.status):
            return known
        return Receipt(
            job_id=letter.job_id,
            run_id=letter.run_id,
            message_id=new_id(),
            address=address,
            status=letter.status,
            error_code=letter.error_code,
            error_message=letter.error_message,
        )

    def _keep(self, receipt: Receipt) -> None:
        if self._shelf is None:
            return
        try:
            self._shelf.write(key(receipt.job_id), receipt.model_dump_json(indent=2).encode())
        except EcgError as error:
            logger.warning("the receipt of %s is not kept: %s", receipt.job_id, error)


def _noted(receipt: Receipt, answer: Answer) -> Receipt:
    attempt = Attempt(at=datetime.now(UTC).isoformat(timespec="seconds"), status=answer.status, said=answer.said[:500])
    state = "pending" if answer.verdict == "later" else answer.verdict
    return receipt.model_copy(update={"state": state, "attempts": (*receipt.attempts, attempt)})
