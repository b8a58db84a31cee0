"""Faults on purpose, inside a model process: memory that runs out wherever a test says."""

from collections.abc import Callable
from typing import Any

from ecg_audio.compute.memory_ladder import Placement
from ecg_audio.progress import Report, silent
from ecg_audio.speech import loaders, recognise
from ecg_audio.speech.settings import EngineSettings

Loader = Callable[..., Any]
_real: dict[str, Loader] = {}
_led_by: list[tuple[str | None, str | None]] = []


def pretend_gpu(shortages: dict[str, int], *, cpu_too: bool = False, report: Report = silent) -> None:
    """Let a GPU seem to be there, which runs out of memory the first `shortages[kind]` times that `kind` is loaded.

    Args:
        shortages: how often, for `embedded_pipeline` (which finds speech), `recogniser`, `aligner` and `pipeline`.
        cpu_too: the CPU has no memory either.
        report: unused.
    """
    restore()
    loaders.loaded_models.drop()
    left = dict(shortages)
    errors = {
        "recogniser": RuntimeError("CUDA failed with error out of memory"),  # CTranslate2's
        "embedded_pipeline": _torch_error(),
        "aligner": _torch_error(),
        "pipeline": _torch_error(),
    }
    for kind, error in errors.items():
        _real[kind] = getattr(loaders, kind)
        setattr(loaders, kind, _short(kind, _real[kind], left, error, cpu_too))


def restore(*, report: Report = silent) -> None:
    """Everything as it was."""
    for kind, loader in _real.items():
        setattr(loaders, kind, loader)


def loads(*, report: Report = silent) -> dict[str, int]:
    """How often each kind of model was loaded in this process."""
    return dict(loaders.loaded_models.loads)


def watch_guidance(_settings: EngineSettings, *, report: Report = silent) -> None:
    """Keep what the recogniser is led by from now on."""
    write = recognise.written

    def watched(model: Any, options: Any, *asked: Any) -> Any:
        _led_by.append((options.initial_prompt, options.hotwords))
        return write(model, options, *asked)

    recognise.written = watched


def led_by(*, report: Report = silent) -> set[tuple[str | None, str | None]]:
    """Each prompt with its hotwords that the recogniser was led by since this was asked last."""
    found = set(_led_by)
    _led_by.clear()
    return found


def own_aligners(*, report: Report = silent) -> tuple[dict[str, str], dict[str, str]]:
    """The aligners of whisperx by language, and the files of those that are torchaudio's."""
    import torchaudio
    from whisperx.alignment import DEFAULT_ALIGN_MODELS_HF, DEFAULT_ALIGN_MODELS_TORCH

    files = {name: getattr(torchaudio.pipelines, name)._path for name in DEFAULT_ALIGN_MODELS_TORCH.values()}
    return {**DEFAULT_ALIGN_MODELS_HF, **DEFAULT_ALIGN_MODELS_TORCH}, files


def _torch_error() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def _short(kind: str, real: Loader, left: dict[str, int], error: Exception, cpu_too: bool) -> Loader:
    def load(*arguments: Any) -> Any:
        on_gpu = [_on_cpu(argument) for argument in arguments] != list(arguments)
        if (on_gpu or cpu_too) and left.get(kind, 0) > 0:
            left[kind] -= 1
            raise error
        return real(*[_on_cpu(argument) for argument in arguments])

    return load


def _on_cpu(argument: Any) -> Any:
    if isinstance(argument, Placement) and argument.device == "cuda":
        return Placement("cpu", argument.batch_size, "int8")
    return "cpu" if isinstance(argument, str) and argument == "cuda" else argument
