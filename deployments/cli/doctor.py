"""`ecg doctor`: what is here, what can run, and why not."""

import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from rich.markup import escape

from deployments.service import session
from deployments.service.session import use_engine_settings
from deployments.terminal import out
from ecg_audio.errors import EcgError
from ecg_audio.request import AUTO, EMBEDDED

PACKAGES = ("ecg-audio-analyzer", "prefect", "torch", "whisperx", "pyannote.audio", "pocketsphinx", "av", "yt-dlp")


def examine(store: str | None) -> int:
    """Print the findings. Returns 0 when there are speech models and the store can be written, else 1."""
    installed = [_package(name) for name in PACKAGES]
    _line(
        all(found for _name, found in installed),
        "installed",
        ", ".join(f"{name} {found or 'MISSING'}" for name, found in installed),
    )
    _line(True, "python", f"{sys.version.split()[0]}, {len(os.sched_getaffinity(0))} cores")
    _models()
    speech = _speech()
    usable = _store(store)
    _burning()
    _server()
    served = _model_server()
    return 0 if speech and usable and served else 1


def _package(name: str) -> tuple[str, str | None]:
    try:
        return name, version(name)
    except PackageNotFoundError:
        return name, None


def _models() -> None:
    from ecg_audio.compute import gpu, hub

    cards = [f"{card.name}, {card.total_bytes / 1e9:.0f} GB" for card in gpu.gpus()]
    _line(bool(cards), "gpu", "; ".join(cards) or "none: models run on the CPU")
    answers = hub.answers()
    _line(answers, "model hub", "answers" if answers else "does not answer: only models on this machine can be used")
    token = hub.token()
    _line(token, "hub token", "set" if token else "none (HF_TOKEN): models behind a licence cannot be fetched")


def _speech() -> bool:
    from ecg_audio.speech import engine, weights
    from ecg_audio.speech.settings import EngineSettings

    usable = False
    use_engine_settings()
    for models in (AUTO, EMBEDDED):
        try:
            settings = weights.choose(EngineSettings.read(), models).settings
            reason = engine.unavailable(settings)
        except EcgError as error:
            reason = error.message
        else:
            where = "a GPU" if settings.device == "cuda" else "the CPU"
            found = f"words by {settings.model} on {where}, speakers by {settings.diarization}"
        usable |= reason is None
        _line(reason is None, f"models {models}", reason or found)
    return usable


def _store(named: str | None) -> bool:
    from blocks.storage import is_block, open_store, reference

    where = reference(named)
    if is_block(where):
        _line(True, "store", f"{where} (a block; checked when a job runs)")
        return True
    return _passes("store", lambda: open_store(where).check(), f"{where} can be written")


def _burning() -> None:
    from ecg_audio.captions import burn

    try:
        scripts = burn.scripts()
    except EcgError as error:
        _line(False, "burnt captions", f"{error.message}. {error.hint}")
        return
    missing = {name: package for name, package in scripts.items() if package}
    can = ", ".join(name for name in scripts if name not in missing) or "nothing"
    cannot = "; not in " + ", ".join(missing) if missing else ""
    packages = " ".join(dict.fromkeys(missing.values()))
    _line(
        "Latin" not in missing,
        "burnt captions",
        f"can be in {can}{cannot}" + (f" (apt install {packages})" if packages else ""),
    )


def _server() -> None:
    address = session.configured()
    if address is None:
        _line(True, "server", "none configured: each command starts a private one (set PREFECT_API_URL to use yours)")
    elif session.reachable(address):
        _line(True, "server", f"Prefect answers at {address}")
    else:
        _line(False, "server", f"no Prefect server answers at {address}: start it, or unset PREFECT_API_URL")


def _model_server() -> bool:
    """Whether the model server that the environment names can be used; nothing is said where none is named."""
    from ecg_audio.serving.client import RemoteEngine
    from ecg_audio.settings import Models

    address = Models.read().model_server
    if not address:
        return True
    return _passes("model server", lambda: RemoteEngine().close(), f"answers at {address}")


def _passes(subject: str, check: Callable[[], None], finding: str) -> bool:
    try:
        check()
    except EcgError as error:
        _line(False, subject, f"{error.message}. {error.hint}")
        return False
    _line(True, subject, finding)
    return True


def _line(good: bool, subject: str, finding: str) -> None:
    mark = "[green]✓[/]" if good else "[red]✗[/]"
    out.print(f"{mark} [bold]{subject:<16}[/] {escape(finding)}", highlight=False, soft_wrap=True)
