"""The one page that `ecg serve` shows: services, jobs, where the logs are. Plain lines where there is no terminal."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deployments.service.job_board import COLUMNS, Jobs
from deployments.service.supervisor import Supervised

STYLES = {
    "waiting": "dim",
    "starting": "yellow",
    "ready": "green",
    "done": "green",
    "resting": "bold red",
    "given up": "bold red",
    "stopping": "yellow",
    "stopped": "dim",
}
JOB_STYLES = {"Completed": "green", "Running": "yellow", "Failed": "red", "Crashed": "red", "Cancelled": "red"}


class StatusPage:
    """Shows services and jobs.

    Args:
        services: what is kept running.
        notes: lines below them: where to send jobs, where things lie.
        console: where to.
        plain: no page, a line for each change.
    """

    def __init__(self, services: Sequence[Supervised], notes: Sequence[str], console: Console, *, plain: bool) -> None:
        self._services = services
        self._notes = notes
        self._console = console
        self._live = None if plain else Live(console=console, auto_refresh=False)
        self._began = time.monotonic()
        self._said: dict[str, tuple[str, int | None]] = {}
        self._counted: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, jobs: Jobs | None) -> None:
        """Show how everything is; `jobs` None: nobody knows now."""
        if self._live:
            self._live.update(self._page(jobs), refresh=True)
            return
        for one in self._services:
            self._say_service(one)
        if jobs and dict(jobs.counts) != self._counted:
            if self._counted or any(jobs.counts.values()):
                self.say(f"jobs: {_counts(jobs)}")
            self._counted = dict(jobs.counts)

    def say(self, line: str) -> None:
        """A line of its own, with the time."""
        self._console.print(f"{time.strftime('%H:%M:%S')} {line}", highlight=False, markup=False, soft_wrap=True)

    def _say_service(self, one: Supervised) -> None:
        now = (one.state, one.pid)
        if self._said.get(one.service.name, ("waiting", None)) == now:
            return
        self._said[one.service.name] = now
        at = f" at {one.service.address}" if one.service.address and one.state == "ready" else ""
        pid = f" (pid {one.pid})" if one.pid else ""
        again = f", restarted {one.restarts} times" if one.restarts else ""
        self.say(f"{one.service.name}: {one.state}{at}{pid}{again}")

    def _page(self, jobs: Jobs | None) -> RenderableType:
        services = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("service", "state", "address", "pid", "restarts", "log"):
            services.add_column(column, justify="right" if column in {"pid", "restarts"} else "left")
        for one in self._services:
            services.add_row(
                f"[bold]{escape(one.service.name)}[/]",
                f"[{STYLES[one.state]}]{one.state}[/]",
                escape(one.service.address),
                str(one.pid or ""),
                str(one.restarts or ""),
                f"[dim]{escape(one.log.name)}[/]",
            )
        parts: list[RenderableType] = [services, Text()]
        parts += [Text.from_markup(f"[dim]{escape(note)}[/]") for note in self._notes]
        parts += [Text(), Text(f"jobs  {_counts(jobs) if jobs else 'Prefect does not answer now'}", style="bold")]
        parts.append(_recent(jobs) if jobs and jobs.recent else Text("none yet", style="dim"))
        minutes = (time.monotonic() - self._began) / 60
        parts.append(Text(f"\nup {minutes:.0f} min · Ctrl-C ends everything in order", style="dim"))
        return Group(*parts)


def _counts(jobs: Jobs) -> str:
    return " · ".join(f"{jobs.counts.get(column, 0)} {column}" for column in COLUMNS)


def _recent(jobs: Jobs) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for run in jobs.recent:
        began = run.began.astimezone().strftime("%H:%M:%S") if run.began else ""
        style = JOB_STYLES.get(run.state, "dim")
        table.add_row(f"[{style}]{escape(run.state)}[/]", began, f"{run.run_s:.0f} s", escape(run.name))
    return table
