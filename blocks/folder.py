"""An artifact store in a folder of this machine."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from typing_extensions import override

from ecg_audio import layout, modes
from ecg_audio.errors import PublishFailed, ResultNotFound, StoreRefused
from ecg_audio.store import ArtifactStore, Stored

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

INCOMING = ".incoming-"
"""How the names of files begin that are still being written."""
REFUSALS = {errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS}
"""What the file system answers to a request that will not succeed on another try either."""


class FolderStore(ArtifactStore):
    """A folder on this machine, closed to other users. Objects appear by rename, so nobody meets half of one.

    Args:
        folder: made when something is written.
        reference: what opens it, where that is not its path.
    """

    def __init__(self, folder: Path, reference: str | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.reference = reference or str(self.folder)

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder.joinpath(*PurePosixPath(key).parts)

    @override
    def uri(self, key: str) -> str:
        return str(self.path(key))

    @override
    def key(self, uri: str) -> str | None:
        # links are followed: a key is what the file is, not what it is called
        path, folder = Path(uri).expanduser().resolve(), self.folder.resolve()
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else self._also_called(path)

    def _also_called(self, path: Path) -> str | None:
        """The key of the object that a file outside is by another hard link; None: it is none of ours."""
        try:
            wanted = path.stat()
            if wanted.st_nlink < 2 or wanted.st_dev != self.folder.stat().st_dev:
                return None
        except (OSError, ValueError):  # no file, or no folder yet
            return None
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):
                    if os.path.samestat(wanted, Path(folder, name).lstat()):
                        return Path(folder, name).relative_to(self.folder).as_posix()
        return None

    @override
    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    @override
    def read(self, key: str) -> bytes:
        with self.local(key) as path, _errors(f"cannot read {path}"):
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
        with _errors(f"cannot write {target}"):
            descriptor, name = _begun(target.parent)
            incoming = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(descriptor)  # a full disk speaks here, not after the rename
                incoming.chmod(modes.OWNER_ONLY if key.startswith(f"{layout.VOICES}/") else modes.file_mode())
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
    def objects(self, prefix: str) -> Iterator[Stored]:
        for folder, _, names in os.walk(self.path(prefix)):
            for name in names:
                path = Path(folder, name)
                if name.startswith(INCOMING):
                    continue
                with suppress(FileNotFoundError):  # somebody was quicker
                    status = path.stat()
                    modified = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield Stored(path.relative_to(self.folder).as_posix(), status.st_size, modified)

    @override
    def delete(self, key: str) -> None:
        path = self.path(key)
        with _errors(f"cannot remove {path}"):
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            for parent in path.parents:
                if parent == self.folder:
                    break
                try:
                    parent.rmdir()
                except OSError:  # not empty, or somebody was quicker
                    break

    @override
    def check(self) -> None:
        with _errors(f"the output folder {self.folder} cannot be used"):
            if self.folder.exists() and not self.folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is a file", str(self.folder))
            modes.make_folder(self.folder)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b"probe")

    @override
    def arrow(self) -> tuple["FileSystem", str]:
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), str(self.folder)

    @override
    def link(self, key: str, lasting_s: float) -> None:
        return None

    @override
    def upload_link(
        self, key: str, lasting_s: float, *, content_type: str | None = None, size_bytes: int | None = None
    ) -> None:
        return None


def _begun(folder: Path) -> tuple[int, str]:
    """A new file in a folder, even if somebody who just emptied that folder removes it."""
    while True:
        modes.make_folder(folder)
        with suppress(FileNotFoundError):
            return tempfile.mkstemp(prefix=INCOMING, dir=folder)


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        refused = error.errno in REFUSALS
        raise (StoreRefused if refused else PublishFailed)(f"{what}: {error.strerror or error}") from error
