"""An artifact store in an S3 bucket, or in any service that speaks S3's protocol.

The bucket and its credentials are a saved prefect-aws `S3Bucket` block. The transfers are boto3's own: large objects in
parts side by side, each with its checksum, each tried again by botocore's standard rules.
"""

import functools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ecg_audio import workspace
from ecg_audio.errors import PublishFailed, ResultNotFound, StoreRefused
from ecg_audio.media.s3 import addressing
from ecg_audio.store import ArtifactStore, Stored

if TYPE_CHECKING:
    from prefect_aws import AwsCredentials, MinIOCredentials, S3Bucket
    from pyarrow.fs import FileSystem

CONNECT_S, SILENCE_S, ATTEMPTS = 5.0, 30.0, 5
PART_BYTES, PARTS_AT_ONCE = 8 << 20, 4
LONGEST_LINK_S = 7 * 24 * 3600
REFUSALS = {
    # a HEAD has no body, so what it met has no other name than its status
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "NoSuchBucket",
    "PermanentRedirect",
    "SignatureDoesNotMatch",
}
"""What S3 answers to a request that will not succeed on another try either."""


class BucketStore(ArtifactStore):
    """A bucket, or a folder in one.

    Args:
        reference: the slug of the block.
        block: the bucket, its folder and its credentials.
    """

    def __init__(self, reference: str, block: "S3Bucket") -> None:
        self.reference = reference
        self.bucket: str = block.bucket_name
        self._folder: str = block.bucket_folder.strip("/")
        self._credentials = block.credentials

    @property
    def client(self) -> Any:
        """A boto3 client for the bucket: bounded times, bounded retries, links signed by version 4."""
        with errors(f"cannot use the bucket {self.bucket}"):
            return _client(self._credentials)

    def name(self, key: str) -> str:
        """What S3 calls the object of a key."""
        return f"{self._folder}/{key}" if self._folder else key

    @override
    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.name(key)}"

    @override
    def key(self, uri: str) -> str | None:
        base = self.uri("")
        return uri.removeprefix(base) if uri.startswith(base) else None

    @override
    def exists(self, key: str) -> bool:
        try:
            with self._reading(key) as client:
                client.head_object(Bucket=self.bucket, Key=self.name(key))
        except ResultNotFound:
            return False
        return True

    @override
    def read(self, key: str) -> bytes:
        with self._reading(key) as client:
            content: bytes = client.get_object(Bucket=self.bucket, Key=self.name(key))["Body"].read()
            return content

    @override
    def write(self, key: str, content: bytes) -> None:
        with errors(f"cannot write {self.uri(key)}"):
            self.client.put_object(Bucket=self.bucket, Key=self.name(key), Body=content)

    @override
    def upload(self, key: str, path: Path) -> None:
        with errors(f"cannot write {self.uri(key)}"):
            self.client.upload_file(str(path), self.bucket, self.name(key), Config=_transfer())

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with workspace.scratch("object") as folder:
            path = folder / "object"
            with self._reading(key) as client:
                client.download_file(self.bucket, self.name(key), str(path), Config=_transfer())
            named = path.rename(folder / PurePosixPath(key).name)
            yield named

    @override
    def objects(self, prefix: str) -> Iterator[Stored]:
        # `results/a` must not find `results/ab`
        below = self.name(f"{prefix.strip('/')}/" if prefix else "")
        with errors(f"cannot list {self.uri(prefix)}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below)
            for page in pages:
                for entry in page.get("Contents", ()):
                    key = entry["Key"][len(self.name("")) :]
                    yield Stored(key, entry["Size"], entry["LastModified"])

    @override
    def delete(self, key: str) -> None:
        with errors(f"cannot remove {self.uri(key)}"):
            self.client.delete_object(Bucket=self.bucket, Key=self.name(key))

    @override
    def erase(self, key: str) -> None:
        self.delete(key)
        name = self.name(key)
        with errors(f"cannot remove the earlier versions of {self.uri(key)}"):
            if not self.keeps_versions:
                return
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=name):
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if one["Key"] == name:
                        self.client.delete_object(Bucket=self.bucket, Key=name, VersionId=one["VersionId"])

    @property
    def keeps_versions(self) -> bool:
        """Whether the bucket keeps what is replaced or removed as older versions."""
        with errors(f"cannot look at the bucket {self.bucket}"):
            return "Status" in self.client.get_bucket_versioning(Bucket=self.bucket)

    @override
    def check(self) -> None:
        probe = f".probe-{uuid.uuid4()}"  # a key of its own: jobs that begin together probe together
        self.write(probe, b"probe")
        if self.read(probe) != b"probe":
            raise PublishFailed(f"{self.uri(probe)} does not hold what was written there")
        self.delete(probe)

    @override
    def link(self, key: str, lasting_s: float) -> str:
        return self._signed("get_object", key, lasting_s)

    @override
    def upload_link(
        self, key: str, lasting_s: float, *, content_type: str | None = None, size_bytes: int | None = None
    ) -> str:
        wanted = {"ContentType": content_type, "ContentLength": size_bytes}
        return self._signed("put_object", key, lasting_s, **{k: v for k, v in wanted.items() if v is not None})

    @override
    def arrow(self) -> tuple["FileSystem", str]:
        from pyarrow.fs import S3FileSystem

        client = self.client
        with errors(f"cannot use the bucket {self.bucket}"):
            found = self._credentials.get_boto3_session().get_credentials()
            keys = found.get_frozen_credentials() if found else None
            endpoint = self._credentials.aws_client_parameters.get_params_override().get("endpoint_url")
            own = {"endpoint_override": endpoint} if endpoint else {}
            if endpoint:  # other services send the sum of a whole object with a part of it
                os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
            system = S3FileSystem(
                **({"access_key": keys.access_key, "secret_key": keys.secret_key} if keys else {"anonymous": True}),
                session_token=keys.token if keys else None,
                region=client.meta.region_name,
                connect_timeout=CONNECT_S,
                request_timeout=SILENCE_S,
                **own,
            )
        return system, f"{self.bucket}/{self._folder}".rstrip("/")

    def _signed(self, operation: str, key: str, lasting_s: float, **wanted: object) -> str:
        expires_s = min(round(lasting_s), LONGEST_LINK_S)
        about = {"Bucket": self.bucket, "Key": self.name(key), **wanted}
        with errors(f"cannot sign a link to {self.uri(key)}"):
            address: str = self.client.generate_presigned_url(operation, Params=about, ExpiresIn=expires_s)
        return address

    @contextmanager
    def _reading(self, key: str) -> Iterator[Any]:
        try:
            with errors(f"cannot read {self.uri(key)}"):
                yield self.client
        except PublishFailed as error:
            if _said(error.__cause__) in {"NoSuchKey", "404"}:
                raise ResultNotFound(f"nothing is stored at {self.uri(key)}") from None
            raise


@functools.lru_cache(maxsize=8)
def _client(credentials: "AwsCredentials | MinIOCredentials") -> Any:
    """One client for all stores with the same credentials: making one takes a tenth of a second."""
    from botocore.config import Config

    parameters = credentials.aws_client_parameters.get_params_override()
    ours = Config(
        connect_timeout=CONNECT_S,
        read_timeout=SILENCE_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        signature_version="s3v4",
        s3={"addressing_style": addressing(parameters.get("endpoint_url"))},
        max_pool_connections=2 * PARTS_AT_ONCE,
        user_agent_extra="ecg-audio-analyzer",
    )
    theirs = parameters.pop("config", None)
    config = ours.merge(theirs) if theirs else ours
    return credentials.get_boto3_session().client("s3", config=config, **parameters)


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE)


@contextmanager
def errors(what: str) -> Iterator[None]:
    """Turn whatever boto3 raises into a `PublishFailed` that begins so; `StoreRefused` where another try is in vain."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except (OSError, Boto3Error, BotoCoreError, ClientError, HTTPClientError, ValueError) as error:
        # a transfer's error tells what S3 answered in words only; the answer itself is what it met
        refused = {_said(error), _said(error.__context__)} & REFUSALS
        raise (StoreRefused if refused else PublishFailed)(f"{what}: {error}") from error


def _said(error: BaseException | None) -> str | None:
    """The name of S3's answer; None: it is no answer."""
    from botocore.exceptions import ClientError

    return error.response["Error"]["Code"] if isinstance(error, ClientError) else None
