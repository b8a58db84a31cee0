"""Models in memory: loaded once, counted, given back."""

import gc
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ecg_audio.compute import gpu

R = TypeVar("R")

Key = tuple[str, *tuple[Any, ...]]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Resident:
    model: Any
    size_bytes: int
    used_at: float = 0.0


class LoadedModels:
    """The models of this process. Each is loaded at first use and stays until it is dropped, or room is needed.

    Args:
        budget_bytes: how much the models may hold together; None: no bound.
    """

    def __init__(self, budget_bytes: int | None = None) -> None:
        self.budget_bytes = budget_bytes
        self.loads: Counter[str] = Counter()  # how often each kind was loaded: warm means that this stands still
        self._resident: dict[Key, _Resident] = {}  # least recently used first
        self._lock = threading.RLock()

    def get(self, key: Key, load: Callable[[], R], *, size_bytes: Callable[[], int] = lambda: 0) -> R:
        """The model under a key, loaded now if it is not there.

        Args:
            key: its kind, and whatever else tells it from others of its kind.
            load: loads it.
            size_bytes: about how much memory it holds; models that were used least recently make room for it.
        """
        with self._lock:
            resident = self._resident.pop(key, None)
            if resident is None:
                self._make_room(size_bytes())
                model = load()
                self.loads[key[0]] += 1
                resident = _Resident(model, size_bytes())  # asked again: it may have been fetched just now
            resident.used_at = time.monotonic()
            self._resident[key] = resident
            found: R = resident.model
            return found

    def drop(self, *kinds: str) -> None:
        """Give models of these kinds back; without kinds, all of them."""
        with self._lock:
            self._give_back([key for key in self._resident if not kinds or key[0] in kinds])

    def drop_idle(self, idle_s: float) -> None:
        """Give back models that nobody has used for so long."""
        with self._lock:
            long_ago = time.monotonic() - idle_s
            self._give_back([key for key, resident in self._resident.items() if resident.used_at <= long_ago])

    @property
    def loaded(self) -> tuple[str, ...]:
        """Kinds of the models that are in memory now, the least recently used first."""
        with self._lock:
            return tuple(key[0] for key in self._resident)

    def _make_room(self, size_bytes: int) -> None:
        if self.budget_bytes is None:
            return
        held = sum(resident.size_bytes for resident in self._resident.values())
        leaving: list[Key] = []
        for key, resident in self._resident.items():
            if held + size_bytes <= self.budget_bytes:
                break
            leaving.append(key)
            held -= resident.size_bytes
        self._give_back(leaving)

    def _give_back(self, keys: Sequence[Key]) -> None:
        for key in keys:
            log.info("giving back %s", key[0])
            del self._resident[key]
        if keys:
            free()


def free() -> None:
    """Give memory that nobody uses back to the device, if torch is here at all."""
    gc.collect()
    if cuda := gpu.cuda_in_use():
        cuda.empty_cache()
