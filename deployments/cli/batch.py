"""`ecg batch`: many recordings, here with models that are loaded once, or as runs of a deployment."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from rich.markup import escape

from deployments.service.session import configured, prefect_server, unwatched
from deployments.terminal import err, write_json
from ecg_audio import layout
from ecg_audio.batch.rows import rows
from ecg_audio.batch.summary import SUCCEEDED, Ended
from ecg_audio.errors import BatchFailed, InvalidRequest
from ecg_audio.request import AUTO


def analyze_many(
    inputs: list[str],
    options: Mapping[str, object],
    *,
    deployment: str | None,
    at_once: int,
    min_success: float,
    batch_id: str | None,
    refresh: bool,
    as_json: bool,
) -> int:
    """Do a batch and return the exit code: 0, or 1 if fewer rows succeeded than should.

    Raises:
        InvalidRequest: a deployment is named, and no server is configured that could have it.
    """
    if deployment and configured() is None:
        raise InvalidRequest(
            "--deployment needs a Prefect server",
            hint="Set PREFECT_API_URL, or leave the option out and the jobs are done here.",
        )
    asked: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    rows(inputs, asked, here=deployment is None)  # what makes no sense is said before anything is started
    with ExitStack() as stack:
        server = stack.enter_context(prefect_server())
        from flows.analyze_batch import analyze_batch
        from flows.batch_board import watching

        if server is not None:
            server.wait()
        if deployment is None:
            from ecg_audio.speech import engine

            stack.callback(engine.shared(asked.get("models", AUTO)).close)
        stack.enter_context(unwatched(server))
        stack.enter_context(watching(_say_json if as_json else _say))
        try:
            summary = analyze_batch(
                list(inputs),
                asked,
                deployment or "",
                in_process=deployment is None,
                at_once=at_once,
                min_success=min_success,
                batch_id=batch_id,
                refresh=refresh,
            )
        except BatchFailed as error:
            err.print(f"[bold red]error[/] {escape(error.message)} [dim]({error.code})[/]", highlight=False)
            err.print(f"[bold]hint[/]  {escape(error.hint)}", highlight=False)
            return 1
        err.print(f"{summary.sentence}; written to {layout.batch(summary.batch_id)}", highlight=False, soft_wrap=True)
        return 0


def _say(end: Ended, done: int, total: int) -> None:
    mark = "[green]✓[/]" if end.status in SUCCEEDED else "[red]✗[/]"
    why = f" {escape(end.error_message or '')} [dim]({end.error_code})[/]" if end.error_code else ""
    line = f"{done}/{total} {mark} {escape(end.source or end.where)} {end.status}{why}"
    err.print(line, highlight=False, soft_wrap=True)


def _say_json(end: Ended, _done: int, _total: int) -> None:
    write_json(end)
