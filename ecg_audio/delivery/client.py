"""One callback, carried once: to permitted addresses only, in bounded time, with a verdict on the answer."""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from ecg_audio.address import GuardedTransport, Permit
from ecg_audio.deadline import after
from ecg_audio.delivery import signing
from ecg_audio.delivery.callback import Endpoint
from ecg_audio.errors import SourceForbidden, SourceInvalid

USER_AGENT = "ML-Server/1.0"
CONNECT_S = 5.0
ANSWER_BYTES = 4096
TAKEN_BYTES_PER_S = 1_000_000.0
"""So fast at least a receiver takes a body; the largest, 50 MB, then stays within what a claim stands for."""
_TRY_LATER = {408, 425, 429}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        verdict: delivered; refused: the same message would be refused again; later: it may be taken later.
        status: HTTP's; None: there was no answer.
        said: the answer's first line, or what went wrong.
        retry_after_s: how long the receiver asks to be left alone; None: it does not say.
    """

    verdict: Literal["delivered", "refused", "later"]
    status: int | None
    said: str
    retry_after_s: float | None = None


class CallbackClient:
    """Carries messages to one endpoint over one connection, one at a time. Close it.

    Args:
        endpoint: where to.
        permit: which addresses may be spoken to; None: the operator's rule, from the environment.
        answer_s: how long one attempt may take in all, from the connection to the end of the answer; a large body gets
            a second more for each MB.
    """

    def __init__(self, endpoint: Endpoint, permit: Permit | None = None, *, answer_s: float = 30.0) -> None:
        self.endpoint = endpoint
        self._answer_s = answer_s
        self._left = after(answer_s)
        self._client = httpx.Client(
            transport=GuardedTransport(permit or Permit.from_environment(), lambda: self._left()),
            timeout=httpx.Timeout(answer_s, connect=CONNECT_S),
            headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
            trust_env=False,
        )

    def post(self, body: bytes, message_id: str) -> Answer:
        """Send one message, once. Redirects are refusals: a signed body goes where it was meant to go or nowhere."""
        self._left = after(self._answer_s + len(body) / TAKEN_BYTES_PER_S)
        signed = signing.headers(body, message_id, datetime.now(UTC), self.endpoint.secret)
        try:
            with self._client.stream("POST", self.endpoint.url, content=body, headers=signed) as response:
                return _answer(response, self._first_line(response))
        except (SourceForbidden, SourceInvalid) as error:
            return Answer("refused", None, error.message)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            return Answer("refused", None, f"not an address: {error}")
        except httpx.HTTPError as error:
            return Answer("later", None, str(error) or type(error).__name__)

    @staticmethod
    def _first_line(response: httpx.Response) -> str:
        """What the answer says; where that breaks off or trickles, what has come: the status is the answer."""
        found = b""
        try:
            for chunk in response.iter_raw():
                found += chunk
                if len(found) >= ANSWER_BYTES:
                    break
        except httpx.HTTPError as error:
            logger.debug("the answer of %s broke off: %s", response.url.host, error)
        lines = found[:ANSWER_BYTES].decode(errors="replace").splitlines()
        return lines[0] if lines else ""

    def __enter__(self) -> "CallbackClient":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()


def new_id() -> str:
    """An id for a new message."""
    return f"msg_{uuid.uuid4().hex}"


def _answer(response: httpx.Response, said: str) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer("delivered", status, said)
    if status >= 500 or status in _TRY_LATER:
        return Answer("later", status, said, _retry_after_s(response.headers.get("retry-after")))
    return Answer("refused", status, said)


def _retry_after_s(given: str | None) -> float | None:
    """The header's seconds, or the seconds to its date (RFC 9110, section 10.2.3)."""
    if given is None:
        return None
    if given.strip().isdecimal():
        return float(given)
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
