"""Broken files end with a recording or a named error, within their limits, and leave nothing behind."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_audio.errors import EcgError, ExtractionFailed
from ecg_audio.media.decode import extract, read
from ecg_audio.request import Limits
from tests.support.media import fuzzing
from tests.support.media.formats import TEN

LIMITS = Limits(max_duration_s=3600.0)
TIMEOUT_S = 60.0
SLICE = range(2 * len(TEN))
"""Two files of each format, which always run."""
GROUP = 50


def children() -> set[str]:
    """Processes of this one that have not ended."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def survives(number: int, folder: Path) -> None:
    """One file: a result that is whole, or an error of ours with a message of one line; and no trace of either."""
    path = fuzzing.broken(number, folder)
    target = folder / "out" / "a.flac"
    before = children()
    try:
        recording = extract(path, target, key="k", sha256="s", limits=LIMITS, timeout_s=TIMEOUT_S)
    except EcgError as error:
        # what a file can do to the decoder has names of its own: this one is for memory, time and faults of ours
        assert not isinstance(error, ExtractionFailed), (number, error.message)
        assert type(error) is not EcgError, number
        assert error.message, number
        assert "\n" not in error.message, (number, error.message)
        assert "Traceback" not in error.message, (number, error.message)
        assert not target.exists(), number
    else:
        assert recording.samples == len(read(target)), number
        assert 0 < recording.duration_s <= LIMITS.max_duration_s + 1, number
        target.unlink()
    assert list(target.parent.iterdir()) == [], number
    assert children() <= before, number
    path.unlink()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose temporary folder is empty at the end."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", SLICE)
def test_a_slice_of_broken_files(folder: Path, number: int) -> None:
    """Whatever is cut, flipped or spliced in a file, the answer is a recording or a named error."""
    survives(number, folder)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("group", range(fuzzing.FILES // GROUP))
def test_all_broken_files(folder: Path, group: int, request: pytest.FixtureRequest) -> None:
    """All 500 of them, seeded: a result or a named error, no traceback, no hang, no child and no file left."""
    if "slow" not in request.config.option.markexpr:
        pytest.skip("some minutes: pytest -m slow tests/media/test_fuzz.py")
    for number in range(group * GROUP, (group + 1) * GROUP):
        survives(number, folder)
