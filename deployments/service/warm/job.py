"""What a copy of the fork server does to become a job's process, as if it had been started for it."""

import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from deployments.service.warm.client import GO

OF_LOGGING = ("PREFECT_LOGGING_", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM")
"""Beginnings of the variables that Prefect's logging and the console that it writes to depend on."""


@dataclass(frozen=True)
class ForkRequest:
    """One job, as its client handed it in.

    Attributes:
        client: the connection to the process that stands for the job.
        files: descriptors of its standard input, output and error.
        environment: all of its variables; nothing of the fork server's own environment stays.
        folder: its working directory.
        module: what is run, as `python -m` runs it.
        arguments: after the module's name.
    """

    client: socket.socket
    files: list[int]
    environment: dict[str, str]
    folder: str
    module: str
    arguments: list[str]
    umask: int

    def run(self) -> None:
        """Become the job's process and run its module to its end; leaves as `python -m` would.

        Raises:
            SystemExit: with the module's exit code.
        """
        if self.client.recv(len(GO)) != GO:
            os._exit(0)  # the client has given up and started the job itself
        self._take_over()
        code = 1
        try:
            sys.modules.pop(self.module, None)  # it runs as the main program, and is not there under its own name
            runpy.run_module(self.module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            raise
        finally:
            self._say_ending(code)

    def _take_over(self) -> None:
        for target, source in enumerate(self.files):
            os.dup2(source, target)
            os.close(source)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())  # type: ignore[union-attr]
        threading.Thread(target=_end_with, args=(self.client,), name="client-watch", daemon=True).start()
        logging_before = _logging()
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        os.umask(self.umask)
        sys.argv = [self.module, *self.arguments]  # the module's path takes the first place
        sys.path[0] = self.folder  # as `python -m` has it
        Path("/proc/self/comm").write_text("ecg-job")  # for whoever looks at the list of processes
        _reseed()
        _reread_settings(logging_before)

    def _say_ending(self, code: int) -> None:
        try:
            self.client.send(json.dumps({"ending": code}).encode())
        except OSError:
            return  # nobody is there to hear it


def _end_with(client: socket.socket) -> None:
    # the fork server does this too, and more surely; this holds when that server is gone
    poll = select.poll()
    poll.register(client, 0)  # hanging up is always told
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def _reseed() -> None:
    random.seed()
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed()  # whoever still draws from the old global generator must not draw alike


def _reread_settings(logging_before: object) -> None:
    if "prefect" not in sys.modules:
        return
    # Prefect reads its settings once, when it is imported: here from another environment than the job's
    from prefect.context import refresh_global_settings_context
    from prefect.logging.configuration import setup_logging

    refresh_global_settings_context()
    if _logging() != logging_before:  # it takes as long as all of the settings
        setup_logging(incremental=False)


def _logging() -> object:
    """What Prefect's logging is set up from."""
    if "prefect" not in sys.modules:
        return None
    from prefect.settings import get_current_settings

    variables = {name: value for name, value in os.environ.items() if name.startswith(OF_LOGGING)}
    return variables, get_current_settings().logging, sys.stderr.isatty()
