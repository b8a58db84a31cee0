"""How much memory work takes: of this process, and of the GPU that it works on."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ecg_audio.compute import gpu
from ecg_audio.progress import Taken

GIB = 1 << 30
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLING_S = 0.05


@dataclass(frozen=True, slots=True)
class Use:
    """Memory in use at one moment. `gpu_bytes` is of the whole device, None where no GPU is in use here."""

    resident_bytes: int
    gpu_bytes: int | None = None


def use() -> Use:
    """What this process holds, and what is taken on the GPU it works on (CTranslate2's part included)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    cuda = gpu.cuda_in_use()
    if cuda is None:
        return Use(pages * PAGE_BYTES)
    free_bytes, total_bytes = cuda.mem_get_info()  # of a slice's own memory too, which NVML may not tell
    return Use(pages * PAGE_BYTES, total_bytes - free_bytes)


@dataclass(frozen=True, slots=True)
class Metered:
    """Memory before, at most, and after; and how busy the GPU was on the way, None where there is none in use."""

    before: Use
    peak: Use
    after: Use
    gpu_utilisation_percent: float | None = None

    @property
    def taken(self) -> Taken:
        """The same as a stage's record has it."""
        return Taken(self.peak.resident_bytes, self.peak.gpu_bytes, self.gpu_utilisation_percent)


class Meter:
    """Measures memory and GPU before, while and after something runs: `with Meter() as meter: ...`."""

    def __init__(self) -> None:
        self.before = self.after = self.peak = use()
        self._utilisation: list[float] = []
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="measuring memory", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._watcher.join()
        self.after = use()
        self._note(self.after)

    @property
    def measured(self) -> Metered:
        """The figures, once it is over."""
        busy = self._utilisation
        return Metered(self.before, self.peak, self.after, round(sum(busy) / len(busy), 1) if busy else None)

    def _watch(self) -> None:
        while not self._done.wait(SAMPLING_S):
            now = use()
            self._note(now)
            load = gpu.load() if now.gpu_bytes is not None else None
            if load is not None and load.utilisation_percent is not None:
                self._utilisation.append(load.utilisation_percent)

    def _note(self, now: Use) -> None:
        gpus_bytes = [found.gpu_bytes for found in (self.peak, now) if found.gpu_bytes is not None]
        self.peak = Use(max(self.peak.resident_bytes, now.resident_bytes), max(gpus_bytes, default=None))
