"""Revises job-1 of a store, and kills its own process, as `kill -9` does, before a key with some ending is written.

python -m tests.support.processes.killed_revision STORE ENDING before|after
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks.folder import FolderStore
from ecg_audio.analysis import Edits, SegmentEdit
from ecg_audio.speech import engine
from flows import revise
from tests.support.stub_engine import StubEngine

EDITS = Edits(speakers={"SPEAKER_00": "Sheila"}, segments={1: SegmentEdit(text="good buy")})


def _dying(method: Callable[..., None], ending: str, moment: str) -> Callable[..., None]:
    def dying(self: FolderStore, key: str, content: Any) -> None:
        if moment == "after":
            method(self, key, content)
        if key.endswith(ending):
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "before":
            method(self, key, content)

    return dying


if __name__ == "__main__":
    store, ending, moment = sys.argv[1:]
    engine.shared = lambda _models: StubEngine(Path(store).with_suffix(".calls"))  # type: ignore[assignment]
    revise.STANDS_S = 1.0
    for name in ("upload", "write"):
        setattr(FolderStore, name, _dying(getattr(FolderStore, name), ending, moment))
    revise.revise("job-1", EDITS, store)
