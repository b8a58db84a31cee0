"""Classifiers of transformers inside their own process: loaded once, run within the memory there is, measured.

Imported light: transformers and torch come with the first call.
"""

import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecg_audio.compute import load_errors
from ecg_audio.compute.loaded_models import LoadedModels, free
from ecg_audio.compute.memory import Meter, Metered
from ecg_audio.compute.memory_ladder import Placement, descend, fallbacks
from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ

Sound = NDArray[np.float32]
Loaded = TypeVar("Loaded")
R = TypeVar("R")

models = LoadedModels()


def samples_of(path: str) -> Sound:
    """The samples of a 16 kHz mono FLAC or WAV."""
    import soundfile

    samples: Sound
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ, f"{path} has {rate_hz} Hz"
    return samples


def run(
    load: Callable[[str, str | None, str], Loaded],
    model: str,
    revision: str | None,
    work: Callable[[Loaded], R],
    *,
    what: str,
) -> tuple[R, Metered]:
    """Work with a model on the GPU, or on the CPU where there is none or its memory does not suffice.

    Args:
        load: loads the model of a name and revision on a device.
        model: hub name or directory.
        revision: of the hub's model; None: the newest.
        work: what is done with the loaded model.
        what: for people: "emotion".

    Returns:
        what the work returned, and what it took.
    """
    import torch

    def attempt(placement: Placement) -> R:
        key = (what, model, revision, placement.device)
        return work(models.get(key, functools.partial(load, model, revision, placement.device)))

    def forget() -> None:
        models.drop(what)
        free()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with Meter() as meter:
        found, _notices = descend(list(fallbacks(Placement(device, 1))), attempt, what=what, free=forget)
    return found, meter.measured


def unload(idle_s: float, *, report: Report = silent) -> None:
    """Give back models that nobody has used for so long."""
    models.drop_idle(idle_s)
    report(1.0)


@contextlib.contextmanager
def loading(model: str) -> Iterator[None]:
    """What goes wrong while a model is loaded gets its name, and transformers says nothing."""
    with load_errors.named(model), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def extractor(model: str, revision: str | None) -> Any:
    """What makes a model's input of samples; code that a model brings is never run."""
    from transformers import AutoFeatureExtractor

    return AutoFeatureExtractor.from_pretrained(  # type: ignore[no-untyped-call]
        model, revision=revision, trust_remote_code=False
    )


def network(model: str, revision: str | None, device: str, refused: Callable[[str, str], ModelLoadingFailed]) -> Any:
    """The network with the head that transformers knows for it; `refused` makes the error of one that has another."""
    with loading(model):
        from transformers import AutoModelForAudioClassification

        found, about = AutoModelForAudioClassification.from_pretrained(
            model, revision=revision, trust_remote_code=False, output_loading_info=True
        )
    invented = sorted(key for key in about["missing_keys"] if key.startswith(("classifier", "projector")))
    if invented:  # transformers would fill them with noise
        raise refused(model, f"its head is not the one that transformers knows (no {invented[0]})")
    return found.to(device).eval()
