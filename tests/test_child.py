import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ecg_audio.child import Child, ChildError
from ecg_audio.errors import InsufficientResources, NoAudio, ProcessingTimeout, WorkerKilled
from tests.support import child_work as work
from tests.support.waiting import alive, until


def test_a_call_returns_what_the_function_returns_and_reports() -> None:
    """Arguments go in, progress and the result come out, from another process."""
    heard: list[float] = []
    with Child("the adder") as child:
        total, where = child.call(work.add, 2, 3, report=heard.append)
    assert total == 5 and where != os.getpid() and heard == [0.5, 1.0]


def test_errors_come_back_as_they_were_raised() -> None:
    """A named error keeps its class, an unforeseen one its text and traceback, and the child lives on."""
    with Child("the failing one") as child:
        with pytest.raises(NoAudio, match="nothing to hear"):
            child.call(work.fail_by_name)
        with pytest.raises(ChildError, match="ZeroDivisionError") as caught:
            child.call(work.fail_unforeseen)
        assert "fail_unforeseen" in caught.value.trace
        assert child.call(work.add, 1, 1)[0] == 2


def test_what_is_wanted_ahead_is_done_before_the_first_call() -> None:
    """A child does it once, in its own process; where it fails, calls are answered all the same."""
    with Child("the early one", ahead="tests.support.child_work:ahead") as child:
        child.start()
        assert child.call(work.done_ahead) == [child.call(work.add, 1, 1)[1]]
        assert len(child.call(work.done_ahead)) == 1
    with Child("the early one", ahead="tests.support.child_work:fail_ahead") as child:
        assert child.call(work.add, 1, 1)[0] == 2


def test_a_call_that_takes_too_long_is_ended() -> None:
    """The time limit ends the child; the next call gets a fresh one."""
    with Child("the sleeper") as child:
        with pytest.raises(ProcessingTimeout, match="the sleeper"):
            child.call(work.sleep, 60.0, timeout_s=1.0)
        assert child.call(work.add, 1, 1)[0] == 2


def test_memory_is_bounded() -> None:
    """A child that wants more than it may have fails by name and hurts nobody."""
    with Child("the glutton", memory_bytes=300_000_000) as child, pytest.raises(InsufficientResources):
        child.call(work.allocate, 2_000_000_000)


def test_a_killed_child_is_a_named_error_and_is_replaced() -> None:
    """A kill -9 in the middle of a call is WorkerKilled, and the next call works."""
    with Child("the victim") as child:
        first = child.call(work.add, 1, 1)[1]
        threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(WorkerKilled, match="SIGKILL"):
            child.call(work.sleep, 60.0)
        assert child.call(work.add, 1, 1)[1] != first


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    """When the parent is killed, a busy child ends by itself."""
    script = (
        "import sys, pathlib\n"
        "from ecg_audio.child import Child\n"
        "from tests.support import child_work as work\n"
        "child = Child('orphan')\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.call(work.add, 1, 1)[1]))\n"
        "child.call(work.sleep, 60.0)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parent.parent)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    orphan = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    until(lambda: not alive(orphan))
