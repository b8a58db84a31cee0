"""What people see on a terminal: live progress, an outcome, an error. All of it on stderr except results."""

import shlex
import sys
from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from typing_extensions import override

from ecg_audio.duration import length
from ecg_audio.errors import EcgError
from ecg_audio.logs import visible
from ecg_audio.progress import Snapshot, StageState
from ecg_audio.results.outcome import Outcome


class Terminal(Console):
    """A console on which nothing that is printed commands the terminal, wherever it came from.

    Rich's own colours and movements are made of what is rendered here, and pass.
    """

    @override
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


out = Terminal()
err = Terminal(stderr=True)

MARKS = {"completed": "[green]✓[/]", "cached": "[cyan]↺[/]", "failed": "[red]✗[/]", "skipped": "[dim]–[/]"}


class LiveProgress:
    """A job's progress, redrawn in place on a terminal; plain lines, one a stage, where there is none.

    Args:
        title: what is worked on.
        quiet: show nothing.
        named: begin each plain line with the title, where there are several jobs.
    """

    def __init__(self, title: str, *, quiet: bool, named: bool = False) -> None:
        self._quiet = quiet
        self._title = title
        self._named = f"{title}: " if named else ""
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=err,
            transient=True,
            disable=quiet or not err.is_terminal,
        )
        self._total: TaskID | None = None
        self._rows: dict[str, TaskID] = {}
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        self._total = self._bars.add_task(f"[bold]{escape(self._title)}", total=100, note="starting")
        self._bars.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bars.stop()

    def listen(self, snapshot: Snapshot) -> None:
        """Take a report (a `progress.Listener`)."""
        if self._quiet:
            return
        changed = next(state for state in snapshot.stages if state.name == snapshot.changed)
        if not err.is_terminal:
            self._say(changed, snapshot)
            return
        if changed.name not in self._rows:
            self._rows[changed.name] = self._bars.add_task(f"  {changed.name}", total=1.0, note="")
        note = "" if changed.status == "running" else changed.status
        self._bars.update(self._rows[changed.name], completed=changed.fraction, note=note)
        assert self._total is not None
        running = ", ".join(state.name for state in snapshot.stages if state.status == "running")
        self._bars.update(self._total, completed=snapshot.percent, note=running)

    def _say(self, changed: StageState, snapshot: Snapshot) -> None:
        # one line when a stage starts, one when it ends: logs stay readable
        line = f"{changed.name} {changed.status}"
        if line not in self._said:
            self._said.add(line)
            took = f" in {changed.duration_s:.1f} s" if changed.duration_s is not None else ""
            said = f"{self._named}{snapshot.percent:3.0f}% {line}{took}"
            err.print(said, highlight=False, markup=False, soft_wrap=True)


def write_json(document: BaseModel) -> None:
    """One line of JSON on stdout, for programs; what is no letter stands in it as an escape."""
    plain = document.model_dump_json().translate({code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)})
    write_document(plain + "\n")


def write_document(text: str) -> None:
    """A document on stdout, in UTF-8 as in a file, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def print_error(error: EcgError) -> None:
    """One line of what happened, one of what to do."""
    err.print(f"[bold red]error[/] {escape(error.message)} [dim]({error.code})[/]", highlight=False, soft_wrap=True)
    err.print(f"[bold]hint[/]  {escape(error.hint)}", highlight=False, soft_wrap=True)


def print_outcome(ended: Outcome, store: str | None, *, paths: bool, title: str | None = None) -> None:
    """A summary with the times of the stages, the warnings and where everything lies; the page's address comes last.

    Args:
        ended: a job that has a result.
        store: where it was asked to lie; None: where commands look by themselves.
        paths: whether the tables and the captions in other styles are named, too.
        title: what the recording is called; None: its job id says enough.
    """
    assert ended.job_id and ended.outputs and ended.duration_s is not None
    called = f"{escape(title)} · " if title else ""
    out.print(
        f"\n[bold]{escape(ended.job_id)}[/]  {called}{ended.status} · {length(ended.duration_s)} · "
        f"{ended.words} words · {ended.speakers} speakers · {ended.language} · "
        f"{escape(ended.transcription_model or '')}",
        highlight=False,
        soft_wrap=True,
    )
    out.print(_stage_table(ended))
    for warning in ended.warnings:
        out.print(f"[yellow]![/] {escape(warning.message)} [dim]({warning.code})[/]", highlight=False, soft_wrap=True)
    shown = ended.outputs.model_dump(exclude={"tables", "presets", "report"})
    if paths:
        shown |= ended.outputs.presets | ended.outputs.tables
    for name, path in shown.items():
        out.print(f"  {name:<{max(map(len, shown))}}  {escape(path)}", highlight=False, soft_wrap=True)
    lies = f" --out {shlex.quote(store)}" if store else ""
    out.print(f"\nRead it: [bold]ecg show {escape(ended.job_id + lies)}[/]", highlight=False, soft_wrap=True)
    out.print(f"See it:  {escape(ended.outputs.report)}", highlight=False, soft_wrap=True)


def _stage_table(ended: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("stage")
    table.add_column("time", justify="right")
    table.add_column("× real time", justify="right")
    table.add_column("")
    for stage in ended.stages:
        table.add_row(
            f"{MARKS[stage.status]} {stage.name}",
            "" if stage.duration_s is None else length(stage.duration_s),
            # what took no time to speak of has no speed either
            f"{stage.real_time_ratio:.1f}" if stage.real_time_ratio and (stage.duration_s or 0) >= 0.05 else "",
            "" if stage.status == "completed" else f"{stage.status} {stage.error_code or ''}",
        )
    return table
