"""What memory there is, asked without a model library."""

import ctypes
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ecg_audio.compute import memory
from ecg_audio.compute.memory import GIB, Gpu, Meter, gpus


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
    script = (
        "import sys; from ecg_audio.compute import loaded_models, memory; memory.gpus(); print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    assert memory.GIB == 2**30


def test_a_meter_sees_what_is_held_in_between() -> None:
    """The peak holds memory that was there only while something ran; without a GPU there is no figure for one."""
    with Meter() as meter:
        held = bytearray(200_000_000)
        held[::4096] = b"1" * len(held[::4096])
        time.sleep(0.2)
        del held
    assert meter.peak.resident_bytes - meter.before.resident_bytes > 150_000_000
    assert meter.after.resident_bytes < meter.peak.resident_bytes
    assert meter.peak.gpu_bytes is None
