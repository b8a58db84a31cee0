"""How busy the GPU is: from the driver, or not at all."""

import sys
import time
from collections.abc import Callable, Iterator

import pytest

from ecg_audio.compute import gpu, memory
from ecg_audio.compute.gpu import Load
from ecg_audio.compute.memory import Meter, Use
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
