"""Where recordings and results are kept: a folder, an S3 bucket, or any Prefect filesystem block.

A store is named by a reference: the path of a folder, or the slug of a saved block (`s3-bucket/ecg`). Keys are
relative, with `/` between their parts.
"""

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import override

from ecg_audio.errors import InvalidRequest, PublishFailed, ResultNotFound

if TYPE_CHECKING:
    from prefect.filesystems import WritableFileSystem

DEFAULT_FOLDER = "ecg-results"
CACHE_PREFIX = "cache"
INCOMING = ".incoming-"
BLOCK_TYPES = ("s3-bucket/", "local-file-system/", "remote-file-system/", "gcs-bucket/", "azure-blob-storage/")


class ArtifactStore(ABC):
    """Keys to bytes. Everything that fails on the store's side is a `PublishFailed`."""

    reference: str

    @abstractmethod
    def uri(self, key: str) -> str:
        """Where a person or program finds the object: a path or an address."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            ResultNotFound: there is none.
        """

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Put bytes under a key; readers see the old object or the new one, never a part."""

    @abstractmethod
    def upload(self, key: str, path: Path) -> None:
        """Put a local file under a key, as `write` does."""

    @abstractmethod
    def local(self, key: str) -> AbstractContextManager[Path]:
        """A local file with the object's content, for as long as the context lasts."""

    @abstractmethod
    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix, sorted."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""

    @abstractmethod
    def check(self) -> None:
        """Write, read and remove a probe.

        Raises:
            PublishFailed: with what is wrong.
        """


class FolderStore(ArtifactStore):
    """A folder on this machine. Objects appear by rename, so a reader never meets half of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.reference = str(self.folder)

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder.joinpath(*PurePosixPath(key).parts)

    @override
    def uri(self, key: str) -> str:
        return str(self.path(key))

    @override
    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    @override
    def read(self, key: str) -> bytes:
        path = self.path(key)
        if not path.is_file():
            raise ResultNotFound(f"nothing is stored at {path}")
        with _folder_errors(f"cannot read {path}"):
            return path.read_bytes()

    @override
    def write(self, key: str, content: bytes) -> None:
        with self._incoming(key) as file:
            file.write(content)

    @override
    def upload(self, key: str, path: Path) -> None:
        with path.open("rb") as source, self._incoming(key) as file:
            shutil.copyfileobj(source, file, 1 << 20)

    @contextmanager
    def _incoming(self, key: str) -> Iterator[IO[bytes]]:
        target = self.path(key)
        with _folder_errors(f"cannot write {target}"):
            descriptor, name = _begun(target.parent)
            incoming = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(descriptor)  # a full disk speaks here, not after the rename
                incoming.chmod(0o644)
                incoming.replace(target)
            finally:
                incoming.unlink(missing_ok=True)

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self.path(key)
        if not path.is_file():
            raise ResultNotFound(f"nothing is stored at {path}")
        yield path

    @override
    def keys(self, prefix: str) -> list[str]:
        base = self.path(prefix)
        if not base.is_dir():
            return []
        files = (Path(folder, name) for folder, _, names in os.walk(base) for name in names)
        return sorted(path.relative_to(self.folder).as_posix() for path in files if not path.name.startswith(INCOMING))

    @override
    def delete(self, key: str) -> None:
        path = self.path(key)
        with _folder_errors(f"cannot remove {path}"):
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self.folder:
                    break
                try:
                    parent.rmdir()
                except OSError:  # not empty, or somebody was quicker
                    break

    @override
    def check(self) -> None:
        with _folder_errors(f"the output folder {self.folder} cannot be used"):
            if self.folder.exists() and not self.folder.is_dir():
                raise NotADirectoryError(20, "it is a file", str(self.folder))
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b"probe")


class BlockStore(ArtifactStore):
    """A saved Prefect filesystem block. S3 buckets are streamed, listed and deleted; others are read and written."""

    def __init__(self, reference: str, block: "WritableFileSystem") -> None:
        self.reference = reference
        self._block: Any = block
        self._bucket: str | None = getattr(block, "bucket_name", None)

    def _object(self, key: str) -> str:
        return str(PurePosixPath(getattr(self._block, "bucket_folder", "") or "", key))

    def _client(self) -> Any:
        return self._block._get_s3_client()

    @override
    def uri(self, key: str) -> str:
        if self._bucket:
            return f"s3://{self._bucket}/{self._object(key)}"
        base = getattr(self._block, "basepath", None) or self.reference
        return f"{base}/{key}"

    @override
    def exists(self, key: str) -> bool:
        if not self._bucket:
            try:
                self.read(key)
            except ResultNotFound:
                return False
            return True
        with _bucket_errors(f"cannot reach {self.uri(key)}"):
            found = self._client().list_objects_v2(Bucket=self._bucket, Prefix=self._object(key), MaxKeys=1)
            return any(entry["Key"] == self._object(key) for entry in found.get("Contents", ()))

    @override
    def read(self, key: str) -> bytes:
        from botocore.exceptions import ClientError

        try:
            with _bucket_errors(f"cannot read {self.uri(key)}"):
                content: bytes = self._block.read_path(key)
                return content
        except PublishFailed as error:
            cause = error.__cause__
            missing = isinstance(cause, ClientError) and cause.response["Error"]["Code"] in {"NoSuchKey", "404"}
            if missing or isinstance(cause, FileNotFoundError | ValueError):
                raise ResultNotFound(f"nothing is stored at {self.uri(key)}") from None
            raise

    @override
    def write(self, key: str, content: bytes) -> None:
        with _bucket_errors(f"cannot write {self.uri(key)}"):
            self._block.write_path(key, content)

    @override
    def upload(self, key: str, path: Path) -> None:
        if not self._bucket:
            self.write(key, path.read_bytes())
        else:
            with _bucket_errors(f"cannot write {self.uri(key)}"):
                # boto3's managed transfer: multipart, retried, checksummed
                self._client().upload_file(str(path), self._bucket, self._object(key))

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="ecg-object-") as folder:
            path = Path(folder, PurePosixPath(key).name)
            if self._bucket and self.exists(key):
                with _bucket_errors(f"cannot read {self.uri(key)}"):
                    self._client().download_file(self._bucket, self._object(key), str(path))
            else:
                path.write_bytes(self.read(key))
            yield path

    @override
    def keys(self, prefix: str) -> list[str]:
        if not self._bucket:
            return []  # a plain block cannot list
        folder = self._object("")
        with _bucket_errors(f"cannot list {self.uri(prefix)}"):
            pages = self._client().get_paginator("list_objects_v2")
            found = [
                entry["Key"]
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._object(prefix))
                for entry in page.get("Contents", ())
            ]
        start = 0 if folder == "." else len(folder) + 1
        return sorted(key[start:] for key in found)

    @override
    def delete(self, key: str) -> None:
        if self._bucket:
            with _bucket_errors(f"cannot remove {self.uri(key)}"):
                self._client().delete_object(Bucket=self._bucket, Key=self._object(key))

    @override
    def check(self) -> None:
        self.write(".probe", b"probe")
        self.delete(".probe")


def _begun(folder: Path) -> tuple[int, str]:
    """A new file in a folder, even if somebody who just emptied that folder removes it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return tempfile.mkstemp(prefix=INCOMING, dir=folder)


@contextmanager
def _folder_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishFailed(f"{what}: {error.strerror or error}") from error


@contextmanager
def _bucket_errors(what: str) -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (OSError, Boto3Error, BotoCoreError, ClientError, ValueError) as error:
        raise PublishFailed(f"{what}: {error}") from error


def reference(named: str | None) -> str:
    """The store a request means: what it names, else ECG_STORE, else a folder here."""
    return named or os.environ.get("ECG_STORE") or DEFAULT_FOLDER


def is_block(named: str) -> bool:
    """Whether a reference names a Prefect block and not a folder."""
    return named.startswith(BLOCK_TYPES)


def open_store(named: str | None) -> ArtifactStore:
    """Open the store a reference names; a block is loaded from the Prefect server.

    Raises:
        InvalidRequest: there is no such block.
    """
    named = reference(named)
    if not is_block(named):
        return FolderStore(Path(named))
    from prefect.blocks.core import Block

    try:
        block: Any = Block.load(named)
    except ValueError as error:
        raise InvalidRequest(
            f"there is no storage block {named}", hint="`prefect block ls` lists the blocks; or give a folder."
        ) from error
    return BlockStore(named, block)


def result_storage(named: str | None) -> Path | str:
    """What Prefect keeps task results in, for a store: a folder inside it, or the same block."""
    named = reference(named)
    return named if is_block(named) else FolderStore(Path(named)).path(CACHE_PREFIX)
