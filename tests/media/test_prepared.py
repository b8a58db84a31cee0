"""A decoder that is started before it is asked."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.child import Child
from ecg_audio.media import decode
from ecg_audio.request import Limits


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """The processes that were started."""
    children: list[Child] = []
    start = Child._start

    def counted(child: Child) -> None:
        children.append(child)
        start(child)

    monkeypatch.setattr(Child, "_start", counted)
    return children


def extracted(folder: Path, **options: int) -> float:
    """How long a second of sound is after its extraction."""
    soundfile.write(folder / "a.wav", np.full(16_000, 0.1), 16_000)
    return decode.extract(
        folder / "a.wav", folder / "a.flac", key="k", sha256="s", limits=Limits(), **options
    ).duration_s


def test_it_is_the_one_that_decodes(started: list[Child], tmp_path: Path) -> None:
    """One process does the extraction, which ends it; what comes after has one of its own."""
    with decode.prepared():
        assert extracted(tmp_path) == 1.0
        assert len(started) == 1 and not started[0].running
        assert extracted(tmp_path) == 1.0
    assert len(started) == 2 and not started[1].running


def test_one_that_is_not_asked_ends_with_the_block(started: list[Child]) -> None:
    """Where everything was known."""
    with decode.prepared():
        [child] = started
        assert child.running
    assert not child.running


def test_one_that_waits_already_is_the_one(started: list[Child], tmp_path: Path) -> None:
    """A flow finds the one that the command has started, and leaves it alone where it asks for none."""
    with decode.prepared():
        with decode.prepared():
            assert len(started) == 1
        assert started[0].running
        with decode.prepared():
            assert extracted(tmp_path) == 1.0
    assert len(started) == 1


def test_another_bound_of_memory_is_another_process(started: list[Child], tmp_path: Path) -> None:
    """The prepared one has the usual bound."""
    with decode.prepared():
        assert extracted(tmp_path, memory_bytes=decode.MEMORY_BYTES - 1) == 1.0
        assert len(started) == 2


def test_one_that_was_killed_is_replaced(started: list[Child], tmp_path: Path) -> None:
    """It is not the recording's fault."""
    with decode.prepared():
        process = started[0]._process
        assert process
        process.kill()
        process.wait()
        assert extracted(tmp_path) == 1.0
