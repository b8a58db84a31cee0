"""Where unfinished work lies on this machine: downloads that can go on, and scratch that goes away.

Scratch folders carry the id of the process that made them; what a killed process left behind is swept by the next one.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from ecg_audio.errors import InsufficientResources

INCOMING_KEPT_S = 24 * 3600.0


def root() -> Path:
    """The folder of all unfinished work: ECG_WORK_DIR, else one of our own in the system's temporary folder.

    Raises:
        InsufficientResources: it cannot be made, or belongs to somebody else.
    """
    named = os.environ.get("ECG_WORK_DIR")
    folder = Path(named) if named else Path(tempfile.gettempdir(), f"ecg-audio-analyzer-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InsufficientResources(f"cannot use the work folder {folder}: {error.strerror}") from error
    if not named and folder.stat().st_uid != os.getuid():
        raise InsufficientResources(f"the work folder {folder} belongs to another user", hint="Set ECG_WORK_DIR.")
    return folder


@contextmanager
def incoming(job_id: str, source: str) -> Iterator[Path]:
    """The folder of one job's download. It goes with the job, however that ends, except when it is interrupted.

    An interrupted or killed job leaves it, and its next run goes on from there; it is swept after a day.
    """
    name = hashlib.sha256(f"{job_id}\0{source}".encode()).hexdigest()[:32]
    folder = root() / "incoming" / name
    folder.mkdir(parents=True, exist_ok=True)
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
    """Remove what ended processes left: their scratch at once, downloads after a day."""
    for folder in root().glob("*-*-*"):
        owner = folder.name.split("-")[-2]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in root().glob("incoming/*"):
        if time.time() - folder.stat().st_mtime > INCOMING_KEPT_S:
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
    """What may be kept between runs and made again if it is lost: ECG_CACHE_DIR, else the user's cache folder."""
    named = os.environ.get("ECG_CACHE_DIR")
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("ecg-audio-analyzer"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()
