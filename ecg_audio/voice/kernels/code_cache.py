"""Where machine code is kept. This module imports next to nothing: whoever asks whether all is there need not wait."""

import contextlib
import functools
import hashlib
import os
import stat
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).parent


def _private(folder: Path) -> bool:
    """Whether `folder` is there or can be made, is ours and can be written by us alone: its content gets executed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
    except OSError:
        return False
    ours = state.st_uid == os.getuid() and not stat.S_IMODE(state.st_mode) & 0o022
    return ours and os.access(folder, os.W_OK | os.X_OK)


def cache_folder(package: Path) -> Path:
    """Where compiled code is kept.

    A NUMBA_CACHE_DIR of the user's is obeyed. Else it is beside the source; but an install is often read-only, and a
    container's home folder may be too, so there are two more places to try, and at last one for this process alone.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if os.access(package, os.W_OK):
        return package / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    shared = Path(tempfile.gettempdir()) / f"ecg-numba-{os.getuid()}"
    for folder in (home / "ecg-audio-analyzer", shared):
        if _private(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="ecg-numba-"))


@functools.cache
def folder() -> Path:
    """This version's folder. numba looks at a kernel's own file only; here a change in any file makes all anew."""
    digest = hashlib.sha256()
    for source in sorted(PACKAGE.glob("*.py")):
        digest.update(source.read_bytes())
    return cache_folder(PACKAGE) / f"kernels-{digest.hexdigest()[:12]}"


def _complete() -> Path:
    return folder() / "complete"


def is_cold() -> bool:
    """Whether not everything is compiled yet on this machine: the first calls then take some seconds more."""
    return not _complete().exists()


def warmed() -> None:
    """Say that everything is compiled."""
    with contextlib.suppress(OSError):  # somebody cleans up, or the disk is full: it will be looked at again
        _complete().parent.mkdir(parents=True, exist_ok=True)
        _complete().touch()
