"""Who may read what we write: its owner alone, unless the operator says otherwise.

`ECG_UMASK` is what is taken from the modes of new files and folders, in octal as a shell's umask: 077 by default, 027
for a group that reads along.
"""

import errno
import os
import stat
from pathlib import Path

from ecg_audio.environment import UMASK
from ecg_audio.errors import InvalidRequest

PRIVATE = 0o077
OWNER_ONLY = 0o600
"""Of a file that nobody else may read, whatever the operator says of others."""
TRIES = 100
"""To make a folder that others remove: some places, such as /proc, let none be made."""


def mask() -> int:
    """What is taken from modes.

    Raises:
        InvalidRequest: ECG_UMASK is no octal number, or would shut its owner out.
    """
    given = os.environ.get(UMASK) or f"{PRIVATE:o}"
    try:
        found = int(given, 8)
    except ValueError:
        found = -1
    if not 0 <= found <= PRIVATE:
        raise InvalidRequest(f"{UMASK} must be an octal number from 0 to 077, not {given!r}")
    return found


def begin() -> None:
    """Let this process, and whatever it starts, write so; for programs, when they begin."""
    os.umask(mask())


def file_mode() -> int:
    """Of a new file."""
    return 0o666 & ~mask()


def opener(path: str, flags: int) -> int:
    """For `open`: a file that it makes has our mode, whatever the process's umask is."""
    return os.open(path, flags, file_mode())


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, even while others remove them; what is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    for _ in range(TRIES):
        if _made(folder):
            return
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


def _made(folder: Path) -> bool:
    """Whether the folder is there now; False: somebody has just removed it, or one above it."""
    try:
        folder.mkdir(mode=0o777 & ~mask())
    except FileNotFoundError:
        make_folder(folder.parent)
        return False
    except FileExistsError:
        if _is_in_the_way(folder):
            raise
        return folder.is_dir()
    return True


def _is_in_the_way(path: Path) -> bool:
    """Whether something is there that is no folder and leads to none."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return path.is_symlink()


def is_own_folder(path: Path) -> bool:
    """Whether it is a folder of this user's, and no link to one; False also where there is nothing."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
