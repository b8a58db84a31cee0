"""From what callers send to what the pipeline takes; whatever can be refused is refused here."""

import asyncio
import re
import uuid
from urllib.parse import urlsplit

from ecg_audio.address import Permit
from ecg_audio.errors import InvalidRequest, SourceForbidden
from ecg_audio.request import AnalysisRequest
from gateway.settings import Settings
from gateway.wire import ProcessVideo, Transcribe

LOOK_UP_S = 0.8
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


async def of_video(asked: ProcessVideo, settings: Settings) -> AnalysisRequest:
    """The analysis that process-video asks for.

    Raises:
        InvalidRequest: a field cannot be what it is.
        SourceForbidden: the source or the callback leads where nobody is let.
    """
    base_url = asked.fastapi_base_url or settings.callbacks.base_url
    callback = None
    if base_url or settings.callbacks.endpoint:
        callback = {"base_url": base_url, "locale": asked.locale, "endpoint": settings.callbacks.endpoint}
    request = AnalysisRequest.checked(
        source=asked.video_url,
        job_id=asked.job_id,
        language=asked.language or "auto",
        channels=asked.channels,
        speakers=asked.speakers,
        callback=callback,
        models=settings.gateway.models,
        store=settings.store,
    )
    checks = [_check_source(request.source)]
    if request.callback and asked.fastapi_base_url:
        checks.append(_check_host(asked.fastapi_base_url, "fastapi_base_url"))
    await asyncio.gather(*checks)
    return request


async def of_transcribe(asked: Transcribe, settings: Settings) -> AnalysisRequest:
    """The analysis that transcribe asks for. Raises as `of_video` does."""
    source = asked.video_path or asked.video_url or asked.audio_path
    if source is None:
        raise InvalidRequest("video_path: give a video_path, a video_url or an audio_path")
    request = AnalysisRequest.checked(
        source=source,
        job_id=asked.job_id or str(uuid.uuid4()),
        language=asked.language or "en",
        channels=asked.channels,
        models=settings.gateway.models,
        store=settings.store,
    )
    await _check_source(request.source)
    return request


async def _check_source(source: str) -> None:
    scheme = _SCHEME.match(source)
    if scheme is None or scheme[1].lower() == "s3":
        return
    if scheme[1].lower() not in {"http", "https"}:
        raise SourceForbidden(f"sources of the scheme {scheme[1].lower()}: are never opened")
    await _check_host(source, "video_url")


async def _check_host(address: str, field: str) -> None:
    """Judge where a name leads now. Whoever connects judges again: names can change their mind.

    A name that cannot be resolved here, or not in time, is left to the worker, which may sit in another network.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        raise InvalidRequest(f"{field}: not an address: {error}") from None
    if not host:
        raise InvalidRequest(f"{field}: the address names no host")
    try:
        async with asyncio.timeout(LOOK_UP_S):
            await asyncio.to_thread(Permit.from_environment().resolve, host, port)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return
