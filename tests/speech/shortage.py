"""Faults on purpose, inside a WhisperX engine's model process: memory that runs out wherever a test says."""

from collections.abc import Callable
from typing import Any

from ecg_audio.compute.models import Rung
from ecg_audio.progress import Report, silent
from ecg_audio.speech import whisperx_models
from ecg_audio.speech.whisperx_settings import WhisperXSettings

Loader = Callable[..., Any]
_real: dict[str, Loader] = {}


def pretend_gpu(shortages: dict[str, int], *, cpu_too: bool = False, report: Report = silent) -> None:
    """Let a GPU seem to be there, which runs out of memory the first `shortages[kind]` times that `kind` is loaded.

    Args:
        shortages: how often, for `vad`, `recogniser`, `aligner` and `pipeline`.
        cpu_too: the CPU has no memory either.
        report: unused.
    """
    restore()
    whisperx_models.models.drop()
    left = dict(shortages)
    errors = {
        "recogniser": RuntimeError("CUDA failed with error out of memory"),  # CTranslate2's
        "vad": _torch_error(),
        "aligner": _torch_error(),
        "pipeline": _torch_error(),
    }
    for kind, error in errors.items():
        _real[kind] = getattr(whisperx_models, kind)
        setattr(whisperx_models, kind, _short(kind, _real[kind], left, error, cpu_too))


def restore(*, report: Report = silent) -> None:
    """Everything as it was."""
    for kind, loader in _real.items():
        setattr(whisperx_models, kind, loader)


def loads(*, report: Report = silent) -> dict[str, int]:
    """How often each kind of model was loaded in this process."""
    return dict(whisperx_models.models.loads)


def led_by(settings: WhisperXSettings, *, report: Report = silent) -> tuple[str | None, str | None]:
    """The prompt and the hotwords that the recogniser was given last."""
    rung = Rung(settings.device, settings.batch_size, settings.compute_type)
    options = whisperx_models.recogniser(settings, rung).options
    return options.initial_prompt, options.hotwords


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
    if isinstance(argument, Rung) and argument.device == "cuda":
        return Rung("cpu", argument.batch_size, "int8")
    return "cpu" if isinstance(argument, str) and argument == "cuda" else argument
