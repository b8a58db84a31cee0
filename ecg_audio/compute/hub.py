"""Whether models of the Hugging Face hub can be had: on disk, or over the network. Light: asks no library of theirs."""

import hashlib
import http.client
import os
import queue
import threading
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 1.5  # deciding on an engine takes 2 s at most
DEFAULT_ENDPOINT = "https://huggingface.co"
YES = {"1", "ON", "YES", "TRUE"}


def on_disk(repository: str) -> bool:
    """Whether a snapshot of `owner/name` lies in the hub's cache (HF_HUB_CACHE, HF_HOME), or is a local directory."""
    if Path(repository).is_dir():
        return True
    snapshots = _folder(repository) / "snapshots"
    return snapshots.is_dir() and any(any(revision.iterdir()) for revision in snapshots.iterdir() if revision.is_dir())


def called(model: str) -> str:
    """What results call a model: its name on the hub, or that of its directory."""
    return Path(model).name if Path(model).is_dir() else model


def size_bytes(repository: str) -> int:
    """How large a local directory, or the hub's snapshot on disk, is; 0 where there is none."""
    folder = Path(repository)
    if not folder.is_dir():
        folder = _folder(repository) / "snapshots" / (revision(repository) or "")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def revision(repository: str) -> str | None:
    """The commit that the cache takes for a repository's `main`; None where it has none."""
    try:
        return (_folder(repository) / "refs" / "main").read_text().strip()
    except OSError:
        return None


def content(repository: str) -> str:
    """What lies under a name now, for cache keys: of a directory its files, of a hub name the revision on disk."""
    folder = Path(repository)
    if not folder.is_dir():
        return revision(repository) or "as the hub has it"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def page(repository: str) -> str:
    """Where a person accepts a model's conditions."""
    return f"{os.environ.get('HF_ENDPOINT') or DEFAULT_ENDPOINT}/{repository}"


def token() -> bool:
    """Whether there is a token for the hub: in the environment, or where its login leaves it."""
    kept = Path(os.environ.get("HF_TOKEN_PATH") or _home() / "token")
    return bool(os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")) or kept.is_file()


def cache_folder() -> Path:
    """Where the hub's libraries keep what they have downloaded."""
    return Path(os.environ.get("HF_HUB_CACHE") or _home() / "hub").expanduser()


def _home() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser()


def _folder(repository: str) -> Path:
    return cache_folder() / f"models--{repository.replace('/', '--')}"


def offline_wanted() -> bool:
    """Whether the user told the hub's libraries to stay off the network."""
    return any(os.environ.get(name, "").upper() in YES for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def answers(within_s: float = PATIENCE_S) -> bool:
    """Whether the hub (HF_ENDPOINT) answers a HEAD request, name lookup included, within this time.

    The question is asked in a thread of its own: a name server or a firewall that swallows packets holds up nobody.
    """
    if offline_wanted():
        return False
    answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_is_there(within_s)), name="asking the hub", daemon=True).start()
    try:
        return answer.get(timeout=within_s)
    except queue.Empty:
        return False


def _is_there(within_s: float) -> bool:
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    if not endpoint.startswith(("http://", "https://")):
        return False
    try:
        question = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - the scheme is one of two
        urllib.request.urlopen(question, timeout=within_s).close()  # noqa: S310
    except urllib.error.HTTPError as answer:
        return answer.code < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, ValueError, http.client.HTTPException):
        return False  # whatever the reason, it did not answer
    return True
