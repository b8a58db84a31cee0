"""Uploads: whoever has no store of their own puts a recording into ours, then has it analysed.

A bucket takes the bytes itself, by a signed link; for a folder the gateway takes them, at a signed path.
"""

import asyncio
import os
import re
import unicodedata
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from starlette.requests import ClientDisconnect

from blocks.folder import INCOMING
from blocks.storage import FolderStore
from ecg_audio import modes
from ecg_audio.deadline import Credit
from ecg_audio.errors import PublishFailed, SourceEmpty, TooLarge, UploadBroken, UploadConflict, UploadUnknown
from gateway import results
from gateway.admission import Set, admit
from gateway.answers import documented
from gateway.offers import LASTING, Offer
from gateway.wire import NewUpload, Upload, Uploaded

SILENCE_S = 60.0
CREDIT_S = 180.0
LEAST_BYTES_PER_S = 32_000.0
"""The largest recording, 5 GB, then takes less than two days; a quarter of a megabit a second is a slow line."""
MOST_NAME_BYTES = 120

uploads = APIRouter(dependencies=[Depends(admit)], tags=["uploads"])


@uploads.post("/uploads", summary="Get a place for a recording", responses=documented(401, 413, 422, 501, 503))
async def offer(asked: NewUpload, settings: Set) -> Upload:
    """PUT the recording to `upload_url`, with `headers`; then hand `video_url` to process-video."""
    if asked.size and asked.size > settings.upload_max_bytes:
        raise _too_large(settings.upload_max_bytes)
    store = await asyncio.to_thread(results.uploads_store, settings.store)
    made = Offer.made(asked.user, safe_name(asked.filename), asked.content_type, asked.size)
    link = await asyncio.to_thread(
        store.upload_link, made.key, LASTING.total_seconds(), content_type=asked.content_type, size_bytes=asked.size
    )
    return Upload(
        upload_url=link or made.path(settings),
        headers={"Content-Type": asked.content_type} if asked.content_type else {},
        video_url=store.uri(made.key),
        expires_at=(datetime.now(UTC) + LASTING).isoformat(timespec="seconds"),
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
async def take(
    user: Annotated[str, InPath(examples=["anonymous"])],
    name: Annotated[str, InPath(examples=["20260131_090000_0f3a4c5e_강의_1.mp4"])],
    request: Request,
    settings: Set,
    signature: Annotated[str, Query(max_length=64, description="Of the offer, as are the other two.")] = "",
    content_type: Annotated[str | None, Query(alias="type", max_length=129)] = None,
    size: Annotated[int | None, Query(gt=0)] = None,
) -> Uploaded:
    """The bytes of one recording, at the place that was offered for it, as its `upload_url` says.

    Of what breaks off nothing stays: send the whole recording again.
    """
    offered = Offer(user, name, content_type, size)
    offered.check(signature, settings)
    announced = request.headers.get("Content-Length")
    offered.check_recording(request.headers.get("Content-Type"), announced)
    most_bytes = size or settings.upload_max_bytes
    if announced and announced.isdecimal() and int(announced) > most_bytes:
        raise _too_large(most_bytes)
    store = await asyncio.to_thread(results.uploads_store, settings.store)
    if not isinstance(store, FolderStore):
        raise UploadUnknown("the store takes uploads itself: PUT to the upload_url of the offer")
    written = await _write(store.path(offered.key), _never_silent(request.stream()), most_bytes, size)
    return Uploaded(video_url=store.uri(offered.key), size=written)


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


async def _write(target: Path, chunks: AsyncIterable[bytes], most_bytes: int, expected: int | None) -> int:
    """Put what arrives into a file, which appears when it is whole; its size."""
    incoming = target.with_name(f"{INCOMING}{uuid.uuid4().hex}")
    try:
        if await asyncio.to_thread(target.exists):
            raise UploadConflict("a recording was uploaded here already")
        await asyncio.to_thread(modes.make_folder, target.parent)
        with await asyncio.to_thread(open, incoming, "xb", opener=modes.opener) as file:
            try:
                size = await _copy(chunks, file, most_bytes)
                if expected and size != expected:
                    raise UploadBroken(f"{size} bytes arrived of the {expected} that were announced")
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
