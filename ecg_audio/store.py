"""What an artifact store is: keys to bytes, whoever keeps them.

Keys are relative, with `/` between their parts. Every failure on the store's side is a `PublishFailed`, which tasks try
again: a store that goes away for a while is survived.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


@dataclass(frozen=True, slots=True)
class Stored:
    """One object, as a listing tells of it. `modified` is an aware time: when it was written last."""

    key: str
    size_bytes: int
    modified: datetime


class ArtifactStore(ABC):
    """Keeps recordings, results, receipts and cached records.

    Attributes:
        reference: what `open_store` opens it by.
    """

    reference: str

    @abstractmethod
    def uri(self, key: str) -> str:
        """Where a person or program finds the object: a path or an address."""

    @abstractmethod
    def key(self, uri: str) -> str | None:
        """The key of an object in this store by its path or s3:// address; None: it is not one of this store's."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The object's bytes, for what is small; `local` streams what is not.

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
        """A local file with the object's content, for as long as the context lasts.

        Raises:
            ResultNotFound: there is none.
        """

    @abstractmethod
    def objects(self, prefix: str) -> Iterator[Stored]:
        """All objects below a prefix, which is the name of a folder; in no order."""

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix, sorted."""
        return sorted(stored.key for stored in self.objects(prefix))

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""

    def erase(self, key: str) -> None:
        """Remove an object with all that the store may have kept of it, such as earlier versions."""
        self.delete(key)

    @abstractmethod
    def check(self) -> None:
        """Write, read and remove a probe.

        Raises:
            PublishFailed: with what is wrong.
        """

    @abstractmethod
    def link(self, key: str, lasting_s: float) -> str | None:
        """An address from which anybody can read the object for so long; None: this store has no such addresses."""

    @abstractmethod
    def upload_link(
        self, key: str, lasting_s: float, *, content_type: str | None = None, size_bytes: int | None = None
    ) -> str | None:
        """An address to which anybody can PUT the object for so long; None: this store has no such addresses.

        Args:
            key: where the object will lie.
            lasting_s: seconds from now; S3 knows up to a week.
            content_type: the Content-Type header that the PUT must carry then; None: any.
            size_bytes: the size the body must have then, to the byte; None: any.
        """

    @abstractmethod
    def arrow(self) -> tuple["FileSystem", str]:
        """The store as Arrow reads it: a file system, and this store's folder in it."""
