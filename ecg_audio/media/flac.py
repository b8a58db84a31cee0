"""FLAC that is written beside what decodes the source."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ecg_audio.media.timeline import Samples
from ecg_audio.sampling import RATE_HZ

HEADROOM = 32767 / 32768
COMPRESSION = 0.375
"""libFLAC's level 3 of 8: speech is as small as at its default within 1 %, and a third faster both ways."""
MOST_WAITING = 8
"""Blocks that wait at most: then the decoder does."""


class FlacWriter:
    """A FLAC file of 16 kHz mono whose blocks are encoded in a thread of its own, without the interpreter's lock.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blocks: queue.Queue[Samples | None] = queue.Queue(MOST_WAITING)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._encode, name="flac", daemon=True)
        self._thread.start()

    def write(self, block: Samples) -> None:
        """Take a block, float32 (any,), which nobody changes any more; what is beyond full scale is cut off."""
        self._blocks.put(block)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError, soundfile.SoundFileError: it could not be written.
        """
        self._blocks.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def discard(self) -> None:
        """Leave no file, whatever became of it."""
        self._blocks.put(None)
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _encode(self) -> None:
        import soundfile

        blocks = self._taken()
        try:
            with soundfile.SoundFile(
                self.path, "w", RATE_HZ, 1, "PCM_16", format="FLAC", compression_level=COMPRESSION
            ) as flac:
                for block in blocks:
                    flac.write(np.clip(block, -1.0, HEADROOM))
        except Exception as error:  # noqa: BLE001 - `close` raises it
            self._failure = error
            collections.deque(blocks, 0)  # whoever writes on must not wait for ever

    def _taken(self) -> Iterator[Samples]:
        while (block := self._blocks.get()) is not None:
            yield block
