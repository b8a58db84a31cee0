"""Spool: figures that wait for the end of the recording."""

import errno

import numpy as np
import pytest

from ecg_audio.errors import InsufficientResources
from ecg_audio.voice import spool
from ecg_audio.voice.spool import Spool


@pytest.mark.parametrize("in_memory_bytes", [10**9, 1000])
def test_blocks_come_back_as_they_went(monkeypatch, in_memory_bytes):
    """In memory or spilled to a file, every block comes back with its shape, order and bits."""
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", in_memory_bytes)
    random = np.random.default_rng(0)
    blocks = [random.normal(size=(3, length)).astype(np.float32) for length in (100, 1, 0, 57)]
    with Spool(3) as waiting:
        for block in blocks:
            waiting.append(block)
        assert all(np.array_equal(one, other) for one, other in zip(waiting, blocks, strict=True))


def test_a_full_disk_is_named(monkeypatch):
    """No room in the temporary folder is a lack of resources, said in one line."""
    with Spool(1) as waiting:

        def full(_data):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(waiting._file, "write", full)
        with pytest.raises(InsufficientResources, match="No space left on device"):
            waiting.append(np.zeros((1, 10), np.float32))
