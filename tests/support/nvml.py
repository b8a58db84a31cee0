"""NVML without a GPU: as much of `pynvml` as is asked, with figures that a Tesla T4 gave."""

from types import ModuleType, SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """As pynvml calls it."""


def pretended(*, driver: bool = True, slices: bool = False) -> Any:
    """A `pynvml` of one busy card.

    Args:
        driver: whether there is one.
        slices: a card cut into MIG slices does not tell its utilisation.
    """
    found: Any = ModuleType("pynvml")
    found.NVMLError = NVMLError
    found.asked = []

    def begin() -> None:
        if not driver:
            raise NVMLError("NVML Shared Library Not Found")

    def utilisation(_device: str) -> SimpleNamespace:
        if slices:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=87, memory=41)

    def handle(name: object) -> str:
        found.asked.append(name)
        return "device"

    found.nvmlInit = begin
    found.nvmlDeviceGetHandleByIndex = found.nvmlDeviceGetHandleByUUID = handle
    found.nvmlDeviceGetMemoryInfo = lambda _device: SimpleNamespace(total=16106127360, free=11, used=4830789632)
    found.nvmlDeviceGetUtilizationRates = utilisation
    return found
