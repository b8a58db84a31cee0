"""Uploads: whoever has no store of their own puts a recording into ours, then has it analysed.

A bucket takes the bytes itself, by a signed link; for a folder the gateway takes them. Nothing is remembered between
the two calls: the name of an upload says when it was offered.
"""

import asyncio
import os
import re
import unicodedata
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.requests import ClientDisconnect

from blocks.folder import INCOMING
from blocks.storage import FolderStore
from ecg_audio import modes
from ecg_audio.deadline import Credit
from ecg_audio.errors import PublishFailed, SourceEmpty, TooLarge, UploadBroken, UploadConflict, UploadUnknown
from gateway import results
from gateway.admission import Set, admit
from gateway.answers import documented
from gateway.wire import USER, NewUpload, Upload, Uploaded

LASTING = timedelta(hours=1)
SILENCE_S = 60.0
CREDIT_S = 180.0
LEAST_BYTES_PER_S = 32_000.0
"""The largest recording, 5 GB, then takes less than two days; a quarter of a megabit a second is a slow line."""
MOST_NAME_BYTES = 120
_STAMP = "%Y%m%d_%H%M%S"
_NAME = re.compile(r"(\d{8}_\d{6})_[0-9a-f]{8}_[\w-][\w.-]*")

uploads = APIRouter(dependencies=[Depends(admit)], tags=["uploads"])


@uploads.post("/uploads", summary="Get a place for a recording", responses=documented(401, 413, 422, 501, 503))
async def offer(asked: NewUpload, settings: Set) -> Upload:
    """PUT the recording to `upload_url`, with `headers`; then hand `video_url` to process-video."""
    if asked.size and asked.size > settings.upload_max_bytes:
        raise _too_large(settings.upload_max_bytes)
    store = await asyncio.to_thread(results.uploads_store, settings.store)
    now = datetime.now(UTC)
    name = f"{now:{_STAMP}}_{uuid.uuid4().hex[:8]}_{safe_name(asked.filename)}"
    key = _key(asked.user, name)
    link = await asyncio.to_thread(
        store.upload_link, key, LASTING.total_seconds(), content_type=asked.content_type, size_bytes=asked.size
    )
    return Upload(
        upload_url=link or f"/uploads/{asked.user}/{quote(name)}",
        headers={"Content-Type": asked.content_type} if asked.content_type else {},
        video_url=store.uri(key),
        expires_at=(now + LASTING).isoformat(timespec="seconds"),
        max_bytes=asked.size or settings.upload_max_bytes,
    )


@uploads.put(
    "/uploads/{user}/{name}",
    summary="Send a recording to a gateway whose store is a folder",
    responses=documented(401, 404, 408, 409, 413, 422, 501, 503),
    openapi_extra={
        "requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def take(user: str, name: str, request: Request, settings: Set) -> Uploaded:
    """The bytes of one recording. Of what breaks off nothing stays: send the whole recording again."""
    _check_offer(user, name)
    announced = request.headers.get("Content-Length", "0")
    if announced.isdecimal() and int(announced) > settings.upload_max_bytes:
        raise _too_large(settings.upload_max_bytes)
    store = await asyncio.to_thread(results.uploads_store, settings.store)
    if not isinstance(store, FolderStore):
        raise UploadUnknown("the store takes uploads itself: PUT to the upload_url of the offer")
    key = _key(user, name)
    size = await _write(store.path(key), _never_silent(request.stream()), settings.upload_max_bytes)
    return Uploaded(video_url=store.uri(key), size=size)


def safe_name(filename: str) -> str:
    """The last part of a file's name, of letters, digits, dots, hyphens and underscores, with its ending."""
    last = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    plain = re.sub(r"[^\w.-]+", "_", last).strip("._")
    stem, dot, ending = plain.rpartition(".")
    if dot and len(ending) <= 8:
        return f"{_cut(stem, MOST_NAME_BYTES - 32)}.{ending}"
    return _cut(plain, MOST_NAME_BYTES) or "recording"


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


def _key(user: str, name: str) -> str:
    return f"videos/{user}/{name}"


def _check_offer(user: str, name: str) -> None:
    found = _NAME.fullmatch(name)
    if not found or not re.fullmatch(USER, user) or len(name.encode()) > 2 * MOST_NAME_BYTES:
        raise UploadUnknown("nobody was offered this place")
    try:
        offered = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise UploadUnknown("nobody was offered this place") from None
    # another gateway's clock may be a little ahead
    if not -timedelta(minutes=1) <= datetime.now(UTC) - offered <= LASTING:
        raise UploadUnknown("the offer of this place has expired")


async def _never_silent(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What arrives, as long as something arrives, and enough of it."""
    credit = Credit(CREDIT_S, LEAST_BYTES_PER_S)
    try:
        while True:
            async with asyncio.timeout(min(SILENCE_S, credit.left_s())):
                chunk = await anext(chunks)
            credit.take(len(chunk))
            yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError:
        slow = f"less than {LEAST_BYTES_PER_S:.0f} bytes a second arrived"
        raise UploadBroken(slow if credit.left_s() <= 0 else f"nothing arrived for {SILENCE_S:.0f} s") from None
    except ClientDisconnect:
        raise UploadBroken("the connection ended before the recording did") from None


async def _write(target: Path, chunks: AsyncIterable[bytes], most_bytes: int) -> int:
    """Put what arrives into a file, which appears when it is whole; its size."""
    incoming = target.with_name(f"{INCOMING}{uuid.uuid4().hex}")
    try:
        if await asyncio.to_thread(target.exists):
            raise UploadConflict("a recording was uploaded here already")
        await asyncio.to_thread(modes.make_folder, target.parent)
        with await asyncio.to_thread(open, incoming, "xb", opener=modes.opener) as file:
            try:
                size = await _copy(chunks, file, most_bytes)
                await asyncio.to_thread(incoming.replace, target)
            finally:
                await asyncio.to_thread(incoming.unlink, missing_ok=True)
    except OSError as error:
        raise PublishFailed(f"the recording cannot be written: {error.strerror or error}") from error
    return size


async def _copy(chunks: AsyncIterable[bytes], file: IO[bytes], most_bytes: int) -> int:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        await asyncio.to_thread(file.write, chunk)
    if not size:
        raise SourceEmpty("the recording has no bytes")
    file.flush()
    await asyncio.to_thread(os.fsync, file.fileno())
    return size


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"the recording is larger than {most_bytes} bytes", hint="Send the audio track alone.")
