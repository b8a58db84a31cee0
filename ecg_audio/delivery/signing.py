"""Signatures by which a receiver knows a callback as ours: today's header and, beside it, Standard Webhooks.

`X-Signature-256` is an HMAC over the body alone, so it can be replayed; the Standard Webhooks signature covers the
message's id and time as well (https://www.standardwebhooks.com).
"""

import hashlib
import hmac
from datetime import datetime

from standardwebhooks import Webhook


def headers(body: bytes, message_id: str, at: datetime, secret: str | None) -> dict[str, str]:
    """The headers of one message.

    Args:
        body: the raw body as it is sent, UTF-8.
        message_id: the same for every attempt to deliver the same message.
        at: the time of this attempt, with its zone.
        secret: what both sides know; None: id and time only. One that begins with `whsec_` is the base64 form of
            Standard Webhooks and is decoded for its signature; `X-Signature-256` takes the characters as they are.
    """
    found = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
    if secret:
        key = secret if secret.startswith("whsec_") else secret.encode()
        found["webhook-signature"] = Webhook(key).sign(message_id, at, body.decode())
        found["X-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return found
