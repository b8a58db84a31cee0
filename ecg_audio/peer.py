"""Who is at the other end of a Unix socket, and whether its folder can be trusted; it imports next to nothing."""

import os
import socket
import stat
import struct

LONGEST_PATH = 107
"""The kernel's limit for a Unix socket's path, in bytes."""
CREDENTIALS = struct.Struct("iII")


def usual(name: str) -> str:
    """A place for a program's socket where nobody has named one: a folder in the user's runtime folder."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - see `mistrust`
    return os.path.join(folder, f"ecg-{name}-{os.getuid()}", "socket")  # noqa: PTH118 - pathlib is slow to import


def mistrust(folder: str) -> str | None:
    """Why a folder is no place for a socket; None: it is this user's and closed to all others."""
    try:
        status = os.lstat(folder)
    except OSError as error:
        return f"no folder {folder}: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        return f"{folder} is not a folder of this user's that is closed to others (mode 0700)"
    return None


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end is this user's, as the kernel says."""
    _, user, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return bool(user == os.getuid())
