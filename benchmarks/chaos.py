"""What `ecg serve` survives: `python -m benchmarks.chaos 60 --kills 15 [--receiver-down 120] [--store-away 30]`.

Starts the whole service in an empty folder, hands in so many jobs at once, and ends processes of it with SIGKILL, by
their ids: every kind in turn, in an order and at moments that follow from `--seed`. The receiver of callbacks takes
most messages, answers some with 500, some late, and hangs up on some. Prints how many jobs were accepted and how soon,
how many were told once, never or twice, how many completed, the seconds, and what was left behind: processes, temporary
files, places of Prefect's that nobody gives back. Every job is another second of sound, so nothing is in a cache.

Kinds are those of `--only`; with `--whole` everything is killed together once, and begun again.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from benchmarks.receiver import Backend, Told
from benchmarks.served import SERVE, Seen, Service
from benchmarks.service import load_average, short_recording
from blocks.run_states import OVER
from tests.support.s3 import Rclone

PACE_S = (1.0, 3.0)
"""Between two kills."""
GLANCE_S, PATIENCE_S = 1.0, 90.0
"""So long is one of the kinds that come and go waited for, while others have a turn left, and while none has."""
SETTLED_S = 20.0
"""After the last job was told, for whatever would be told twice."""


KINDS: dict[str, Callable[[Seen], bool]] = {
    "fork server": lambda seen: "deployments.service.warm.server" in seen.command and seen.name != "ecg-job",
    "Prefect's server": lambda seen: "deployments.service.prefect_server" in seen.command,
    "model server": lambda seen: "serve-models" in seen.command or "stub_models" in seen.command,
    "decoder": lambda seen: "ecg_audio.child" in seen.command and "speech" not in seen.command,
    "models": lambda seen: "ecg_audio.child" in seen.command and "speech" in seen.command,
    "job's run": lambda seen: "deployments.service.warm.client" in seen.command and "--pool gpu" in seen.parent,
    "reconciler": lambda seen: "deployments.service.warm.client" in seen.command and "--pool control" in seen.parent,
    "gpu worker": lambda seen: "service.worker --pool gpu" in seen.command,
    "control worker": lambda seen: "service.worker --pool control" in seen.command,
    "PostgreSQL": lambda seen: "/bin/postgres -D" in seen.command,
    "gateway": lambda seen: seen.command.endswith("-m gateway"),
    "guard": lambda seen: "deployments/service/guard.py" in seen.command,
}
PASSING = ("decoder", "job's run", "reconciler")
"""Kinds that come and go."""


@dataclass
class Figures:
    """What came of it."""

    jobs: int
    accepted: int = 0
    accepted_within_s: float = 0.0
    refusals: int = 0
    told_once: int = 0
    told_never: int = 0
    told_twice: int = 0
    same_message_again: int = 0
    went_back: int = 0
    completed: int = 0
    seconds: float = 0.0
    up_s: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    left_processes: list[int] = field(default_factory=list)
    left_files: list[str] = field(default_factory=list)
    stuck_runs: list[str] = field(default_factory=list)
    used_slots: int = 0
    callbacks: dict[str, int] = field(default_factory=dict)
    load_before: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether every job was told once and completed, and nothing was left."""
        left = self.left_processes or self.left_files or self.stuck_runs or self.used_slots
        return self.told_once == self.completed == self.accepted == self.jobs and not left


@dataclass(frozen=True)
class Asked:
    """How much chaos."""

    jobs: int
    kills: int = 0
    models: str = "embedded"
    jobs_at_once: int = 2
    receiver_down_s: float = 0.0
    store_away_s: float = 0.0
    whole: bool = False
    seed: int = 1
    limit_s: float = 1200.0
    kinds: Sequence[str] = tuple(KINDS)


def run(asked: Asked, folder: Path, say: Callable[[str], None] = print) -> Figures:
    """Do it, and count."""
    figures = Figures(asked.jobs, load_before=load_average())
    chance = random.Random(asked.seed)
    sources = [short_recording(folder, number) for number in range(asked.jobs)]
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in sources]
    backend = Backend(asked.seed)
    backend.up()
    with ExitStack() as stack:
        stack.callback(backend.down)
        store = None
        if asked.store_away_s:
            store = Rclone(folder / "bucket")
            stack.callback(store.stop)
        service = Service(folder / "service", asked.models, asked.jobs_at_once, backend.port, store)
        stack.callback(service.stop)
        figures.up_s = service.start()
        say(f"up in {figures.up_s:.1f} s")
        began = time.monotonic()
        ends = threading.Event()
        with ThreadPoolExecutor(asked.jobs + 3) as pool:
            handed = [
                pool.submit(_hand_in, service.gateway, job_id, source, began + asked.limit_s)
                for job_id, source in zip(ids, sources, strict=True)
            ]
            if asked.receiver_down_s:
                pool.submit(_away, backend.down, backend.up, 10.0, asked.receiver_down_s, ends, "the receiver", say)
            if store:
                pool.submit(_away, store.stop, store.start, 25.0, asked.store_away_s, ends, "the store", say)
            killed = Counter[str]()
            _kill(service, asked, chance, killed, lambda: all(map(backend.ended, ids)), say)
            last = 0
            while not all(map(backend.ended, ids)) and time.monotonic() - began < asked.limit_s:
                if (told := sum(map(backend.ended, ids))) != last:
                    last = told
                    say(f"{time.monotonic() - began:6.1f} s  {told} of {asked.jobs} told")
                time.sleep(0.5)
            figures.seconds = time.monotonic() - began
            ends.set()
            accepted = [future.result() for future in handed]
        figures.accepted = sum(after is not None for after, _ in accepted)
        figures.accepted_within_s = max((after for after, _ in accepted if after is not None), default=0.0)
        figures.refusals = sum(refused for _, refused in accepted)
        figures.kills = dict(killed)
        time.sleep(SETTLED_S)
        _count(figures, service, backend, ids)
        figures.left_processes = service.stop()
        figures.left_files = _left(folder)
    return figures


def _hand_in(gateway: str, job_id: str, source: Path, until_s: float) -> tuple[float | None, int]:
    """Hand a job in until it is accepted, as a polite client does; returns after how long, and how often refused."""
    refused = 0
    asked = {"job_id": job_id, "video_url": str(source)}
    began = time.monotonic()
    while time.monotonic() < until_s:
        wait_s = 1.0
        try:
            answer = httpx.post(f"{gateway}/api/upload-video/process-video", json=asked, timeout=30.0)
            if answer.is_success:
                return time.monotonic() - began, refused
            wait_s = float(answer.headers.get("Retry-After", 1.0))
        except httpx.TransportError:
            pass
        refused += 1
        time.sleep(min(10.0, wait_s))
    return None, refused


def _away(
    leave: Callable[[], None], come: Callable[[], None], after_s: float, away_s: float, ends: threading.Event, who: str,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    if ends.wait(after_s):
        return
    say(f"{who} goes away for {away_s:.0f} s")
    leave()
    time.sleep(away_s)
    come()
    say(f"{who} is back")


def _kill(
    service: Service,
    asked: Asked,
    chance: random.Random,
    killed: Counter[str],
    over: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """End so many processes, a kind at a time, until all jobs are over."""
    turns: list[str] = []
    while sum(killed.values()) < asked.kills and not over():
        if not turns:
            turns = list(asked.kinds)
            chance.shuffle(turns)
        time.sleep(chance.uniform(*PACE_S))
        if asked.whole and sum(killed.values()) == asked.kills // 2 and not killed["everything"]:
            service.kill()
            killed["everything"] += 1
            say(f"everything killed; up again in {service.start():.1f} s")
            continue
        common = [kind for kind in turns if kind not in PASSING]
        deadline = time.monotonic() + (GLANCE_S if common else PATIENCE_S)
        victim = None
        while victim is None and time.monotonic() < deadline and not over():
            time.sleep(0.2)
            victim = _victim(service, [kind for kind in turns if kind in PASSING], chance)
        victim = victim or _victim(service, common[:1], chance)
        if victim is None:  # what passes did not come by
            turns = common
            continue
        kind, pid = victim
        turns.remove(kind)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed[kind] += 1
            say(f"killed {kind} ({pid})")


def _victim(service: Service, kinds: Sequence[str], chance: random.Random) -> tuple[str, int] | None:
    """One process of the first of the kinds that runs now."""
    running = list(service.processes()) if kinds else []
    for kind in kinds:
        if found := sorted(seen.pid for seen in running if KINDS[kind](seen)):
            return kind, chance.choice(found)
    return None


def _count(figures: Figures, service: Service, backend: Backend, ids: Sequence[str]) -> None:
    for job_id in ids:
        told = backend.told.get(job_id, Told())
        figures.told_never += not told.ends
        figures.told_once += len(told.ends) == 1
        figures.told_twice += len(told.ends) > 1
        figures.same_message_again += told.repeated
        figures.went_back += told.figures != sorted(told.figures)
        figures.ends.update({end: figures.ends.get(end, 0) + 1 for end in told.ends.values()})
        status = httpx.get(f"{service.gateway}/api/upload-video/status/{job_id}", timeout=30.0).json()
        figures.completed += status.get("status") == "completed"
    figures.callbacks = dict(backend.fates)
    jobs = {"flows": {"name": {"any_": ["analyze"]}}}
    found = service.ask("/flow_runs/filter", {**jobs, "limit": 200, "sort": "ID_DESC"})
    figures.stuck_runs = [f"{one['name']}: {one['state_name']}" for one in found if one["state_type"] not in OVER]
    figures.tries = dict(sorted(Counter(one["run_count"] for one in found).items()))
    limits = service.ask("/v2/concurrency_limits/filter", {"limit": 200})
    figures.used_slots = sum(limit["active_slots"] for limit in limits)


def _left(folder: Path) -> list[str]:
    """Files of unfinished work: in the temporary and the work folder, and half-written ones in the store."""
    service = folder / "service"
    unfinished = [*(service / "tmp").rglob("*"), *(service / "work").rglob("*"), *folder.rglob(".incoming*")]
    return sorted(str(path.relative_to(service)) for path in unfinished if not path.is_dir())


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory(prefix="ecg-chaos-", ignore_cleanup_errors=True) as made:
            yield Path(made)


def main() -> None:
    """Do it and print; exit code 1 where a job was not told once, did not complete, or something was left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", type=int, help="handed in at once")
    parser.add_argument("--kills", type=int, default=0, help="processes to kill -9")
    parser.add_argument("--models", choices=tuple(SERVE), default="embedded")
    parser.add_argument("--jobs-at-once", type=int, default=2, help="the service's --limit")
    parser.add_argument("--receiver-down", type=float, default=0.0, metavar="S", help="seconds, from the 10th on")
    parser.add_argument("--store-away", type=float, default=0.0, metavar="S", help="seconds, from the 25th on")
    parser.add_argument("--whole", action="store_true", help="kill everything once, and begin it again")
    parser.add_argument("--only", nargs="+", choices=tuple(KINDS), default=tuple(KINDS), help="kinds of processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=1200.0, help="give up after so many seconds")
    parser.add_argument("--keep", type=Path, help="a new folder, which stays, with all logs")
    given = parser.parse_args()
    asked = Asked(
        given.jobs, given.kills, given.models, given.jobs_at_once, given.receiver_down, given.store_away, given.whole,
        given.seed, given.limit_s, tuple(given.only),
    )  # fmt: skip
    with _folder(given.keep) as folder:
        figures = run(asked, folder, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(asdict(figures), indent=1))
    sys.exit(0 if figures.sound else 1)


if __name__ == "__main__":
    main()
