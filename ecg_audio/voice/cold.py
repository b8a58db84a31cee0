"""The first measurement on a machine: its kernels are compiled by processes beside each other, and kept on disk.

The compiler holds the interpreter's lock: in a process of its own it neither waits for whoever recognises speech nor
keeps them waiting.
"""

import fcntl
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from ecg_audio.child import Child, ChildError
from ecg_audio.errors import EcgError
from ecg_audio.progress import Report, silent
from ecg_audio.voice import batch, periods
from ecg_audio.voice.highpass import about_mean
from ecg_audio.voice.kernels import compiled
from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.lanes import LANES
from ecg_audio.voice.pitch import PitchSettings

logger = logging.getLogger(__name__)

LIMIT_S = 300.0
MARGIN = 4


def compile_once() -> None:
    """Compile what is not compiled yet; returns at once where everything is.

    Who finds others at it waits for them. A kernel that could not be compiled here is compiled when it is called.
    """
    if not compiled.is_cold():
        return
    with _alone():
        if not compiled.is_cold():
            return
        logger.info("compiling the voice measurement for this machine: some seconds, once")
        with ThreadPoolExecutor(len(PARTS)) as pool:
            done = list(pool.map(_compile, PARTS))
        if all(done):
            compiled.warmed()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that is let go whenever and however this process ends."""
    place = compiled.folder()
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
    where = {"NUMBA_CACHE_DIR": str(compiled.folder().parent)}
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
    padded, hops = batch.lay(np.zeros(0, np.float32), MARGIN, LANES)
    found = np.zeros((1 + 2 * CANDIDATES, LANES), np.float32)
    own, _possible = batch.find_pitch(hops, LANES, PitchSettings(), found)
    periods.find_perturbation(padded, 0, own)


def _spectra() -> None:
    sound = np.ones(1, np.float32)
    _padded, hops = batch.lay(np.concatenate(list(about_mean([sound]))), MARGIN, LANES)
    batch.measure_spectra(hops, np.zeros((batch.SPECTRAL, LANES), np.float32))
    batch.measure_voices(hops, np.zeros(1, np.int64), np.zeros((len(batch.VOICED), LANES), np.float32))


PARTS = {"pitch": _pitch, "spectra": _spectra}
"""Halves that take about as long as each other."""
