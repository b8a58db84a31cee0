"""Services that die, and what becomes of them: real processes, killed on purpose."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.service import guard, programs
from deployments.service.supervisor import RestartPolicy, Service, Supervisor
from ecg_audio.errors import ServiceFailed
from tests.support import REPOSITORY
from tests.support.waiting import alive, until

SLEEP = ("sleep", "600")
HASTE = RestartPolicy(first_rest_s=0.01, longest_rest_s=0.05, lasting_s=30.0, tries=3)


def test_services_begin_when_those_they_need_are_ready(tmp_path: Path) -> None:
    """A service waits for what it comes after, and what works once is done when it has ended well."""
    mark = tmp_path / "mark"
    first = Service("first", ("sh", "-c", f"touch {mark}"), once=True)
    second = Service("second", SLEEP, ready=lambda _since: mark.exists(), after=("first",))
    with Supervisor([first, second], tmp_path) as supervisor:
        supervisor.step()
        assert [one.state for one in supervisor.supervised.values()] == ["starting", "waiting"]
        until(lambda: supervisor.up, step=supervisor.step)
        assert [one.state for one in supervisor.supervised.values()] == ["done", "ready"]


def test_a_killed_service_comes_back(tmp_path: Path) -> None:
    """After kill -9 the service runs again, as another process, and is counted as restarted."""
    with Supervisor([Service("it", SLEEP)], tmp_path, HASTE) as supervisor:
        it = supervisor.supervised["it"]
        until(lambda: supervisor.up, step=supervisor.step)
        first = it.pid
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: it.state == "ready" and it.pid != first, step=supervisor.step)
        assert it.restarts == 1


def test_a_service_that_keeps_dying_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    """After so many deaths in a row the error names the service, how it ended, what it said last, and its log."""
    dying = Service("dying", ("sh", "-c", "echo the disk is on fire; exit 7"))
    with Supervisor([dying], tmp_path, HASTE) as supervisor, pytest.raises(ServiceFailed) as failure:
        until(lambda: False, step=supervisor.step)
    assert failure.value.message == "dying ended with exit code 7, 3 times in a row: the disk is on fire"
    assert str(tmp_path / "dying.log") in failure.value.hint
    assert (tmp_path / "dying.log").read_text().count("the disk is on fire") == 3


def test_what_is_not_vital_may_be_given_up_alone(tmp_path: Path) -> None:
    """The others go on, and count as up."""
    services = [Service("luxury", ("sh", "-c", "exit 1"), vital=False), Service("bread", SLEEP)]
    with Supervisor(services, tmp_path, HASTE) as supervisor:
        until(lambda: supervisor.supervised["luxury"].state == "given up", step=supervisor.step)
        assert supervisor.up
        assert alive(supervisor.supervised["bread"].pid)


def test_a_service_that_never_gets_ready_is_begun_anew(tmp_path: Path) -> None:
    """Hanging before it is ready counts as a death."""
    hanging = Service("hanging", SLEEP, ready=lambda _since: False, startup_s=0.1)
    with Supervisor([hanging], tmp_path, HASTE) as supervisor:
        with pytest.raises(ServiceFailed, match=r"hanging ended by signal SIGKILL"):
            until(lambda: False, step=supervisor.step)
        assert supervisor.supervised["hanging"].restarts == 2


def test_a_service_that_hangs_is_begun_anew(tmp_path: Path) -> None:
    """One that no longer answers is killed after its time; one that answers again before that is left alone."""
    answers = {"hanging": True, "pausing": True}
    haste = RestartPolicy(first_rest_s=0.01, longest_rest_s=0.05, ask_s=0.01)
    services = [Service(name, SLEEP, ready=lambda _since, n=name: answers[n], silent_s=0.5) for name in answers]  # type: ignore[misc]
    with Supervisor(services, tmp_path, haste) as supervisor:
        hanging, pausing = supervisor.supervised.values()
        until(lambda: supervisor.up, step=supervisor.step)
        first, other = hanging.pid, pausing.pid
        answers.update(hanging=False, pausing=False)
        supervisor.step()
        answers["pausing"] = True
        until(lambda: not alive(first), step=supervisor.step)
        answers["hanging"] = True
        until(lambda: hanging.state == "ready" and hanging.pid != first, step=supervisor.step)
        assert (hanging.restarts, pausing.restarts, pausing.pid) == (1, 0, other)


def test_a_log_that_has_grown_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was printed lies beside it, and what is printed next begins it anew."""
    monkeypatch.setattr("deployments.service.supervisor.LOG_BYTES", 20)
    talking = Service(
        "talking", ("sh", "-c", f"echo {'a' * 30}; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo b")
    )
    log, before = tmp_path / "talking.log", tmp_path / "talking.log.1"
    with Supervisor([talking], tmp_path) as running:
        until(lambda: before.exists() and "a" * 30 in before.read_text(), step=running.step)
        (tmp_path / "go").touch()
        until(lambda: log.read_text() == "b\n")


def test_services_end_in_the_opposite_order_and_get_their_time(tmp_path: Path) -> None:
    """The last one is asked first and the next only when it has ended; who ignores the asking is killed."""
    ends = tmp_path / "ends"
    patient = f"trap 'sleep 0.3; echo %s >> {ends}; exit' TERM; echo up; while :; do sleep 0.05; done"

    def up(name: str) -> Callable[[float], bool]:
        return lambda _since: "up\n" in (tmp_path / f"{name}.log").read_text()

    services = [Service(name, ("sh", "-c", patient % name), up(name)) for name in ("one", "two")]
    deaf = Service("deaf", ("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"), up("deaf"), stop_s=0.2)
    with Supervisor([*services, deaf], tmp_path) as supervisor:
        until(lambda: supervisor.up, step=supervisor.step)
        processes = [one.pid for one in supervisor.supervised.values()]
        supervisor.stop()
        assert ends.read_text().split() == ["two", "one"]
        assert not any(alive(process) for process in processes)
        assert {one.state for one in supervisor.supervised.values()} == {"stopped"}


def test_a_draining_service_begins_nothing_and_its_children_finish(tmp_path: Path) -> None:
    """It stands still until what it has begun is done, and is asked to end only then."""
    done = tmp_path / "done"
    busy = (
        f"trap 'echo asked >> {done}; exit' TERM; (sleep 0.5; echo child >> {done}) & echo up; "
        f"while :; do sleep 0.05; (:); done"
    )
    service = Service(
        "busy", ("bash", "-c", busy), lambda _since: "up\n" in (tmp_path / "busy.log").read_text(), drain_s=20.0
    )
    with Supervisor([service], tmp_path) as supervisor:
        until(lambda: supervisor.up, step=supervisor.step)
        supervisor.stop()
    assert done.read_text().split() == ["child", "asked"]


def test_nobody_survives_the_supervisor(tmp_path: Path) -> None:
    """Kill -9 of the supervising process ends its services, their children in sessions of their own, and the guard."""
    program = f"""
import sys, time
from pathlib import Path
from deployments.service.supervisor import Service, Supervisor
child = "import os, subprocess; print(os.getpid(), subprocess.Popen(['sleep', '600'], start_new_session=True).pid, " \\
        "flush=True); os.waitid(os.P_ALL, 0, os.WEXITED)"
with Supervisor([Service("parent", [sys.executable, "-c", child])], Path({str(tmp_path)!r})) as supervisor:
    while True:
        supervisor.step()
        time.sleep(0.02)
"""
    log = tmp_path / "parent.log"
    supervising = subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY)
    try:
        until(lambda: log.exists() and len(log.read_text().splitlines()) == 2)
        family = [int(word) for word in log.read_text().splitlines()[1].split()]
        children = Path(f"/proc/{supervising.pid}/task/{supervising.pid}/children").read_text().split()
        assert all(alive(process) for process in family)
        assert len(children) == 2, "the service and the guard"
    finally:
        supervising.kill()
        supervising.wait()
    until(lambda: not any(alive(process) for process in [*family, *map(int, children)]), seconds=10.0)


def test_the_guard_itself_is_replaced(tmp_path: Path) -> None:
    """A guard that was killed is there again after the next step."""
    with Supervisor([Service("it", SLEEP)], tmp_path) as supervisor:
        first = supervisor._guard
        assert first
        first.kill()
        first.wait()
        supervisor.step()
        assert supervisor._guard is not first
        assert supervisor._guard and supervisor._guard.poll() is None


def test_a_family_is_everything_under_its_mark_and_nothing_else() -> None:
    """Processes of another mark, or of none, are not touched."""
    ours, theirs = (
        subprocess.Popen(SLEEP, env={**os.environ, guard.VARIABLE: mark}) for mark in ("tests-ours", "tests-theirs")
    )
    try:
        assert guard.family("tests-ours") == [ours.pid]
        guard.end_family("tests-ours")
        assert ours.wait() == -signal.SIGTERM
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_a_service_gets_the_variables_of_its_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers' key is the gateway's alone, settings are everybody's but the database's, nobody has the rest."""
    named = ("ECG_GATEWAY_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "ECG_STORE", "CUDA_VISIBLE_DEVICES", "OTHERS")
    for name in named:
        monkeypatch.setenv(name, "x")
    services = [
        Service(name, ("sh", "-c", f"env > '{tmp_path / name}'"), variables=variables, once=True)
        for name, variables in programs.VARIABLES.items()
    ]
    with Supervisor(services, tmp_path / "logs") as supervisor:
        until(lambda: supervisor.up, step=supervisor.step)
    found = {
        name: {line.partition("=")[0] for line in (tmp_path / name).read_text().splitlines()}
        for name in programs.VARIABLES
    }
    who = {variable: {name for name, given in found.items() if variable in given} for variable in named}
    stores = {"deploy", "worker gpu", "worker control", "gateway", "protection"}
    assert who == {
        "ECG_GATEWAY_API_KEY": {"gateway"},
        "AWS_SECRET_ACCESS_KEY": stores,
        "HF_TOKEN": {"models", "deploy", "worker gpu"},
        "ECG_STORE": {*found} - {"database"},
        "CUDA_VISIBLE_DEVICES": {"models", "worker gpu"},
        "OTHERS": set(),
    }
    assert all({"PATH", "ECG_FAMILY"} <= given for given in found.values())
