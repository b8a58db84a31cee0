"""How the loops over samples and frames are compiled: once, to machine code that is kept on disk."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from ecg_audio.voice.kernels import code_cache

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
    others, settings.CACHE_DIR = settings.CACHE_DIR, str(code_cache.folder())
    try:
        compiled = numba.njit(cache=True, **_OPTIONS)(function)
    finally:
        settings.CACHE_DIR = others  # other packages' kernels keep their place
    return cast(Kernel, compiled)


def part(function: Kernel) -> Kernel:
    """Decorate a function that kernels alone call: it is compiled into each of them, and has no entry for Python."""
    compile_: Any = numba.njit  # its types do not know all of its options
    return cast(Kernel, compile_(no_cpython_wrapper=True, **_OPTIONS)(function))
