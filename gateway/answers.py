"""What is answered when something is wrong, in the one shape that callers read: message and error.code at the top."""

import asyncio
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecg_audio.errors import (
    EcgError,
    FormatUnavailable,
    InvalidRequest,
    JobConflict,
    JobUnknown,
    OrchestratorUnavailable,
    ProcessingTimeout,
    PublishFailed,
    ResultNotFound,
    SpeakerUnknown,
    StoreBusy,
    TooLarge,
    UploadBroken,
    UploadConflict,
    UploadsOff,
    UploadUnknown,
    VoiceUnknown,
)
from gateway.concurrency import RETRY_AFTER_S, GatewayBusy
from gateway.results import ResultChanged
from gateway.wire import Changed, Failure

MAX_BODY_BYTES = 64 * 1024
MAX_REVISION_BYTES = 1_000_000
"""Of what somebody corrects at once."""
BODY_S = 30.0
"""So long a whole body may take; a recording has limits of its own."""
LEFT = {"Connection": "close"}
STATUS: dict[type[EcgError], int] = {
    JobUnknown: 404,
    JobConflict: 409,
    ResultChanged: 409,
    FormatUnavailable: 501,
    GatewayBusy: 503,
    OrchestratorUnavailable: 503,
    PublishFailed: 503,
    StoreBusy: 503,
    ProcessingTimeout: 504,
    ResultNotFound: 404,
    TooLarge: 413,
    UploadBroken: 408,
    UploadConflict: 409,
    UploadsOff: 501,
    UploadUnknown: 404,
    SpeakerUnknown: 404,
    VoiceUnknown: 404,
}
_MEANING = {
    401: "The API key is missing or wrong.",
    403: "A page of another site asks.",
    404: "There is no such thing.",
    408: "The body did not arrive whole in time; nothing of it was kept.",
    409: "The id stands for something else already, or what it stands for is in the way.",
    413: "The body is too large.",
    422: "The request does not make sense.",
    501: "The operator has not turned this on, or has not installed what it needs.",
    503: "Busy, or Prefect or the store does not answer now: send it again after Retry-After seconds.",
    504: "Not done in time; the job goes on.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an endpoint answers beside its success, for OpenAPI."""
    return {status: {"model": Failure, "description": _MEANING[status]} for status in statuses}


def example_of(status: int, shown: Any, kind: str = "application/json") -> dict[int | str, dict[str, Any]]:
    """An example of what one endpoint answers, where that of the answer's class is not its own, for OpenAPI."""
    return {status: {"content": {kind: {"example": shown}}}}


def failure(
    status: int,
    code: str,
    message: str,
    hint: str = "",
    retry_after_s: int = RETRY_AFTER_S,
    changed: Changed | None = None,
) -> JSONResponse:
    """One failure as an answer; 503 says when to come again, and what is left of a refused body is not waited for."""
    headers = {503: {"Retry-After": str(retry_after_s)}, 408: LEFT, 413: LEFT}.get(status)
    # what callers sent may be no text at all
    message, hint = (text.encode(errors="replace").decode() for text in (message, hint))
    body: dict[str, Any] = {"message": message, "error": {"code": code, "hint": hint}}
    if changed:
        body["changed"] = changed.model_dump(mode="json")
    return JSONResponse(body, status, headers)


NOT_OURS = failure(
    421,
    "MISDIRECTED",
    "this gateway answers to this machine's own names",
    "Ask http://127.0.0.1, or set ECG_GATEWAY_API_KEY: with a key any name is answered.",
)
"""The answer to a request for a name that is not this machine's."""
NOT_YOUR_PAGE = failure(
    403,
    "FOREIGN_PAGE",
    "a page of another site can change nothing here",
    "Ask from the gateway's own page, or from a program.",
)
"""The answer to what a page of another site would do here."""


def register(app: FastAPI) -> None:
    """Let every failure of an app be answered in our shape."""

    @app.exception_handler(EcgError)
    async def _ours(request: Request, error: EcgError) -> JSONResponse:
        status = STATUS.get(type(error), 422 if error.by_user else 500)
        retry_after_s = request.app.state.orchestrator.limit.retry_after_s()
        changed = error.changed if isinstance(error, ResultChanged) else None
        return failure(status, error.code, error.message, error.hint, retry_after_s, changed)

    @app.exception_handler(RequestValidationError)
    async def _unreadable(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return failure(422, InvalidRequest.code, message, "Correct the named field; /docs shows what each one takes.")

    @app.exception_handler(HTTPException)
    async def _of_http(_request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # FastAPI's word for bodies that its JSON reader dies of
            return failure(422, InvalidRequest.code, "the body is no JSON that can be read")
        code = {401: "UNAUTHORIZED", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "HTTP_ERROR")
        return failure(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        # the server's log has the traceback; callers learn that it is our fault
        return failure(500, EcgError.code, "the gateway met an unforeseen error")


class BodyLimit:
    """Refuses bodies over a limit while they arrive, so that none is held in memory, and those that trickle in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413 or 408."""
        if scope["type"] != "http" or (scope["method"] == "PUT" and scope["path"].startswith("/uploads/")):
            # recordings are written to disk as they arrive, with a limit of their own
            await self._app(scope, receive, send)
            return
        held: list[Message] = []
        limit = MAX_REVISION_BYTES if scope["path"].endswith("/revisions") else MAX_BODY_BYTES
        try:
            async with asyncio.timeout(BODY_S):
                whole = await self._take(receive, held, limit)
        except TimeoutError:
            late = failure(408, InvalidRequest.code, f"the body was not whole after {BODY_S:.0f} s")
            await late(scope, receive, send)
            return
        if not whole:
            large = failure(413, InvalidRequest.code, f"the body is larger than {limit} bytes")
            await large(scope, receive, send)
            return

        async def replay() -> Message:
            return held.pop(0) if held else await receive()

        await self._app(scope, replay, send)

    async def _take(self, receive: Receive, held: list[Message], limit: int) -> bool:
        """Hold what arrives; False: it is more than the limit."""
        size = 0
        while True:
            message = await receive()
            held.append(message)
            size += len(message.get("body", b""))
            if size > limit:
                return False
            if not message.get("more_body", False):
                return True
