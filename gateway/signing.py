"""Signatures that a gateway of this installation can make and check, and nobody else; nothing is remembered."""

import hashlib
import hmac
import secrets

from gateway.settings import Settings, credentials

_OF_THIS_PROCESS = secrets.token_bytes(32)


def signature(settings: Settings, purpose: str, *said: str) -> str:
    """The signature of some texts.

    Args:
        settings: what all gateways of an installation share, and callers do not know by heart, is the key; where there
            is nothing of the kind, something that this process alone has.
        purpose: what it is for: one that was made for something else is none.
        said: what is signed.
    """
    shared = "\0".join(filter(None, (*credentials(settings.prefect).values(), settings.api_key)))
    key = hashlib.sha256(purpose.encode() + b"\0" + (shared.encode() or _OF_THIS_PROCESS)).digest()
    return hmac.new(key, "\0".join(said).encode(errors="surrogatepass"), "sha256").hexdigest()
