"""`ecg doctor`: what is here, what can run, and why not."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs
from rich.markup import escape

from deployments.service import session
from deployments.service.session import use_engine_settings
from deployments.terminal import out
from ecg_audio.analysis import FRAME_COLUMNS, FRAME_HOP_S
from ecg_audio.environment import CACHE_DIR, WORK_DIR
from ecg_audio.errors import EcgError
from ecg_audio.request import AUTO, EMBEDDED, GB, Limits
from ecg_audio.sampling import RATE_HZ

PACKAGES = ("ecg-audio-analyzer", "prefect", "torch", "whisperx", "pyannote.audio", "pocketsphinx", "av", "yt-dlp")

PORTS = (
    (8080, "gateway", "/health/live", "alive"),
    (4200, "Prefect server", "/api/health", "true"),
)
"""What `ecg serve` takes, and what its programs answer there."""
CACHE_BYTES = GB // 2
"""Compiled kernels, the embedded weights joined, and the server's template; copies of tables come on top."""


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
    _disks(store)
    _ports()
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
    if not is_block(where):
        missing = [folder for folder in _above(Path(where)) if not folder.exists()]
        good = _passes("store", lambda: open_store(where).check(), f"{where} can be written")
        for folder in missing:
            with suppress(OSError):  # it is not there, or somebody has put something into it
                folder.rmdir()
        return good
    address = session.configured()
    if address is None or not session.reachable(address):
        _line(None, "store", f"{where} was not looked at: no Prefect server answers that has this block")
        return True
    return _passes("store", lambda: open_store(where).check(), f"{where} can be written")


def _above(folder: Path) -> tuple[Path, ...]:
    folder = folder.expanduser().absolute()
    return folder, *folder.parents


def _disks(named: str | None) -> None:
    """Whether there is room for the longest job, and how much that is."""
    from blocks.storage import is_block, reference

    limits = Limits()
    recording = 2 * RATE_HZ * limits.max_duration_s  # 16 bits a sample; FLAC takes less
    frames = 4 * len(FRAME_COLUMNS) * limits.max_duration_s / FRAME_HOP_S
    work = Path(os.environ.get(WORK_DIR) or tempfile.gettempdir())
    cache = Path(os.environ.get(CACHE_DIR) or platformdirs.user_cache_dir("ecg-audio-analyzer"))
    # the frames are kept, and are a table of the result; work and cache hold a copy while they are made
    needed = {"work": (work, limits.max_bytes + recording + frames), "cache": (cache, CACHE_BYTES)}
    if not is_block(where := reference(named)):
        needed["store"] = Path(where), recording + 2 * frames
    for name, (folder, bytes_needed) in needed.items():
        there = next(above for above in _above(folder) if above.is_dir())
        free = shutil.disk_usage(there).free
        job = f"{limits.max_duration_s / 3600:.0f} h and {limits.max_bytes / GB:.0f} GB"
        said = f"{free / GB:.1f} GB free in {folder}; a job of {job} takes up to {bytes_needed / GB:.1f} GB there"
        _line(free >= bytes_needed, f"disk, {name}", said)


def _ports() -> None:
    """Whether `ecg serve` would find its ports, or is there already."""
    import httpx

    for port, what, path, alive in PORTS:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            _line(True, f"port {port}", f"free for the {what}")
            continue
        try:
            ours = alive in httpx.get(f"http://127.0.0.1:{port}{path}", timeout=session.ANSWER_S).text
        except httpx.HTTPError:
            ours = False
        taken = f"another program has it: `ecg serve` needs another port for the {what}"
        _line(ours, f"port {port}", f"the {what} answers" if ours else taken)


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
        _line(None, "server", "none configured: each command starts a private one (set PREFECT_API_URL to use yours)")
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


def _line(good: bool | None, subject: str, finding: str) -> None:
    """Print a finding. `good` is None where nothing was looked at."""
    mark = "[dim]–[/]" if good is None else "[green]✓[/]" if good else "[red]✗[/]"
    out.print(f"{mark} [bold]{subject:<16}[/] {escape(finding)}", highlight=False, soft_wrap=True)
