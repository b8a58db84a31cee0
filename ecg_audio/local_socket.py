"""Unix sockets for the programs of one user: where they lie, and who may be at their other end.

The fork server's client, which imports next to nothing, asks the same questions by itself.
"""

import fcntl
import os
import socket
import stat
import struct
from pathlib import Path
from typing import IO

from ecg_audio.errors import AddressInUse, InvalidRequest

LONGEST_PATH = 107
"""The kernel's limit for a Unix socket's path, in bytes."""
CREDENTIALS = struct.Struct("iII")


def usual(name: str) -> Path:
    """A place for a program's socket where nobody has named one: a folder in the user's runtime folder."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - see `mistrust`
    return Path(folder, f"ecg-{name}-{os.getuid()}", "socket")


def mistrust(folder: Path) -> str | None:
    """Why a folder is no place for a socket; None: it is this user's and closed to all others."""
    try:
        status = folder.lstat()
    except OSError as error:
        return f"no folder {folder}: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        return f"{folder} is not a folder of this user's that is closed to others (mode 0700)"
    return None


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end is this user's, as the kernel says."""
    _, user, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return bool(user == os.getuid())


def claim(path: Path) -> IO[bytes]:
    """Make a socket's place this process's own, as long as the returned lock is open; what was left there goes.

    Raises:
        InvalidRequest: the path is too long, or its folder is no place for a socket.
        AddressInUse: another process has it.
    """
    hint = "Name a path in a folder of this user's, with mode 0700."
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise InvalidRequest(f"{path} is longer than the {LONGEST_PATH} bytes that a socket's path may have", hint=hint)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reason := mistrust(path.parent):
        raise InvalidRequest(reason, hint=hint)
    lock = path.with_name(path.name + ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise AddressInUse(f"another program serves {path} already", hint="End it, or name another path.") from error
    path.unlink(missing_ok=True)
    return lock
