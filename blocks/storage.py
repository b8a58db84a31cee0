"""Which artifact store is meant, and opening it.

A store is named by a reference: the path of a folder, or the slug of a saved Prefect block (`s3-bucket/ecg`).
"""

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from blocks.folder import FolderStore as FolderStore
from ecg_audio import layout
from ecg_audio.errors import InvalidRequest, SourceForbidden
from ecg_audio.media import source
from ecg_audio.settings import Files
from ecg_audio.store import ArtifactStore as ArtifactStore

if TYPE_CHECKING:
    from blocks.bucket import BucketStore

DEFAULT_FOLDER = "ecg-results"
BUCKET, FOLDER = "s3-bucket/", "local-file-system/"
_ELSEWHERE = re.compile(r"[a-z0-9+.-]+://|(?:gcs-bucket|azure-blob-storage|remote-file-system|smb|github)/", re.I)


def reference(named: str | None) -> str:
    """The store a request means: what it names, else ECG_STORE, else a folder here."""
    return named or Files.read().store or DEFAULT_FOLDER


def is_block(named: str) -> bool:
    """Whether a reference names a Prefect block and not a folder."""
    return named.startswith((BUCKET, FOLDER))


def open_store(named: str | None) -> ArtifactStore:
    """Open the store a reference names; a block is loaded from the Prefect server.

    Raises:
        InvalidRequest: there is no such block, or it is of a kind that is no store.
    """
    named = reference(named)
    if is_block(named):
        return _of_block(named)
    if _ELSEWHERE.match(named):
        raise InvalidRequest(
            f"the store {named} is neither a folder nor an s3-bucket block",
            hint="`ecg blocks register` makes a block for a bucket (S3_BUCKET_NAME); then use s3-bucket/ecg.",
        )
    return FolderStore(Path(named))


def _of_block(named: str) -> "FolderStore | BucketStore":
    from prefect.blocks.core import Block

    if named.startswith(BUCKET):
        from prefect_aws import S3Bucket  # noqa: F401 - loading a block needs its class
    try:
        block: Any = Block.load(named)
    except ValueError as error:
        raise InvalidRequest(
            f"there is no storage block {named}", hint="`prefect block ls` lists the blocks; or give a folder."
        ) from error
    if named.startswith(FOLDER):
        return FolderStore(Path(block.basepath or DEFAULT_FOLDER), named)
    from blocks.bucket import BucketStore

    return BucketStore(named, block)


def key_of(store: ArtifactStore, asked: str) -> str | None:
    """The key of a source that lies in this store; None: it lies elsewhere.

    Raises:
        EcgError: it is no source at all.
    """
    found = source.classify(asked)
    if isinstance(found, source.S3Source):
        return next(filter(None, (store.key(f"s3://{found.bucket}/{key}") for key in found.keys)), None)
    return store.key(str(found.path)) if isinstance(found, source.FileSource) else None


def check_source(store: ArtifactStore, asked: str) -> None:
    """Refuse a source that is one of the store's own objects: what one job left there is no other job's to read.

    Raises:
        SourceForbidden: it is, and no upload.
        EcgError: it is no source at all.
    """
    key = key_of(store, asked)
    if key is not None and key.partition("/")[0] in layout.OWN:
        raise SourceForbidden(
            "the source is an object that another job left in the store",
            hint="Give the recording itself, or a copy of it elsewhere.",
        )


def records(content: str | None) -> str:
    """The folder of cached records about one content, by its digest or its recording's key; None: about sources."""
    return layout.records(content_of(content) if content else None)


def content_of(recording: str) -> str:
    """The digest of the source's bytes, from the key of the recording made from them."""
    return PurePosixPath(recording).name.partition(".")[0]


def result_storage(named: str | None) -> Path | str:
    """What Prefect keeps task results in, for a store: the same folder, or the same block."""
    named = reference(named)
    return named if is_block(named) else FolderStore(Path(named)).folder
