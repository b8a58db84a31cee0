"""What memory there is: on the GPUs, asked from their driver without importing torch, and on the machine."""

import ctypes
import functools
from dataclasses import dataclass

GIB = 1 << 30


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
