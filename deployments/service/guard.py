"""Ends a family of processes: whatever was started under one mark, wherever it has got to.

A mark is the value of the environment variable `ECG_FAMILY`; children inherit it, also through sessions of their own
and parents that died. `python guard.py MARK` waits until its standard input closes, which even `kill -9` of the
process at the other end does, and then ends the family. The standard library alone, so that it starts in no time.
"""

import os
import signal
import sys
import time
from pathlib import Path

VARIABLE = "ECG_FAMILY"
GRACE_S = 5.0
STEP_S = 0.05


def family(mark: str) -> list[int]:
    """The processes that carry a mark."""
    wanted = f"{VARIABLE}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue  # another user's, or gone by now; of a zombie it is empty
            if wanted in environment.split(b"\0"):
                found.append(int(folder.name))
    return found


def end_family(mark: str, grace_s: float = GRACE_S) -> None:
    """Ask every process of a family to end, and after a grace kill those that have not."""
    deadline = time.monotonic() + grace_s
    asked: set[int] = set()
    while left := family(mark):
        overdue = time.monotonic() > deadline
        for process in left:
            if overdue or process not in asked:
                _signal(process, signal.SIGKILL if overdue else signal.SIGTERM)
        asked.update(left)
        time.sleep(STEP_S)


def _signal(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it ends when its work is done
    sys.stdin.buffer.read()
    end_family(sys.argv[1])
