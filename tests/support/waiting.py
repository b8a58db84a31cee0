"""Waiting for what other threads and processes must do."""

import time
from collections.abc import Callable
from pathlib import Path


def until(
    condition: Callable[[], object], seconds: float = 180.0, *, step: Callable[[], object] | None = None
) -> float:
    """Wait for something that must happen; returns for how long it took.

    Args:
        condition: is asked fifty times a second, or as often as leaves three quarters of the time to who works.
        seconds: the longest wait.
        step: what is done between two questions.
    """
    began = asked = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it did not happen in time"
        if step:
            step()
        time.sleep(max(0.02, 3 * (time.monotonic() - asked)))
        asked = time.monotonic()
    return time.monotonic() - began


def alive(process_id: int | None) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
