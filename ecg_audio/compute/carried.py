"""Models whose files are carried by installed packages, which are never imported.

A file may lie in several packages, in parts. They are joined once, into a folder of the cache, and compared with
digests that are written in our source.
"""

import fcntl
import hashlib
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg_audio.errors import ModelLoadingFailed

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A file that packages carry: its digest, and where its parts lie, as (package, path inside it)."""

    name: str
    size_bytes: int
    sha256: str
    parts: tuple[tuple[str, str], ...]


def found(package: str, inside: str) -> Path | None:
    """A file of an installed package; None where there is none."""
    spec = importlib.util.find_spec(package)  # finds the package without importing it
    path = Path(spec.origin).parent / inside if spec and spec.origin else None
    return path if path is not None and path.is_file() else None


def file(package: str, inside: str, what: str) -> Path:
    """A file of an installed package.

    Args:
        package: by the name it is imported by.
        inside: path in its folder.
        what: for people: "the voice encoder".

    Raises:
        ModelLoadingFailed: the package is not installed, or without the file.
    """
    path = found(package, inside)
    if path is None:
        raise ModelLoadingFailed(
            f"{what} is missing: it comes with the package {package}",
            hint=f"Install the project with its lock file, or reinstall {package}.",
        )
    return path


@dataclass(frozen=True, slots=True)
class CarriedModel:
    """A model that is joined from parts in packages.

    Of several processes that want it at once one joins it, and the others wait; a process that is killed leaves only a
    temporary folder, which the next one removes.

    Attributes:
        what: for people: "the embedded Whisper model".
        folder: where it lies once it is joined.
        files: that it has.
        mend: what to do when a part is missing or damaged.
    """

    what: str
    folder: Path
    files: Sequence[CarriedFile]
    mend: str

    @property
    def installed(self) -> bool:
        """Whether all parts are there."""
        return all(found(package, inside) for file in self.files for package, inside in file.parts)

    @property
    def whole(self) -> bool:
        """Whether it was joined before: each file is there, in its size."""
        try:
            return all((self.folder / file.name).stat().st_size == file.size_bytes for file in self.files)
        except OSError:
            return False

    @property
    def sound(self) -> bool:
        """Whether every byte is as it should be."""
        try:
            return all(_sha256(self.folder / file.name) == file.sha256 for file in self.files)
        except OSError:
            return False

    def joined(self) -> Path:
        """Its folder, joined now if need be: also where a byte was damaged since.

        Raises:
            ModelLoadingFailed: a part is missing or damaged.
        """
        if not self.sound:
            self._put(lambda file: [self._part(package, inside) for package, inside in file.parts], lambda: self.sound)
        return self.folder

    def copied(self, source: Path) -> Path:
        """Its folder, filled from one that has the same files.

        Raises:
            ModelLoadingFailed: a file is another one.
        """
        self._put(lambda file: [source / file.name], lambda: self.whole)
        return self.folder

    def _part(self, package: str, inside: str) -> Path:
        path = found(package, inside)
        if path is None:
            raise ModelLoadingFailed(
                f"a part of {self.what} is missing: {inside} of the package {package.replace('_', '-')}", hint=self.mend
            )
        return path

    def _put(self, parts: Callable[[CarriedFile], list[Path]], good: Callable[[], bool]) -> None:
        """Fill a folder beside the wanted one, and give it its name when it is whole; unless another process did so."""
        folder = self.folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with Path(folder.parent, f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if good():
                return
            for left in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed: nobody else is here
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as incoming:
                made = Path(incoming, folder.name)
                made.mkdir()
                for file in self.files:
                    self._copy(file, parts(file), made)
                if folder.exists():
                    folder.rename(Path(incoming, "damaged"))
                made.rename(folder)

    def _copy(self, file: CarriedFile, parts: Sequence[Path], into: Path) -> None:
        digest = hashlib.sha256()
        with (into / file.name).open("wb") as joined:
            for part in parts:
                with part.open("rb") as read:
                    while block := read.read(BLOCK_BYTES):
                        digest.update(block)
                        joined.write(block)
        if digest.hexdigest() != file.sha256:
            raise ModelLoadingFailed(
                f"{file.name} of {self.what} is damaged: {' + '.join(map(str, parts))} has the digest "
                f"sha256 {digest.hexdigest()}, not {file.sha256}",
                hint=self.mend,
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
