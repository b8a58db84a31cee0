"""The ways to run a model, with less memory at each step down, and what is done when memory does not suffice.

Imports no model library: their errors are told by name and text.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ecg_audio.analysis import Notice
from ecg_audio.errors import GpuMemoryExhausted, InsufficientResources

R = TypeVar("R")

LADDER = "GPU_MEMORY_LADDER"
SMALLEST_BATCH = 2
OUT_OF_MEMORY = (
    "out of memory",  # torch, CTranslate2, CUDA's runtime
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cudaerrormemoryallocation",
    "can't allocate memory",  # torch's allocator for the CPU
    "std::bad_alloc",
)
NO_DEVICE = (
    "driver version is insufficient",
    "no cuda-capable device",
    "no kernel image is available",
    "found no nvidia driver",
    "torch not compiled with cuda",
    "do not support efficient",  # CTranslate2: this card has no such compute type
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placement:
    """One way to run a model: less memory with every step down."""

    device: str
    batch_size: int
    compute_type: str = "float32"

    def __str__(self) -> str:
        where = "the CPU" if self.device == "cpu" else self.device
        return f"batch {self.batch_size}, {self.compute_type} on {where}"


def fallbacks(first: Placement, *, quantised: bool = False) -> Iterator[Placement]:
    """The ladder from a first try down: the batch halved to 2, then int8 (where the model has it), then the CPU.

    On a machine that began on the CPU only the batch becomes smaller.
    """
    batch = first.batch_size
    yield first
    while batch // 2 >= SMALLEST_BATCH:
        batch //= 2
        yield Placement(first.device, batch, first.compute_type)
    if first.device == "cpu":
        return
    if quantised and not first.compute_type.startswith("int8"):
        yield Placement(first.device, batch, "int8")
    yield Placement("cpu", batch, "int8" if quantised else "float32")


def descend(
    ladder: Sequence[Placement], attempt: Callable[[Placement], R], *, what: str, free: Callable[[], None]
) -> tuple[R, tuple[Notice, ...]]:
    """Try to do something, with less memory each time that it does not suffice.

    Args:
        ladder: ways to do it, from best to smallest.
        attempt: does it; its errors other than of memory or device are raised as they are.
        what: for people: "recognition".
        free: gives back what a failed attempt may still hold.

    Returns:
        What the attempt returned, and a notice for each step down.

    Raises:
        GpuMemoryExhausted: even the last way, on the CPU, ran out of memory.
        InsufficientResources: the same on a machine that never had a GPU in use.
    """
    notices: list[Notice] = []
    remaining = list(ladder)
    while True:
        placement = remaining.pop(0)
        try:
            return attempt(placement), tuple(notices)
        except Exception as error:  # raised again unless it is about memory or the device
            if unusable(error):
                remaining = [lower for lower in remaining if lower.device == "cpu"]
                reason = f"{placement.device} cannot be used"
            elif out_of_memory(error):
                reason = f"out of memory at {placement}"
            else:
                raise
            if not remaining:
                failure = InsufficientResources if ladder[0].device == "cpu" else GpuMemoryExhausted
                raise failure(f"{what} ran out of memory at every step, down to {placement}") from error
        # outside of the handler: its traceback held the failed attempt's tensors
        free()
        notices.append(Notice(code=LADDER, message=f"{what}: {reason}, went on with {remaining[0]}"))
        log.warning(notices[-1].message)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch, CTranslate2 or CUDA says that memory ran out."""
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in OUT_OF_MEMORY)


def unusable(error: BaseException) -> bool:
    """Whether an error says that the device, or this kind of arithmetic on it, cannot be used at all."""
    kinds = (RuntimeError, ValueError, AssertionError)
    return isinstance(error, kinds) and any(text in str(error).lower() for text in NO_DEVICE)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those it came from, nearest first."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
