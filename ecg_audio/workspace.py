"""Where unfinished work lies on this machine: downloads that can go on, and scratch that goes away.

Scratch folders carry the id of the process that made them; what a killed process left behind is swept by the next one.
"""

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from ecg_audio import modes
from ecg_audio.environment import CACHE_DIR, WORK_DIR
from ecg_audio.errors import InsufficientResources

INCOMING = "incoming"
INCOMING_KEPT_S = 24 * 3600.0


def root() -> Path:
    """The folder of all unfinished work: ECG_WORK_DIR, else one of our own in the system's temporary folder.

    Raises:
        InsufficientResources: it cannot be made, is a link, or, in the system's temporary folder, belongs to somebody
            else or is open to others.
    """
    named = os.environ.get(WORK_DIR)
    folder = Path(named) if named else Path(tempfile.gettempdir(), f"ecg-audio-analyzer-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InsufficientResources(f"cannot use the work folder {folder}: {error.strerror}") from error
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise InsufficientResources(f"the work folder {folder} is a link", hint=f"Set {WORK_DIR} to the folder itself.")
    if not named and (status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077):
        raise InsufficientResources(
            f"the work folder {folder} belongs to another user, or is open to others",
            hint=f"Remove it, or set {WORK_DIR} to a folder of this user's.",
        )
    return folder


@contextmanager
def incoming(job_id: str, source: str) -> Iterator[Path]:
    """The folder of one job's download. It goes with the job, however that ends, except when it is interrupted.

    An interrupted or killed job leaves it, and its next run goes on from there; it is swept after a day.
    """
    name = hashlib.sha256(f"{job_id}\0{source}".encode()).hexdigest()[:32]
    folder = root() / INCOMING / name
    for made in (folder.parent, folder):
        made.mkdir(mode=0o700, exist_ok=True)
        if not modes.is_own_folder(made):
            raise InsufficientResources(f"{made} is no folder of this user's", hint="Remove it.")
    try:
        yield folder
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder for one piece of work, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-{os.getpid()}-", dir=root()) as folder:
        yield Path(folder)


def sweep() -> None:
    """Remove what ended processes left: their scratch at once, downloads after a day.

    Only folders of this user's go: a link, or what somebody else put here, stays and leads nowhere.
    """
    for folder in filter(modes.is_own_folder, root().glob("*-*-*")):
        owner = folder.name.split("-")[-2]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    if not modes.is_own_folder(root() / INCOMING):
        return
    for folder in filter(modes.is_own_folder, (root() / INCOMING).iterdir()):
        with suppress(FileNotFoundError):  # somebody was quicker
            if time.time() - folder.lstat().st_mtime > INCOMING_KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def cache() -> Path:
    """What may be kept between runs and made again if it is lost: ECG_CACHE_DIR, else the user's cache folder.

    Raises:
        InsufficientResources: it cannot be made.
    """
    named = os.environ.get(CACHE_DIR)
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("ecg-audio-analyzer"))
    try:
        modes.make_folder(folder)
    except OSError as error:
        raise InsufficientResources(
            f"cannot use the cache folder {folder}: {error.strerror}",
            hint=f"Set {CACHE_DIR} to a folder that can be written.",
        ) from error
    return folder.absolute()


COPIES = "tables"
"""The cache's folder of copied tables, see `results.copies`."""


def has_copies() -> bool:
    """Whether tables were ever copied on this machine."""
    try:
        return (cache() / COPIES).is_dir()
    except InsufficientResources:
        return False  # where nothing can be written, nothing was
