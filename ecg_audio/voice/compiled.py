"""How the loops over samples and frames are compiled: once, to machine code that is kept on disk."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba


def _own_folder(folder: Path) -> bool:
    """Whether `folder` exists or can be made, is ours alone and can be written: what is cached there gets executed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
    except OSError:
        return False
    private = state.st_uid == os.getuid() and not stat.S_IMODE(state.st_mode) & 0o022
    return private and os.access(folder, os.W_OK | os.X_OK)


def cache_folder(package: Path) -> str | None:
    """Where compiled code goes: None leaves it to numba.

    numba knows the user's NUMBA_CACHE_DIR and the folder beside the source. An install is often read-only, and a
    container's home folder may be too, so there are two more places to try, and at last one for this process alone.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return None
    if os.access(package, os.W_OK):
        return None
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    shared = Path(tempfile.gettempdir()) / f"ecg-numba-{os.getuid()}"
    for folder in (home / "ecg-audio-analyzer" / "numba", shared):
        if _own_folder(folder):
            return str(folder)
    return tempfile.mkdtemp(prefix="ecg-numba-")


_folder = cache_folder(Path(__file__).parent)
if _folder is not None:
    numba.config.CACHE_DIR = _folder  # type: ignore[attr-defined]


Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def kernel(function: Kernel) -> Kernel:
    """Decorate a function to be compiled to machine code that runs without the interpreter's lock.

    Of the freedoms of "fast math" it takes two: fused multiply-add, and ignoring the sign of zero. Neither reorders a
    sum, so what a lane holds does not depend on its neighbours.
    """
    return cast(Kernel, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz"})(function))
