"""Who may read what we write: nobody but its owner, unless the operator says otherwise."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.storage import FolderStore
from deployments.service.supervisor import Service, Supervisor
from ecg_audio import modes, workspace
from ecg_audio.errors import InvalidRequest

NOBODY = 65534


@pytest.fixture
def careless() -> Iterator[None]:
    """A process that was started with the usual umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def public_place() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def open_to_others(folder: Path) -> list[str]:
    """What others than the owner could do something with, below a folder."""
    found = [folder / path for path in folder.rglob("*")]
    return [str(path) for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def write_everything(place: Path) -> None:
    """A result, a recording, a receipt, a log, a download under way."""
    store = FolderStore(place / "not yet" / "store")
    store.check()
    (place / "media").write_bytes(b"sound")
    (place / "media").chmod(0o600)
    store.upload("recordings/ab/abc.flac", place / "media")
    store.write("deliveries/job.json", b"{}")
    with Supervisor([Service("it", ("sh", "-c", "echo said"), once=True)], place / "data" / "logs") as supervisor:
        while not supervisor.up:
            supervisor.step()
    with workspace.incoming("job", "source") as folder, workspace.scratch("work"):
        (folder / "part").touch(0o600)
    modes.make_folder(place / "a" / "b" / "c")


@pytest.mark.usefixtures("careless")
def test_nothing_is_open_to_others(tmp_path: Path) -> None:
    """Files are 0600 and folders 0700, also where the process's umask is the usual one."""
    write_everything(tmp_path)
    assert open_to_others(tmp_path) == []
    assert stat.S_IMODE((tmp_path / "not yet/store/deliveries/job.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "not yet").stat().st_mode) == 0o700


@pytest.mark.usefixtures("careless")
def test_an_operator_may_let_a_group_read_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ECG_UMASK is the mask of what is written."""
    monkeypatch.setenv("ECG_UMASK", "027")
    FolderStore(tmp_path / "store").write("results/job/manifest.json", b"{}")
    written = tmp_path / "store/results/job/manifest.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o750


@pytest.mark.parametrize("given", ["8", "private", "-1", "0700", "0o77777"])
def test_a_mask_that_is_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask that makes no sense, or that would shut the owner out, is named."""
    monkeypatch.setenv("ECG_UMASK", given)
    with pytest.raises(InvalidRequest, match="ECG_UMASK"):
        modes.mask()


@pytest.mark.usefixtures("careless")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can look as another user")
def test_another_user_reads_nothing(public_place: Path) -> None:
    """As another user of the machine, none of it can be listed or read."""
    write_everything(public_place)
    (public_place / "open").write_text("seen")
    seen = subprocess.run(
        ["find", str(public_place), "-type", "f", "-readable", "-printf", "%f "],
        user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert seen.stdout.split() == ["open"]
    assert "Permission denied" in seen.stderr


@pytest.mark.parametrize("program", ["gateway", "deployments.service.host"])
def test_programs_without_arguments_say_what_they_are(program: str) -> None:
    """`--help` explains and starts nothing, and neither does an argument that does not exist."""
    said = [
        subprocess.run(
            [sys.executable, "-m", program, argument], capture_output=True, text=True, timeout=60, check=False
        )
        for argument in ("--help", "--prot")
    ]
    assert [ended.returncode for ended in said] == [0, 2]
    assert "ecg settings" in said[0].stdout


@pytest.mark.parametrize(
    "program", ["deployments.cli.main", "gateway", "deployments.service.host", "deployments.service.private_server"]
)
def test_programs_begin_with_the_mask(program: str) -> None:
    """Every program of ours sets the mask before it does anything, so that what libraries write is closed too."""
    folder = Path(__file__).parent.parent
    path = folder / f"{program.replace('.', '/')}.py"
    path = path if path.exists() else folder / program / "__main__.py"
    main = path.read_text().partition("def main()")[2].partition("\ndef ")[0]
    assert "modes.begin()" in main.split("app()")[0]


@pytest.mark.parametrize("gone", [FileExistsError, FileNotFoundError])
def test_a_folder_removed_at_the_worst_moment_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: type[OSError]
) -> None:
    """It was there when we would make it, or the one above it was not, and then somebody removed it."""
    real, surprises = Path.mkdir, [gone(), gone()]

    def mkdir(path: Path, mode: int = 0o777) -> None:
        if surprises and path.name == "c":
            raise surprises.pop()
        real(path, mode)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    modes.make_folder(tmp_path / "b" / "c")
    assert (tmp_path / "b" / "c").is_dir() and not surprises


@pytest.mark.parametrize("leads_nowhere", [True, False])
def test_what_is_in_a_folders_way_is_an_error(tmp_path: Path, leads_nowhere: bool) -> None:
    """A file, or a link to nothing, is neither removed nor waited for."""
    if leads_nowhere:
        (tmp_path / "there").symlink_to(tmp_path / "nothing")
    else:
        (tmp_path / "there").write_text("kept")
    with pytest.raises(OSError, match="there"):
        modes.make_folder(tmp_path / "there" / "below")
    with pytest.raises(FileExistsError):
        modes.make_folder(tmp_path / "there")


def test_a_place_that_lets_no_folder_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers for ever that the folder above is missing, as /proc does, is not asked for ever."""
    real = Path.mkdir

    def mkdir(path: Path, mode: int = 0o777) -> None:
        if path.name == "c":
            raise FileNotFoundError(path)
        real(path, mode)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(FileNotFoundError, match="b/c"):
        modes.make_folder(tmp_path / "b" / "c")
