"""Which GPUs there are and how busy they are: from the driver, or not at all, and without a model library."""

import ctypes
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ecg_audio.compute import gpu, memory
from ecg_audio.compute.gpu import Gpu, Load, gpus
from ecg_audio.compute.memory import GIB, Meter, Use
from tests.support import nvml

Pretend = Callable[..., object]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    """Put an NVML in place."""

    def put(**kind: bool) -> object:
        found = nvml.pretended(**kind)
        monkeypatch.setitem(sys.modules, "pynvml", found)
        gpu._device.cache_clear()
        return found

    yield put
    gpu._device.cache_clear()


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    gpus.cache_clear()


def driver(cards: list[tuple[bytes, int]], status: int = 0) -> Any:
    """The driver as a machine with these cards has it: each function fills its first argument and returns a status."""

    def filling(value: Callable[[int], Any]) -> Callable[..., int]:
        def fill(target: Any, *others: int) -> int:
            getattr(target, "_obj", target).value = value(others[-1] if others else 0)
            return 0

        return fill

    return SimpleNamespace(
        cuInit=lambda _flags: status,
        cuDeviceGetCount=filling(lambda _: len(cards)),
        cuDeviceGetName=filling(lambda index: cards[index][0]),
        cuDeviceTotalMem_v2=filling(lambda index: cards[index][1]),
    )


def test_cards_are_told_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name and size of every card come from the driver."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver([(b"Tesla T4", 16 * GIB), (b"V100", 32 * GIB)]))
    assert gpus() == (Gpu(0, "Tesla T4", 16 * GIB), Gpu(1, "V100", 32 * GIB))


@pytest.mark.parametrize("status", [100, 803])
def test_a_driver_without_a_usable_card_has_none(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """No device, or a driver that does not fit the kernel: none, and no error."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver([(b"ghost", 1)], status))
    assert gpus() == ()


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without NVIDIA's driver has no libcuda."""

    def missing(_name: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert gpus() == ()


def test_asking_imports_no_model_library() -> None:
    """The answer costs milliseconds: torch stays out."""
    script = "import sys; from ecg_audio.compute import gpu, memory; gpu.gpus(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    assert memory.GIB == 2**30


def test_a_card_tells_memory_and_utilisation(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    """By everybody who uses it, in bytes and percent."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pretend()
    assert gpu.load() == Load(4830789632, 16106127360, 87.0)


@pytest.mark.parametrize(
    ("visible", "asked"), [("2,0", [2]), ("GPU-8a3b", ["GPU-8a3b"]), ("MIG-1c", ["MIG-1c"]), ("", []), ("-1", [])]
)
def test_the_card_is_the_first_that_cuda_may_use(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, visible: str, asked: list[object]
) -> None:
    """NVML counts all cards of the machine; where CUDA may use none, there is no load."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = pretend()
    assert (gpu.load() is not None) == bool(asked)
    assert found.asked == asked  # type: ignore[attr-defined]


def test_what_is_not_told_is_absent(pretend: Pretend) -> None:
    """A slice of a card has no utilisation; without a driver there is nothing at all."""
    pretend(slices=True)
    assert gpu.load() == Load(4830789632, 16106127360, None)
    pretend(driver=False)
    assert gpu.load() is None


def test_a_meter_hears_the_gpu_while_it_works(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of what was sampled stands beside the peak of memory; without a GPU in use there is none."""
    pretend()
    with Meter() as meter:
        time.sleep(0)
    assert meter.measured.gpu_utilisation_percent is None
    monkeypatch.setattr(memory, "use", lambda: Use(1000, 2000))
    monkeypatch.setattr(memory, "SAMPLING_S", 0.001)
    with Meter() as meter:
        while not meter._utilisation:
            time.sleep(0.001)
    taken = meter.measured.taken
    assert (taken.peak_resident_bytes, taken.peak_gpu_bytes, taken.gpu_utilisation_percent) == (1000, 2000, 87.0)
