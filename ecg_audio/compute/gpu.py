"""How busy the GPU is, as its driver tells through NVML; where there is none, nothing is told."""

import functools
import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Load:
    """A GPU at one moment. `utilisation_percent` is None where the driver keeps it to itself (MIG slices)."""

    memory_used_bytes: int
    memory_total_bytes: int
    utilisation_percent: float | None = None


def load() -> Load | None:
    """The load of the first GPU that this process may use, by everybody who uses it; None where there is none.

    Takes a millisecond and creates no context on the device.
    """
    device = _device()
    if device is None:
        return None
    import pynvml  # type: ignore[import-untyped]

    memory = pynvml.nvmlDeviceGetMemoryInfo(device)
    try:
        utilisation = float(pynvml.nvmlDeviceGetUtilizationRates(device).gpu)
    except pynvml.NVMLError:
        utilisation = None
    return Load(int(memory.used), int(memory.total), utilisation)


@functools.cache
def _device() -> Any:
    """NVML's handle; None without a driver, a device, or permission to use one."""
    import pynvml

    try:
        pynvml.nvmlInit()
        # NVML counts all devices of the machine, CUDA those that it may use
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
        if first.startswith(("GPU-", "MIG-")):
            return pynvml.nvmlDeviceGetHandleByUUID(first)
        return pynvml.nvmlDeviceGetHandleByIndex(int(first)) if first.isdecimal() else None
    except pynvml.NVMLError:
        return None
