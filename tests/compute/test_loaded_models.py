"""Models are loaded once, and what is done when memory does not suffice."""

import logging
import time
from collections.abc import Callable

import pytest

from ecg_audio.compute.loaded_models import LoadedModels
from ecg_audio.compute.memory_ladder import LADDER, Placement, chain, descend, fallbacks, out_of_memory, unusable
from ecg_audio.errors import EcgError, GpuMemoryExhausted, InsufficientResources

FULL = list(fallbacks(Placement("cuda", 16, "float16"), quantised=True))


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


TORCH = OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
CTRANSLATE2 = RuntimeError("CUDA failed with error out of memory")
CUBLAS = RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED")


def failing(errors: list[Exception]) -> Callable[[Placement], Placement]:
    """An attempt that fails once with each error, then returns the placement it was made on."""

    def attempt(placement: Placement) -> Placement:
        if errors:
            raise errors.pop(0)
        return placement

    return attempt


def test_the_ladder_leads_from_the_full_batch_to_the_cpu() -> None:
    """16, 8, 4, 2, then int8, then the CPU."""
    assert [(placement.device, placement.batch_size, placement.compute_type) for placement in FULL] == [
        ("cuda", 16, "float16"),
        ("cuda", 8, "float16"),
        ("cuda", 4, "float16"),
        ("cuda", 2, "float16"),
        ("cuda", 2, "int8"),
        ("cpu", 2, "int8"),
    ]


def test_a_model_that_stays_in_single_precision_skips_int8() -> None:
    """Diarization steps down in batches, then to the CPU, never in precision."""
    assert {placement.compute_type for placement in fallbacks(Placement("cuda", 32))} == {"float32"}
    assert [placement.device for placement in fallbacks(Placement("cuda", 1))] == ["cuda", "cpu"]


def test_on_the_cpu_only_the_batch_shrinks() -> None:
    """There is nowhere else to go from the CPU."""
    assert list(fallbacks(Placement("cpu", 4, "int8"), quantised=True)) == [
        Placement("cpu", 4, "int8"),
        Placement("cpu", 2, "int8"),
    ]


@pytest.mark.parametrize("steps", range(6))
def test_the_job_goes_on_one_step_lower_after_each_failure(steps: int, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of all libraries are recognised; each step is logged, recorded, and preceded by giving memory back."""
    errors = [TORCH, CTRANSLATE2, CUBLAS, MemoryError(), RuntimeError("std::bad_alloc")][:steps]
    freed: list[None] = []
    with caplog.at_level(logging.WARNING):
        placement, notices = descend(FULL, failing(list(errors)), what="recognition", free=lambda: freed.append(None))
    assert placement == FULL[steps]
    assert [notice.code for notice in notices] == [LADDER] * steps
    assert len(freed) == steps
    assert [record.message for record in caplog.records] == [notice.message for notice in notices]
    if steps:
        assert notices[0].message == (
            "recognition: out of memory at batch 16, float16 on cuda, went on with batch 8, float16 on cuda"
        )


@pytest.mark.parametrize(("ladder", "failure"), [(FULL, GpuMemoryExhausted), (FULL[-1:], InsufficientResources)])
def test_when_the_cpu_fails_too_the_error_has_a_name(ladder: list[Placement], failure: type[EcgError]) -> None:
    """At the end of a GPU's ladder stands GPU_MEMORY_ERROR; a machine that used none is short of its own memory."""
    with pytest.raises(failure, match="recognition ran out of memory at every step") as caught:
        descend(ladder, failing([TORCH] * 6), what="recognition", free=lambda: None)
    assert caught.value.retryable


def test_a_device_that_cannot_be_used_leads_to_the_cpu_at_once() -> None:
    """Smaller batches do not help against a missing driver."""
    error = RuntimeError("CUDA failed with error CUDA driver version is insufficient for CUDA runtime version")
    placement, notices = descend(FULL, failing([error]), what="recognition", free=lambda: None)
    assert placement.device == "cpu"
    assert "cuda cannot be used" in notices[0].message


@pytest.mark.parametrize(
    "error", [RuntimeError("shape mismatch"), ValueError("out of memory"), KeyError("out of memory")]
)
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    """What is not about memory is not tried again."""
    assert not out_of_memory(error) and not unusable(error)
    with pytest.raises(type(error)):
        descend(FULL, failing([error]), what="recognition", free=lambda: None)


def test_a_model_is_loaded_once_and_counted() -> None:
    """The second user gets the same; a dropped kind is loaded again, other kinds stay."""
    models = LoadedModels()
    first = models.get(("asr", "base"), object)
    assert models.get(("asr", "base"), lambda: pytest.fail("loaded twice")) is first
    aligner = models.get(("aligner", "en"), object)
    assert models.loads == {"asr": 1, "aligner": 1}
    models.drop("asr")
    assert models.loaded == ("aligner",)
    assert models.get(("aligner", "en"), object) is aligner
    assert models.get(("asr", "base"), object) is not first
    assert models.loads["asr"] == 2
    models.drop()
    assert models.loaded == ()


def test_the_least_recently_used_models_make_room() -> None:
    """Within the budget all stay; beyond it those go that nobody used for longest, as many as it takes."""
    models = LoadedModels(budget_bytes=10)
    for kind in ("asr", "aligner", "diarization"):
        models.get((kind,), object, size_bytes=lambda: 3)
    models.get(("asr",), object)
    models.get(("emotion",), object, size_bytes=lambda: 4)
    assert models.loaded == ("diarization", "asr", "emotion")
    models.get(("huge",), object, size_bytes=lambda: 100)
    assert models.loaded == ("huge",)


def test_idle_models_are_given_back() -> None:
    """Only those that nobody used for so long."""
    models = LoadedModels()
    models.get(("old",), object)
    time.sleep(0.05)
    models.get(("new",), object)
    models.drop_idle(0.04)
    assert models.loaded == ("new",)


def test_a_model_that_does_not_load_leaves_nothing_behind() -> None:
    """A failed load is neither kept nor counted."""
    models = LoadedModels()
    with pytest.raises(ZeroDivisionError):
        models.get(("asr",), lambda: 1 // 0)
    assert models.loaded == () and not models.loads


def test_the_chain_follows_causes_and_ends() -> None:
    """Nearest first, and a ring of causes does not hold it up."""
    inner, outer = ValueError("inner"), RuntimeError("outer")
    outer.__cause__ = inner
    assert list(chain(outer)) == [outer, inner]
    inner.__cause__ = outer
    assert len(list(chain(outer))) == 20
