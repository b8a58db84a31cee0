"""What can go wrong when a model is loaded, by name: gated, missing, unreachable, damaged."""

import contextlib
import http
from collections.abc import Iterator
from pathlib import Path

from ecg_audio.compute import hub
from ecg_audio.compute.memory_ladder import chain, out_of_memory, unusable
from ecg_audio.errors import EcgError, ModelAccessDenied, ModelLoadingFailed

DENIED = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
DENIED_CLASSES = {"GatedRepoError", "DisabledRepoError"}
UNREACHABLE_CLASSES = {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "URLError"}


@contextlib.contextmanager
def named(model: str) -> Iterator[None]:
    """Give whatever a library raises while it loads `model` its name.

    Errors about memory and the device pass as they are: there is a ladder for them.

    Raises:
        ModelAccessDenied: the hub wants a licence accepted, or a token.
        ModelLoadingFailed: the model is not there, cannot be fetched, or cannot be read.
    """
    try:
        yield
    except EcgError:
        raise
    except Exception as error:
        if out_of_memory(error) or unusable(error):
            raise
        if any(_is_denial(cause) for cause in chain(error)):
            raise denied(model) from error
        if any(type(cause).__name__ in UNREACHABLE_CLASSES for cause in chain(error)) or _nowhere(model):
            raise ModelLoadingFailed(
                f"{model} is not on this machine, and the hub cannot be reached",
                hint="`ecg models fetch` gets models where there is a network; a directory can be named instead.",
            ) from error
        raise ModelLoadingFailed(f"{model} cannot be loaded: {type(error).__name__}: {_line(error)}") from error


def denied(model: str) -> ModelAccessDenied:
    """The error for a model that the hub keeps back."""
    return ModelAccessDenied(
        f"the hub does not give {model} to you",
        hint=f"Accept the conditions on {hub.page(model)} and set HF_TOKEN to a token of the same account."
        if not Path(model).exists()
        else "The directory names models on the hub that want an accepted licence and HF_TOKEN.",
    )


def _nowhere(model: str) -> bool:
    """Whether a hub name can be had nowhere: transformers says so in too many ways."""
    return "/" in model and not hub.on_disk(model) and not hub.answers()


def _is_denial(error: BaseException) -> bool:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return type(error).__name__ in DENIED_CLASSES or status in DENIED


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""
