"""A download from S3 with the operator's own credentials, or without any where there are none.

boto3 speaks to AWS or to the operator's AWS_ENDPOINT_URL: both are the operator's choice, so no address is judged here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecg_audio.analysis import Media
from ecg_audio.errors import DownloadFailed, DownloadRefused, SourceNotFound
from ecg_audio.media.source import S3Source
from ecg_audio.media.transfer import CHUNK_BYTES, Interrupted, Patience, Shelf, Transfer, check_size, persist, receive
from ecg_audio.progress import Report
from ecg_audio.request import Limits

DEFAULT_REGION = "us-east-1"
_MISSING, _DENIED = 404, 403


def download(
    source: S3Source, folder: Path, *, limits: Limits, report: Report, patience: Patience | None = None
) -> Media:
    """Download an object into `folder`, which belongs to this job alone.

    Raises:
        SourceNotFound: there is no such object.
        DownloadRefused: it may not be read.
        DownloadFailed: S3 cannot answer now, or the transfer broke more often than is borne with.
        NotMedia: it is text.
        SourceEmpty: it has no bytes.
        TooLarge: it is larger than the limit.
        InsufficientResources: the disk is full.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, NoCredentialsError

    patience = patience or Patience()
    shelf = Shelf(folder, f"{source.display}?versionId={source.version or ''}")
    client = connect(source.region, patience)

    def attempt() -> Media:
        try:
            return _attempt(client, source, shelf, limits, report, patience)
        except ClientError as error:
            raise _named(error, source) from error
        except NoCredentialsError as error:
            raise DownloadRefused(f"{source.display} needs credentials, and there are none") from error
        except (HTTPClientError, IncompleteReadError) as error:
            raise Interrupted(str(error)) from error
        except BotoCoreError as error:
            raise DownloadFailed(f"{source.display}: {error}") from error

    return persist(attempt, shelf, patience)


def connect(region: str | None, patience: Patience) -> Any:
    """A client of S3 as the operator's environment has it; None: the environment's region."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.Session()
    config = Config(
        connect_timeout=patience.connect_s,
        read_timeout=patience.silence_s,
        retries={"mode": "standard", "max_attempts": 2},
        signature_version=None if session.get_credentials() else UNSIGNED,
        s3={"addressing_style": addressing()},
    )
    return session.client("s3", region_name=region or session.region_name or DEFAULT_REGION, config=config)


def addressing(endpoint: str | None = None) -> str:
    """How S3 is to be asked for a bucket: AWS by host name; other services, found by their own address, by path.

    Args:
        endpoint: a service's address; None: as the environment has it.
    """
    named = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return "path" if named else "auto"


def _attempt(client: Any, source: S3Source, shelf: Shelf, limits: Limits, report: Report, patience: Patience) -> Media:
    version = {"VersionId": source.version} if source.version else {}
    key, head = _found(client, source, version)
    etag, length = head["ETag"], int(head["ContentLength"])
    finished, unfinished = shelf.finished(), shelf.unfinished()
    if finished and finished.etag == etag:
        report(1.0)
        return shelf.media(finished)
    check_size(length, limits)
    transfer, begin = Transfer(shelf.identity, key.rpartition("/")[2] or key, etag=etag, length=length), 0
    if unfinished and unfinished[0].etag == etag and unfinished[1] < length:
        begin = unfinished[1]
    wanted = {"Range": f"bytes={begin}-"} if begin else {}
    body = client.get_object(Bucket=source.bucket, Key=key, IfMatch=etag, **wanted, **version)["Body"]
    with body:
        return receive(_pieces(body), transfer, shelf, begin=begin, limits=limits, report=report, patience=patience)


def _found(client: Any, source: S3Source, version: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The first of the possible keys that is there, and its description."""
    from botocore.exceptions import ClientError

    *others, last = source.keys
    for key in others:
        try:
            return key, client.head_object(Bucket=source.bucket, Key=key, **version)
        except ClientError as error:
            # without the right to list, S3 answers 403 for what is not there
            if _status(error) not in {_MISSING, _DENIED}:
                raise
    return last, client.head_object(Bucket=source.bucket, Key=last, **version)


def _pieces(body: Any) -> Iterator[bytes]:
    while piece := body.read(CHUNK_BYTES):
        yield piece


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _named(error: Any, source: S3Source) -> Exception:
    status, said = _status(error), error.response.get("Error", {})
    reason = f"{said.get('Code', status)} {said.get('Message', '')}".strip()
    if status == _MISSING:
        return SourceNotFound(f"there is no object {source.display}")
    if status == 412:  # changed between looking and reading
        return Interrupted("the object changed")
    if status in {408, 429} or status >= 500:
        return DownloadFailed(f"S3 cannot answer now for {source.display}: {reason}")
    return DownloadRefused(f"{source.display} may not be read: {reason}")
