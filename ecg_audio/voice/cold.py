"""The first measurement on a machine: its kernels are compiled by processes beside each other, and kept on disk.

The compiler holds the interpreter's lock: in a process of its own it neither waits for whoever recognises speech nor
keeps them waiting. numba itself is imported there alone, so this module can be asked at once.
"""

import fcntl
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ecg_audio.child import Child, ChildError
from ecg_audio.errors import EcgError
from ecg_audio.progress import Report, silent
from ecg_audio.voice.kernels import code_cache

logger = logging.getLogger(__name__)

LIMIT_S = 300.0
MARGIN, FRAMES = 4, 8


def compile_once() -> None:
    """Compile what is not compiled yet; returns at once where everything is.

    Who finds others at it waits for them. A kernel that could not be compiled here is compiled when it is called.
    """
    if not code_cache.is_cold():
        return
    with _alone():
        if not code_cache.is_cold():
            return
        logger.info("compiling the voice measurement for this machine: some seconds, once")
        with ThreadPoolExecutor(len(PARTS)) as pool:
            done = list(pool.map(_compile, PARTS))
        if all(done):
            code_cache.warmed()


def load() -> None:
    """Have the kernels in memory, for this process and its copies; where some are not compiled yet, do nothing."""
    if not code_cache.is_cold():
        for part in PARTS.values():
            part()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that is let go whenever and however this process ends."""
    place = code_cache.folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("w")
    except OSError:  # nothing can be kept here, so there is nothing to wait for either
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compile(part: str) -> bool:
    where = {"NUMBA_CACHE_DIR": str(code_cache.folder().parent)}
    with Child("the compiler of the voice measurement", environment=where) as child:
        try:
            child.call(compile_part, part, timeout_s=LIMIT_S)
        except (EcgError, ChildError, OSError) as error:
            logger.warning("the voice measurement is compiled while it runs: %s", error)
            return False
    return True


def compile_part(part: str, *, report: Report = silent) -> None:
    """Compile one of `PARTS`, by calling its kernels."""
    PARTS[part]()
    report(1.0)


def _pitch() -> None:
    import numpy as np

    from ecg_audio.voice import batch, periods
    from ecg_audio.voice.pitch import PitchSettings

    padded = batch.pad(np.zeros(0, np.float32), MARGIN, FRAMES)
    hops = batch.lay(padded, MARGIN)
    own, _possible = batch.find_pitch(hops, FRAMES, PitchSettings(), np.zeros((batch.FOUND, FRAMES), np.float32))
    periods.find_perturbation(padded, 0, own)


def _spectra() -> None:
    import numpy as np

    from ecg_audio.voice import batch
    from ecg_audio.voice.highpass import about_mean

    sound = np.concatenate(list(about_mean([np.ones(1, np.float32)])))
    padded = batch.pad(sound, MARGIN, FRAMES)
    hops = batch.lay(padded, MARGIN)
    batch.measure_spectra(padded, MARGIN, np.zeros((batch.SPECTRAL, FRAMES), np.float32))
    batch.measure_voices(hops, np.arange(FRAMES), np.zeros((len(batch.VOICED), FRAMES), np.float32))


PARTS = {"pitch": _pitch, "spectra": _spectra}
"""Halves that take about as long as each other, by what compiles or loads their kernels: a call of each."""
