"""Who may ask, and by which name; what the endpoints get handed: the settings, and Prefect."""

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyHeader
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.orchestrator import Orchestrator
from gateway.settings import Settings, is_loopback

_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where the operator has set one.")


def _orchestrator(request: Request) -> Orchestrator:
    found: Orchestrator = request.app.state.orchestrator
    return found


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


Prefect = Annotated[Orchestrator, Depends(_orchestrator)]
Set = Annotated[Settings, Depends(_settings)]


Key = Annotated[str | None, Depends(_key)]


def admit(settings: Set, key: Key) -> None:
    """Let nobody in without the operator's key, where there is one."""
    if settings.api_key and not hmac.compare_digest(
        (key or "").encode("latin-1"),
        settings.api_key.encode(),  # headers arrive as bytes, shown as Latin-1
    ):
        raise HTTPException(401, "X-API-Key is missing or wrong")


class OwnName:
    """Answers only to this machine's own names: for a gateway on loopback that asks for no key.

    A page in a browser of this machine may call itself by a name that leads here. The browser then takes the gateway
    for the page's own server, and lets it ask and read everything.
    """

    def __init__(self, app: ASGIApp, refuse: ASGIApp) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or have it refused."""
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
            if not is_loopback(name.lower()):
                await self._refuse(scope, receive, send)
                return
        await self._app(scope, receive, send)


class OwnPages:
    """Refuses what other sites' pages would do here, and keeps from them what is answered.

    A browser sends what any page asks of any server, and says from where. A page of another site can neither change
    anything here, nor show or play what it has found, whether or not a key is asked for. Programs say nothing of a
    page.
    """

    def __init__(self, app: ASGIApp, refuse: ASGIApp) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or have it refused."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"} and _foreign(Headers(scope=scope)):
            await self._refuse(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        await self._app(scope, receive, guarded)


def _foreign(headers: Headers) -> bool:
    """Whether a page of another site asks."""
    if site := headers.get("sec-fetch-site"):
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
