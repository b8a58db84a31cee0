"""Who may ask, and what the endpoints get handed: the settings, and Prefect."""

import hmac
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyHeader

from gateway.orchestrator import Orchestrator
from gateway.settings import Settings

_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where the operator has set one.")


def _orchestrator(request: Request) -> Orchestrator:
    found: Orchestrator = request.app.state.orchestrator
    return found


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


Prefect = Annotated[Orchestrator, Depends(_orchestrator)]
Set = Annotated[Settings, Depends(_settings)]


def admit(settings: Set, key: Annotated[str | None, Depends(_key)]) -> None:
    """Let nobody in without the operator's key, where there is one."""
    if settings.api_key and not hmac.compare_digest(
        (key or "").encode("latin-1"),
        settings.api_key.encode(),  # headers arrive as bytes, shown as Latin-1
    ):
        raise HTTPException(401, "X-API-Key is missing or wrong")
