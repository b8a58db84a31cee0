"""The one cache-key policy: what was asked of which content, by which code.

A stage's result is found again when the content, the engine, the parameters and the source code that makes the result
are the same, whatever the file was called and whichever run made it. Records are small JSON files in the store's cache,
in one folder for each content, so that what is known of a recording can be forgotten with it; media and frames lie in
the store by reference. Prefect is not imported here: whoever asks what is known need not wait for it.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ecg_audio
from blocks.storage import ArtifactStore, records
from ecg_audio.errors import ResultNotFound
from ecg_audio.media import source


@functools.cache
def code_version(*rooms: str) -> str:
    """A digest of the source code of rooms of `ecg_audio`: results of other code are other results."""
    root = Path(ecg_audio.__file__).parent
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def key(stage: str, *rooms: str, content: str | None = None, asked: Mapping[str, Any]) -> str:
    """The cache key of a stage, which is where its record lies: a digest of everything that decides its result.

    Args:
        stage: the task's name.
        rooms: the rooms of `ecg_audio` whose code makes the result.
        content: digest of the source's bytes, or the key of the recording made from them; None: not known yet.
        asked: what decides the result beside these: parameters, fingerprints of models; JSON values.
    """
    text = json.dumps({"code": code_version(*rooms), "content": content, "asked": asked}, sort_keys=True, default=str)
    return f"{records(content)}/{stage}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def known(store: ArtifactStore, cache_key: str) -> bool:
    """Whether a sound record lies under a key; a torn one (the writer was killed) is removed."""
    try:
        record = store.read(cache_key)
    except ResultNotFound:
        return False
    try:
        sound = isinstance(json.loads(record), Mapping)
    except ValueError:
        sound = False
    if not sound:
        store.delete(cache_key)
    return sound


def download_key(where: str) -> str | None:
    """A local file is the same as long as its path, size and time are; what an address serves may change any time."""
    found = source.classify(where)
    if not isinstance(found, source.FileSource):
        return None
    path = Path(found.path).resolve()
    status = path.stat()
    return key("download", asked={"path": str(path), "size": status.st_size, "modified": status.st_mtime_ns})
