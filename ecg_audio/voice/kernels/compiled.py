"""How the loops over samples and frames are compiled: once, to machine code that is kept on disk."""

import contextlib
import functools
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

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


Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # two freedoms of "fast math": fused multiply-add, and ignoring the sign of zero. Neither reorders a sum, so what a
    # lane holds does not depend on its neighbours
    "fastmath": {"contract", "nsz"},
    # what only takes time to compile: counting references, which needs that a kernel makes no array of its own, and
    # an entry for C
    "_nrt": False,
    "no_cfunc_wrapper": True,
}


def kernel(function: Kernel) -> Kernel:
    """Decorate a function to be compiled to machine code that runs without the interpreter's lock.

    It makes no arrays: room to work in is handed to it. It is compiled when first called, for the types it is called
    with, so every caller should hand it the same ones.
    """
    settings: Any = numba.config
    others, settings.CACHE_DIR = settings.CACHE_DIR, str(folder())
    try:
        compiled = numba.njit(cache=True, **_OPTIONS)(function)
    finally:
        settings.CACHE_DIR = others  # other packages' kernels keep their place
    return cast(Kernel, compiled)


def part(function: Kernel) -> Kernel:
    """Decorate a function that kernels alone call: it is compiled into each of them, and has no entry for Python."""
    compile_: Any = numba.njit  # its types do not know all of its options
    return cast(Kernel, compile_(no_cpython_wrapper=True, **_OPTIONS)(function))
