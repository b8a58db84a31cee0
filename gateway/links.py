"""Links to one job's files, for what can show no key: players, frames and downloads of a browser.

A link is asked for with the key, lasts an hour, and opens the one path that it was made for.
"""

import hmac
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from gateway.admission import Key, Set, admit
from gateway.settings import Settings
from gateway.signing import signature

files = APIRouter()
"""The endpoints that a link opens as well as the key: each takes a `ByLink`."""

LASTING_S = 3600
_PURPOSE = "links"


def link(path: str, settings: Settings, until: int) -> str:
    """A path of this gateway that anybody may read until then; seconds since 1970."""
    return f"{quote(path)}?{urlencode({'until': until, 'signature': signature(settings, _PURPOSE, path, str(until))})}"


def ending() -> int:
    """When a link that is made now ends; seconds since 1970."""
    return int(time.time()) + LASTING_S


def admit_link(
    request: Request,
    settings: Set,
    key: Key,
    until: Annotated[int | None, Query(description="Of a link.")] = None,
    shown: Annotated[str | None, Query(alias="signature", max_length=64, description="Of a link.")] = None,
) -> bool:
    """Let in whoever has the operator's key or a link to this path; whether it was by the link."""
    if until is not None and shown is not None:
        path = request.scope["path"]
        wanted = signature(settings, _PURPOSE, path, str(until))
        if until >= time.time() and hmac.compare_digest(shown.encode(errors="surrogatepass"), wanted.encode()):
            return True
    admit(settings, key)
    return False


ByLink = Annotated[bool, Depends(admit_link)]


def sent(place: Path | str, **options: Any) -> Response:
    """The file at a place, or the way to the address where the store keeps it."""
    return FileResponse(place, **options) if isinstance(place, Path) else RedirectResponse(place, 307)
