"""A download from S3 with the operator's own credentials, or without any where there are none.

boto3 speaks to AWS or to the operator's AWS_ENDPOINT_URL: both are the operator's choice, so no address is judged here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ecg_audio.analysis import Media
from ecg_audio.errors import DownloadFailed, DownloadRefused, SourceNotFound
from ecg_audio.media.source import S3Source, printable
from ecg_audio.media.transfer import (
    CHUNK_BYTES,
    DownloadFiles,
    Interrupted,
    Pace,
    Timeouts,
    Transfer,
    check_size,
    persist,
    receive,
)
from ecg_audio.progress import Report
from ecg_audio.request import Limits

DEFAULT_REGION = "us-east-1"
_MISSING, _DENIED = 404, 403

Found = TypeVar("Found")


def download(
    source: S3Source, folder: Path, *, limits: Limits, report: Report, timeouts: Timeouts | None = None
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

    timeouts = timeouts or Timeouts()
    pace = Pace(timeouts)
    files = DownloadFiles(folder, f"{source.display}?versionId={source.version or ''}")
    client = connect(source.region, timeouts)

    def attempt() -> Media:
        try:
            return _attempt(client, source, files, limits, report, pace)
        except ClientError as error:
            raise _named(error, source) from error
        except NoCredentialsError as error:
            raise DownloadRefused(f"{source.display} needs credentials, and there are none") from error
        except (HTTPClientError, IncompleteReadError) as error:
            raise Interrupted(str(error)) from error
        except BotoCoreError as error:
            raise DownloadFailed(f"{source.display}: {error}") from error

    return persist(attempt, files, timeouts, pace)


def connect(region: str | None, timeouts: Timeouts) -> Any:
    """A client of S3 as the operator's environment has it; None: the environment's region."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.Session()
    config = Config(
        connect_timeout=timeouts.connect_s,
        read_timeout=timeouts.silence_s,
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


def _attempt(client: Any, source: S3Source, files: DownloadFiles, limits: Limits, report: Report, pace: Pace) -> Media:
    version = {"VersionId": source.version} if source.version else {}
    key, head = _answer(lambda: _found(client, source, version), pace)
    etag, length = head["ETag"], int(head["ContentLength"])
    finished, unfinished = files.finished(), files.unfinished()
    if finished and finished.etag == etag:
        report(1.0)
        return files.media(finished)
    check_size(length, limits)
    transfer, begin = Transfer(files.identity, _name(key), etag=etag, length=length), 0
    if unfinished and unfinished[0].etag == etag and unfinished[1] < length:
        begin = unfinished[1]
    wanted = {"Range": f"bytes={begin}-"} if begin else {}
    asked = {"Bucket": source.bucket, "Key": key, "IfMatch": etag, **wanted, **version}
    body = _answer(lambda: client.get_object(**asked), pace)["Body"]
    with body as connection, _ended_in_time(connection, pace):
        pieces = body.iter_chunks(CHUNK_BYTES)
        return receive(pieces, transfer, files, begin=begin, limits=limits, report=report, pace=pace)


def _answer(ask: Callable[[], Found], pace: Pace) -> Found:
    """What S3 answers. A header that trickles in is left to a thread that nobody waits for any more.

    Raises:
        DownloadFailed: it did not answer in time.
    """
    answer: Future[Found] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - raised by the one who waits
            answer.set_exception(error)

    threading.Thread(target=work, name="s3-answer", daemon=True).start()
    if not wait([answer], max(0.0, pace.left_s())).done:
        raise DownloadFailed("S3 does not answer in time")
    return answer.result()


@contextmanager
def _ended_in_time(connection: Any, pace: Pace) -> Iterator[None]:
    """Break off a body that trickles: botocore reads until a whole piece is there, and looks at no clock."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(max(0.0, pace.left_s())):
            if pace.left_s() <= 0.0:
                with suppress(RuntimeError, ValueError):  # it has come to its end meanwhile
                    connection.shutdown()
                return

    watching = threading.Thread(target=watch, name="s3-pace", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


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


def _name(key: str) -> str:
    return printable(key.rpartition("/")[2]) or printable(key) or "object"


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
