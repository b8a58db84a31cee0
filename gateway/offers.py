"""Offers of a place for a recording: signed, so that a place takes what was offered it, and nothing else.

The gateway keeps no list of offers. The name of a place says when it was offered, the query of its address for what,
and the signature that a gateway of this installation offered it.
"""

import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from ecg_audio import layout
from ecg_audio.errors import InvalidRequest, UploadUnknown
from gateway.settings import Settings
from gateway.signing import signature

LASTING = timedelta(hours=1)
MOST_NAME_BYTES = 240
_STAMP = "%Y%m%d_%H%M%S"
_NAME = re.compile(r"(\d{8}_\d{6})_[0-9a-f]{8}_[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class Offer:
    """A place, whose it is, and what was said to come.

    Attributes:
        user: the caller's user.
        name: of the object; it begins with the time of the offer.
        content_type: that the recording will be sent with; None: any.
        size: in bytes; None: any.
    """

    user: str
    name: str
    content_type: str | None
    size: int | None

    @classmethod
    def made(cls, user: str, filename: str, content_type: str | None, size: int | None) -> "Offer":
        """A new one; `filename` is a safe one."""
        name = f"{datetime.now(UTC):{_STAMP}}_{uuid.uuid4().hex[:8]}_{filename}"
        return cls(user, name, content_type, size)

    @property
    def key(self) -> str:
        """Of the object in the store."""
        return layout.upload(self.user, self.name)

    def path(self, settings: Settings) -> str:
        """Where on this gateway the recording is sent to."""
        said = {"type": self.content_type, "size": self.size, "signature": self._signature(settings)}
        query = urlencode({name: value for name, value in said.items() if value is not None})
        return f"/uploads/{self.user}/{quote(self.name)}?{query}"

    def check(self, shown: str, settings: Settings) -> None:
        """Whether a gateway of this installation made this offer, within the last hour.

        Raises:
            UploadUnknown: it did not.
        """
        found = _NAME.fullmatch(self.name)
        signed = hmac.compare_digest(shown.encode(), self._signature(settings).encode())
        if not found or not signed or len(self.name.encode()) > MOST_NAME_BYTES:
            raise UploadUnknown("nobody was offered this place")
        offered = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
        # another gateway's clock may be a little ahead
        if not -timedelta(minutes=1) <= datetime.now(UTC) - offered <= LASTING:
            raise UploadUnknown("the offer of this place has expired")

    def check_recording(self, content_type: str | None, announced: str | None) -> None:
        """Whether what comes is what the place was offered for.

        Raises:
            InvalidRequest: it is of another type or size.
        """
        if self.content_type and content_type != self.content_type:
            raise InvalidRequest(f"Content-Type: this place was offered for {self.content_type}")
        if self.size and announced is not None and announced != str(self.size):
            raise InvalidRequest(f"Content-Length: this place was offered for {self.size} bytes")

    def _signature(self, settings: Settings) -> str:
        return signature(settings, "uploads", self.user, self.name, self.content_type or "", str(self.size or ""))
