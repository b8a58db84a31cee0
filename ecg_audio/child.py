"""A function run in a process of its own, with a time limit, a memory limit and progress.

What may crash, hang, leak or take the interpreter's lock for long (decoders of untrusted media, model hosts) runs in a
`Child`. The child is a plain `python -m ecg_audio.child`, so it never imports its parent's main module and starts with
nothing but what the called function imports. It ends by itself when its parent is gone, however that ended.
"""

import contextlib
import functools
import importlib
import os
import queue
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import IO, Any

from ecg_audio.environment import MACHINE, chosen
from ecg_audio.errors import EcgError, InsufficientResources, ProcessingTimeout, WorkerKilled, WorkerLost
from ecg_audio.progress import Report, silent

STOP_WAIT_S = 2.0
KILL_WAIT_S = 30.0
LAST_WORDS_BYTES = 4000
AHEAD_NICENESS = 5


class Child:
    """One child process that runs one call at a time; it starts with the first call or with `start`.

    Args:
        name: for messages to people: "the decoder", "the speech models".
        memory_bytes: bound on the child's own data (heap and anonymous maps); None: unbounded.
        variables: names of the parent's variables that the child gets, one list a kind: see `environment`.
        environment: variables set in the child beside them.
        ahead: `module:function` that the child calls as soon as it runs, before it answers: what every call needs, such
            as slow imports. If it fails, the calls that need it will say so.
    """

    def __init__(
        self,
        name: str,
        *,
        memory_bytes: int | None = None,
        variables: Sequence[str] = MACHINE,
        environment: dict[str, str] | None = None,
        ahead: str | None = None,
    ) -> None:
        self.name = name
        self._memory_bytes = memory_bytes
        self._variables = variables
        self._environment = environment or {}
        self._ahead = ahead
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._errors: IO[bytes] | None = None

    def start(self) -> None:
        """Start the process, if it does not run yet. Returns before the child has imported anything."""
        with self._starting:
            if not self.running:
                self.stop()  # what a child that ended by itself has left open
                self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        # libraries' chatter stays off our terminal, and their last words are there when they are needed
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        with theirs:
            arguments = [sys.executable, "-m", "ecg_audio.child", str(theirs.fileno()), str(self._memory_bytes or 0)]
            if self._ahead:
                arguments.append(self._ahead)
            # sys.path travels by PYTHONPATH so that the child finds what the parent found
            path = os.pathsep.join(entry for entry in sys.path if entry)
            self._process = subprocess.Popen(
                arguments,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env={**chosen(os.environ, self._variables), "PYTHONPATH": path, **self._environment},
                start_new_session=True,  # Ctrl-C reaches the parent, which ends its children in order
            )
        self._pipe = Connection(ours.detach())

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        process = self._process  # `stop` may come from another thread
        return process is not None and process.poll() is None

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        report: Report = silent,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Any:
        """Run `function(*arguments, report=..., **options)` in the child and return what it returns.

        `function` must be importable by its module and name, arguments and result must be picklable, and it takes a
        keyword `report`.

        Raises:
            EcgError: as the function raised it.
            ProcessingTimeout: `timeout_s` passed; the child was ended.
            InsufficientResources: the child ran into its memory limit.
            WorkerLost: the child died without an answer; `WorkerKilled` where it was killed.
        """
        with self._lock:
            self.start()
            process, pipe = self._process, self._pipe  # `stop` may come from another thread
            if process is None or pipe is None:
                raise WorkerLost(f"{self.name} was ended before it was asked")
            deadline = None if timeout_s is None else time.monotonic() + timeout_s
            try:
                pipe.send((function.__module__, function.__qualname__, arguments, options))
                return hear(pipe, lambda: deadline and max(0.0, deadline - time.monotonic()), progress=report)
            except TimeoutError as error:
                self.stop()
                raise ProcessingTimeout(f"{self.name} took longer than {timeout_s:.0f} s") from error
            except MemoryError as error:
                self.stop()
                raise InsufficientResources(f"{self.name} ran out of its memory") from error
            except (EOFError, ConnectionError) as error:
                status = process.wait()
                last_words = self._last_words()
                self.stop()
                how = f"by signal {signal.Signals(-status).name}" if status < 0 else f"with exit code {status}"
                kind = WorkerKilled if -status in {signal.SIGKILL, signal.SIGTERM} else WorkerLost
                lost = kind(f"{self.name} ended {how} before it answered")
                lost.add_note(last_words)
                raise lost from error

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LAST_WORDS_BYTES))
        return self._errors.read().decode(errors="replace")

    def stop(self) -> None:
        """End the process now; the next call starts a fresh one."""
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        errors, self._errors = self._errors, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):  # a driver can hold a killed process for ever
                    process.wait(KILL_WAIT_S)
        if pipe is not None:
            pipe.close()  # last: whoever waits for an answer hears of the end first
        if errors is not None:
            errors.close()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def hear(pipe: Connection, wait_s: Callable[[], float | None], **told: Callable[[Any], None]) -> Any:
    """What a call comes to at the other side.

    Args:
        pipe: over which it was asked.
        wait_s: how long the next message may take; None: for ever.
        told: by its kind, who hears what the other side tells meanwhile.

    Raises:
        TimeoutError: a message took longer.
        MemoryError: the other side ran out of its memory.
        EOFError, ConnectionError: it is gone.
        Exception: as the call raised it.
    """
    while pipe.poll(wait_s()):
        kind, value = pipe.recv()
        if kind == "result":
            return value
        if kind == "error":
            raise value
        told[kind](value)
    raise TimeoutError


def serve(pipe: Connection, ahead: str | None = None) -> None:
    """The child's side: do what is wanted ahead of all calls, then answer them until the parent goes away."""
    pending: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        # a thread of its own notices at once when the parent is gone, also in the middle of a call
        while True:
            try:
                pending.put(pipe.recv())
            except (EOFError, OSError):
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a call that cannot be read (its module does not import, no memory)
                traceback.print_exc()
                os._exit(1)  # else the parent would wait for an answer for ever

    threading.Thread(target=listen, daemon=True).start()
    if ahead:
        early = threading.Thread(target=_do_ahead, args=[ahead])
        early.start()
        early.join()
    while True:
        pipe.send(answer(functools.partial(_call, *pending.get()), pipe.send))


def _do_ahead(function: str) -> None:
    """Do what is wanted before the first call, and let go first whoever somebody waits for already."""
    module, _, name = function.partition(":")
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), AHEAD_NICENESS)  # on Linux, of this thread alone
    try:
        getattr(importlib.import_module(module), name)()
    except Exception:  # noqa: BLE001 - the first call that needs it meets the same, where somebody listens
        traceback.print_exc()


def _call(module: str, name: str, arguments: tuple[Any, ...], options: dict[str, Any], report: Report) -> Any:
    return getattr(importlib.import_module(module), name)(*arguments, report=report, **options)


def answer(work: Callable[[Report], Any], tell: Callable[[tuple[str, Any]], None]) -> tuple[str, Any]:
    """Do what was called, and make the last message of what it came to; its progress is told meanwhile."""
    try:
        return "result", work(lambda fraction: tell(("progress", fraction)))
    except MemoryError:
        return "error", MemoryError()
    except (EcgError, ChildError) as error:
        return "error", error
    except Exception as error:  # noqa: BLE001 - reported to the parent, whatever it is
        # the traceback is text by now: foreign exceptions need not survive pickling
        error_text = "".join(traceback.format_exception(error))
        wrapped = ChildError(f"{type(error).__name__}: {error}", error_text)
        return "error", wrapped


class ChildError(Exception):
    """An unforeseen exception in a child; `trace` is its traceback as text."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message, trace)
        self.message = message
        self.trace = trace

    def __str__(self) -> str:
        return self.message


def main() -> None:
    """Entry of `python -m ecg_audio.child FD MEMORY_BYTES|0 [MODULE:FUNCTION]`."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    limit = int(sys.argv[2])
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # import under the real name, so that ChildError is the same class on both sides
    importlib.import_module("ecg_audio.child").serve(Connection(int(sys.argv[1])), *sys.argv[3:])


if __name__ == "__main__":
    main()
