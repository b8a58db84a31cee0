"""The recordings in a folder or below an S3 prefix, by their names. Nothing is opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecg_audio.errors import DownloadFailed, DownloadRefused, InvalidRequest, SourceInvalid, SourceNotFound
from ecg_audio.media import s3
from ecg_audio.media.source import is_media_name
from ecg_audio.media.transfer import Timeouts


def folder(path: Path) -> list[str]:
    """The media files of a folder and its folders, sorted; hidden ones are left out.

    Raises:
        InvalidRequest: it holds none.
        SourceInvalid: it may not be read.
    """
    try:
        found = sorted(
            str(file)
            for file in path.rglob("*")
            if not any(part.startswith(".") for part in file.relative_to(path).parts)
            and is_media_name(file.name)
            and file.is_file()
        )
    except OSError as error:
        raise SourceInvalid(f"{path} cannot be read: {error.strerror or error}") from error
    return _some(found, str(path))


def prefix(uri: str, most: int) -> list[str]:
    """The media objects below `s3://bucket/prefix/`, as such addresses, in S3's order; empty objects are left out.

    Args:
        uri: bucket and prefix.
        most: where there are more, it is taken for a mistake.

    Raises:
        InvalidRequest: there are none, or too many.
        SourceNotFound: there is no such bucket.
        DownloadRefused: it may not be listed.
        DownloadFailed: S3 cannot answer now.
    """
    bucket, _, below = uri.removeprefix("s3://").partition("/")
    client = s3.connect(None, Timeouts())
    found: list[str] = []
    with _s3_errors(uri):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below):
            found += [
                f"s3://{bucket}/{entry['Key']}"
                for entry in page.get("Contents", ())
                if entry["Size"] and is_media_name(entry["Key"])
            ]
            if len(found) > most:
                raise InvalidRequest(f"{uri} holds more than {most} recordings", hint="Name a longer prefix.")
    return _some(found, uri)


def table(uri: str, most_bytes: int) -> bytes:
    """The bytes of a list that lies in S3. Raises as `prefix` does."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = s3.connect(None, Timeouts())
    with _s3_errors(uri):
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        with body:
            content: bytes = body.read(most_bytes + 1)
    return content


def _some(found: list[str], where: str) -> list[str]:
    if not found:
        raise InvalidRequest(f"{where} holds no recordings", hint="Audio and video files are told by their endings.")
    return found


@contextmanager
def _s3_errors(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        raise _named(error, uri) from error
    except NoCredentialsError as error:
        raise DownloadRefused(f"{uri} needs credentials, and there are none") from error
    except BotoCoreError as error:
        raise DownloadFailed(f"{uri}: {error}") from error


def _named(error: Any, uri: str) -> SourceNotFound | DownloadRefused | DownloadFailed:
    said = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status == 404:
        return SourceNotFound(f"there is no {uri}: {said.get('Code')}")
    if status in {408, 429} or status >= 500:
        return DownloadFailed(f"S3 cannot answer now for {uri}: {said.get('Code')}")
    return DownloadRefused(f"{uri} may not be read: {said.get('Code')}")
