"""Who may read what we write: its owner alone, unless the operator says otherwise.

`ECG_UMASK` is what is taken from the modes of new files and folders, in octal as a shell's umask: 077 by default, 027
for a group that reads along.
"""

import os
import stat
from pathlib import Path

from ecg_audio.environment import UMASK
from ecg_audio.errors import InvalidRequest

PRIVATE = 0o077
OWNER_ONLY = 0o600
"""Of a file that nobody else may read, whatever the operator says of others."""


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
    """Make a folder and what is missing above it; what is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o777 & ~mask())
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(mode=0o777 & ~mask(), exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise


def is_own_folder(path: Path) -> bool:
    """Whether it is a folder of this user's, and no link to one; False also where there is nothing."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
