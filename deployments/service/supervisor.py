"""Programs that belong together: begun in order, begun again when they die, ended in order."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, Self

from deployments.service import guard
from ecg_audio import environment, modes
from ecg_audio.errors import ServiceFailed

State = Literal["waiting", "starting", "ready", "done", "resting", "stopping", "stopped", "given up"]
LOG_BYTES = 10_000_000
STEP_S = 0.1


def _at_once(_since: float) -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """One program.

    Attributes:
        name: what people call it.
        command: its argument list.
        ready: whether it can be used, asked with the time (seconds since 1970) it was started at.
        address: where it is found, for people.
        env: variables beside those that it is given.
        after: services that must be ready before it is begun.
        once: it does its work and ends; it is ready when it has ended well.
        vital: the others are of no use without it.
        startup_s: it must be ready by then.
        silent_s: for how long `ready` may say no, once it has said yes, before it is taken for hung; None: for ever.
        stop_s: how long it may take to end when it is asked to.
        drain_s: how long its children may take to end before it is asked. It stands still meanwhile, so that it
            begins no more of them: Prefect's workers, when asked to end, end their runs.
        variables: names of this process's variables that it is given (see `environment.chosen`).
    """

    name: str
    command: Sequence[str]
    ready: Callable[[float], bool] = _at_once
    address: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    once: bool = False
    vital: bool = True
    startup_s: float = 300.0  # an overloaded machine takes minutes for what takes seconds
    silent_s: float | None = None
    stop_s: float = 10.0
    drain_s: float = 0.0
    variables: Sequence[str] = environment.MACHINE


@dataclass(frozen=True)
class RestartPolicy:
    """When to try again, and when to stop trying.

    Attributes:
        first_rest_s: before the first new try; each further one waits twice as long.
        longest_rest_s: but never longer.
        lasting_s: who lived so long was well, and is given all tries again.
        tries: so many deaths in a row, each before `lasting_s`, are enough.
        ask_s: how often a service that may hang is asked whether it still answers.
    """

    first_rest_s: float = 0.5
    longest_rest_s: float = 30.0
    lasting_s: float = 30.0
    tries: int = 5
    ask_s: float = 10.0


@dataclass
class Supervised:
    """A service and how it is."""

    service: Service
    log: Path
    state: State = "waiting"
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    deaths: int = 0
    since: float = 0.0
    rest_until: float = 0.0
    asked: float = 0.0
    answered: float = 0.0

    @property
    def pid(self) -> int | None:
        """Its process; None: there is none now."""
        return self.process.pid if self.process and self.process.returncode is None else None

    @property
    def up(self) -> bool:
        """Whether others can rely on it."""
        return self.state in {"ready", "done"}


class Supervisor:
    """Keeps services running as long as the context lasts; `step` does what is to be done now.

    All of them end with the process that supervises them, however that one ends: see `guard`.

    Args:
        services: in the order they are begun; they are ended in the opposite one.
        logs: folder for what they print, a file each.
        restart_policy: with services that die.
    """

    def __init__(self, services: Sequence[Service], logs: Path, restart_policy: RestartPolicy | None = None) -> None:
        self.supervised = {service.name: Supervised(service, logs / f"{service.name}.log") for service in services}
        self._restart_policy = restart_policy or RestartPolicy()
        self._mark = uuid.uuid4().hex
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for one in self.supervised.values():
            modes.make_folder(one.log.parent)
        self._watch()
        return self

    def __exit__(self, *_exception: object) -> None:
        guard.end_family(self._mark)
        for one in self.supervised.values():
            if one.process is not None:
                one.process.wait()
        self._dismiss()

    @property
    def up(self) -> bool:
        """Whether every service is that has to be."""
        return all(one.up or not one.service.vital for one in self.supervised.values())

    def step(self) -> None:
        """Begin what can be begun, note what is ready, begin again what has died.

        Raises:
            ServiceFailed: a vital service dies however often it is begun.
        """
        self._watch()
        for one in self.supervised.values():
            _turn(one.log)
            if one.state == "waiting" and all(self.supervised[name].up for name in one.service.after):
                self._begin(one)
            elif one.state == "resting" and time.monotonic() >= one.rest_until:
                one.restarts += 1
                self._begin(one)
            elif one.state in {"starting", "ready"}:
                self._look(one)

    def stop(self, shown: Callable[[], None] = lambda: None, *, hurried: Callable[[], bool] = lambda: False) -> None:
        """Ask one service after the other to end, the last one first, and wait for it.

        Args:
            shown: called whenever something may have changed.
            hurried: whether nobody wants to wait any longer; what still runs is then killed.
        """

        def wait(seconds: float, over: Callable[[], bool]) -> None:
            deadline = time.monotonic() + seconds
            while not over() and time.monotonic() < deadline and not hurried():
                shown()
                time.sleep(STEP_S)

        for one in reversed(self.supervised.values()):
            if one.process is not None and one.process.poll() is None:
                one.state = "stopping"
                if one.service.drain_s:
                    one.process.send_signal(signal.SIGSTOP)
                    wait(one.service.drain_s, functools.partial(_childless, one.process.pid))
                    one.process.send_signal(signal.SIGCONT)
                one.process.send_signal(signal.SIGTERM)
                wait(one.service.stop_s, functools.partial(_ended, one.process))
                one.process.kill()
                one.process.wait()
            one.state = "stopped"
            shown()

    def _watch(self) -> None:
        if self._guard is None or self._guard.poll() is not None:
            self._dismiss()
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, self._mark],
                env=environment.chosen(os.environ, environment.MACHINE),
                stdin=subprocess.PIPE,  # closes with this process
                start_new_session=True,  # a Ctrl-C is not meant for it
            )

    def _dismiss(self) -> None:
        if self._guard is not None:
            assert self._guard.stdin
            self._guard.stdin.close()
            self._guard.wait()

    def _begin(self, one: Supervised) -> None:
        with open(one.log, "ab", opener=modes.opener) as log:
            log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {one.service.name} begins\n".encode())
            log.flush()
            one.since = time.time()
            one.state = "starting"
            given = environment.chosen(os.environ, one.service.variables)
            one.process = subprocess.Popen(
                one.service.command,
                env={**given, **one.service.env, guard.VARIABLE: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is ours to pass on, in order
            )

    def _look(self, one: Supervised) -> None:
        assert one.process
        status = one.process.poll()
        if status == 0 and one.service.once:
            one.state = "done"
        elif status is not None:
            self._died(one)
        elif one.state == "starting" and not one.service.once and one.service.ready(one.since):
            one.state = "ready"
            one.asked = one.answered = time.monotonic()
        elif (one.state == "starting" and time.time() - one.since > one.service.startup_s) or self._hangs(one):
            one.process.kill()
            one.process.wait()
            self._died(one)

    def _hangs(self, one: Supervised) -> bool:
        """Whether a service that was ready has not answered for longer than it may."""
        now = time.monotonic()
        if one.state != "ready" or one.service.silent_s is None or now - one.asked < self._restart_policy.ask_s:
            return False
        one.asked = now
        if one.service.ready(one.since):
            one.answered = now
        return now - one.answered > one.service.silent_s

    def _died(self, one: Supervised) -> None:
        assert one.process
        if one.state == "ready" and time.time() - one.since > self._restart_policy.lasting_s:
            one.deaths = 0
        one.deaths += 1
        if one.deaths >= self._restart_policy.tries:
            one.state = "given up"
            if not one.service.vital:
                return
            code = one.process.returncode
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            raise ServiceFailed(
                f"{one.service.name} ended {how}, {one.deaths} times in a row: {_last_line(one.log)}",
                hint=f"Its log says why: {one.log}",
            )
        one.state = "resting"
        rest_s = min(self._restart_policy.longest_rest_s, self._restart_policy.first_rest_s * 2 ** (one.deaths - 1))
        one.rest_until = time.monotonic() + rest_s


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _childless(process: int) -> bool:
    """Whether nothing runs any more of what a process has begun."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return not any(_runs(child) for thread in threads for child in (thread / "children").read_text().split())


def _runs(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _turn(log: Path) -> None:
    """Put a log that has grown in the place of the one before; its writers append, and go on in the same file."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        before = log.with_suffix(".log.1")
        before.touch(modes.file_mode())
        shutil.copyfile(log, before)
        os.truncate(log, 0)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        tail: IO[bytes] = file
        tail.seek(max(0, log.stat().st_size - 2000))
        lines = [line for line in tail.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
