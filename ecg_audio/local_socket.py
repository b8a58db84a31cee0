"""Claiming the place of a Unix socket for one program of this user."""

import fcntl
import os
from pathlib import Path
from typing import IO

from ecg_audio.errors import AddressInUse, InvalidRequest
from ecg_audio.peer import LONGEST_PATH, mistrust


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
    if reason := mistrust(str(path.parent)):
        raise InvalidRequest(reason, hint=hint)
    lock = path.with_name(path.name + ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise AddressInUse(f"another program serves {path} already", hint="End it, or name another path.") from error
    path.unlink(missing_ok=True)
    return lock
