"""Where unfinished work lies: in a folder of this user's own, of which nothing leads anywhere else."""

import os
import time
from pathlib import Path

import pytest

from ecg_audio import workspace
from ecg_audio.errors import InsufficientResources

ENDED = 2**22 + 1  # no process has this id: it is beyond the kernel's largest


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with something in it that is nobody's to remove."""
    folder = tmp_path / "elsewhere"
    (folder / f"mine-{ENDED}-x").mkdir(parents=True)
    (folder / f"mine-{ENDED}-x" / "precious").write_text("kept")
    return folder


def precious(elsewhere: Path) -> bool:
    """Whether it is still there."""
    return (elsewhere / f"mine-{ENDED}-x" / "precious").exists()


def test_what_dead_processes_left_is_swept() -> None:
    """Scratch of a process that ended goes, that of one that lives stays, as do downloads of the last day."""
    root = workspace.root()
    dead, alive = root / f"work-{ENDED}-a", root / f"work-{os.getpid()}-a"
    old, new = root / "incoming" / "old", root / "incoming" / "new"
    for folder in (dead, alive, old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0.0, time.time() - 2 * workspace.INCOMING_KEPT_S))
    workspace.sweep()
    assert [folder.exists() for folder in (dead, alive, old, new)] == [False, True, False, True]


def test_sweeping_follows_no_link(elsewhere: Path) -> None:
    """A link in the work folder, or in place of its downloads, leads to nothing that is removed."""
    root = workspace.root()
    (root / f"link-{ENDED}-x").symlink_to(elsewhere / f"mine-{ENDED}-x")
    (root / "incoming").symlink_to(elsewhere)
    os.utime(elsewhere / f"mine-{ENDED}-x", (0.0, 0.0))
    workspace.sweep()
    assert precious(elsewhere)


def test_a_root_that_is_a_link_is_refused(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts a link where our work would lie gains nothing, in the system's temporary folder or elsewhere."""
    monkeypatch.setenv("ECG_WORK_DIR", str(tmp_path / "named"))
    (tmp_path / "named").symlink_to(elsewhere)
    with pytest.raises(InsufficientResources, match="is a link"):
        workspace.sweep()
    monkeypatch.delenv("ECG_WORK_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"ecg-audio-analyzer-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(InsufficientResources, match="is a link"):
        workspace.sweep()
    assert precious(elsewhere)


def test_a_root_that_is_open_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's temporary folder only a folder that is closed to others is ours."""
    monkeypatch.delenv("ECG_WORK_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    workspace.root().chmod(0o755)
    with pytest.raises(InsufficientResources, match="open to others"):
        workspace.root()


def test_downloads_go_into_no_link(elsewhere: Path) -> None:
    """A link in place of the folder for downloads is refused."""
    (workspace.root() / "incoming").symlink_to(elsewhere)
    with pytest.raises(InsufficientResources, match="no folder of this user's"), workspace.incoming("job", "source"):
        pass
    assert [path.name for path in elsewhere.iterdir()] == [f"mine-{ENDED}-x"]


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no home folder that can be written hears which variable helps."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(InsufficientResources, match="cache folder") as refused:
        workspace.cache()
    assert "ECG_CACHE_DIR" in refused.value.hint
