"""Is a callback ours? For receivers: the standard library alone, to be copied.

    python examples/verify_callback.py SECRET HEADERS BODY

HEADERS is a file with one `name: value` a line, BODY the raw body as it came. Exit code 0: it is genuine and new.

`Verifier` also remembers the ids that it has seen, because a callback whose answer was lost comes again under the same
id: answer 200 to it and do nothing. A receiver of several processes keeps these ids in its database instead.
"""

import base64
import hashlib
import hmac
import sys
import time
from collections.abc import Mapping
from pathlib import Path

TOLERANCE_S = 300
"""So far may the sender's clock be off, and so long may a callback be under way."""


class NotGenuine(Exception):
    """The callback is not from who knows the secret, or it is an old one that somebody sends again."""


class Verifier:
    """Judges callbacks that were signed with one secret.

    Args:
        secret: as in ECG_CALLBACK_SECRET; with `whsec_` in front it is base64, else its characters are the key.
    """

    def __init__(self, secret: str) -> None:
        self._key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
        self._seen: dict[str, int] = {}

    def is_new(self, headers: Mapping[str, str], body: bytes, now_s: float | None = None) -> bool:
        """Whether a callback is to be acted upon; False: it is genuine, and came before.

        Args:
            headers: of the request, under whatever case.
            body: the raw body. Not what a JSON library made of it: one blank more is another signature.
            now_s: seconds since 1970; None: now.

        Raises:
            NotGenuine: the signature is missing or wrong, or the time is too far from now.
        """
        now_s = time.time() if now_s is None else now_s
        given = {name.lower(): value for name, value in headers.items()}
        message_id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
        if not message_id or not sent.isdecimal():
            raise NotGenuine("webhook-id or webhook-timestamp is missing")
        if abs(now_s - int(sent)) > TOLERANCE_S:
            raise NotGenuine(f"it was sent {now_s - int(sent):.0f} s ago")
        digest = hmac.new(self._key, f"{message_id}.{sent}.".encode() + body, hashlib.sha256).digest()
        wanted = b"v1," + base64.b64encode(digest)
        signatures = given.get("webhook-signature", "").encode(errors="replace").split()
        if not any(hmac.compare_digest(signature, wanted) for signature in signatures):
            raise NotGenuine("no signature is right")
        return self._first_time(message_id, now_s)

    def _first_time(self, message_id: str, now_s: float) -> bool:
        # a second attempt carries a time of its own, so an id is remembered for as long as attempts are made
        self._seen = {known: at for known, at in self._seen.items() if now_s - at < 7 * 24 * 3600}
        first = message_id not in self._seen
        self._seen[message_id] = int(now_s)
        return first


def main() -> int:
    """Judge one callback that lies in files."""
    secret, headers, body = sys.argv[1:]
    lines = Path(headers).read_text().splitlines()
    named = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        Verifier(secret).is_new(named, Path(body).read_bytes())
    except NotGenuine as reason:
        print(f"not genuine: {reason}")  # noqa: T201 - a program for the terminal
        return 1
    print("genuine")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
