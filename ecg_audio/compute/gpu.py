"""Which GPUs there are, how full and how busy they are, and whether this process works on one.

CUDA's driver says what a process may use, NVML what everybody uses, and torch, where it is imported already, whether
this process does. None can answer for another: NVML lists cards that a driver of the wrong version cannot use. Where
there is no GPU, nothing is told. No question imports a model library.
"""

import ctypes
import functools
import os
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """A CUDA device of this machine."""

    index: int
    name: str
    total_bytes: int


@functools.cache
def gpus() -> tuple[Gpu, ...]:
    """The CUDA devices this process may use (CUDA_VISIBLE_DEVICES); none where there is no driver.

    Asks libcuda itself: milliseconds, where `import torch` takes seconds. No context is created on any device.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ()
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return ()  # a driver without a device, or one too old for its kernel
    found = []
    for index in range(count.value):
        name = ctypes.create_string_buffer(128)
        total = ctypes.c_size_t()
        if cuda.cuDeviceGetName(name, len(name), index) or cuda.cuDeviceTotalMem_v2(ctypes.byref(total), index):
            continue
        found.append(Gpu(index, name.value.decode(errors="replace"), total.value))
    return tuple(found)


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


def cuda_in_use() -> Any:
    """Torch's part for CUDA, if this process works with it; None: torch is not imported, or has not begun on a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch and torch.cuda.is_available() and torch.cuda.is_initialized() else None
