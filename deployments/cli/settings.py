"""`ecg settings`: what holds on this machine, and whence; secrets are masked."""

import json
from typing import Annotated

import typer

from deployments.cli.options import DebugPrefect
from ecg_audio.errors import EcgError, InvalidRequest


def settings(
    all_of_them: Annotated[bool, typer.Option("--all", help="Also what nobody has set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
    debug: DebugPrefect = False,
) -> None:
    """Show which settings hold here, and whence: the environment, a speech-engine block, or the default.

    Secrets are masked. docs/settings.md says what each one means.
    """
    from rich.markup import escape

    from deployments.service.session import use_engine_settings
    from deployments.terminal import out, print_error
    from ecg_audio.settings import GROUPS, held

    said: dict[str, dict[str, str]] = {}
    faults: list[EcgError] = []
    try:
        use_engine_settings()
    except EcgError as error:
        faults.append(error)
    for group in GROUPS:
        try:
            found = list(held(group))
        except InvalidRequest as error:
            faults.append(error)
            continue
        shown = [each for each in found if all_of_them or each.whence != "default"]
        said |= {each.variable: {"value": each.value, "whence": each.whence} for each in shown}
        if shown and not as_json:
            out.print(f"[bold]{group.title}[/]", highlight=False)
            for each in shown:
                line = f"  {each.variable} = {escape(each.value) or '[dim]unset[/]'}  [dim]{escape(each.whence)}[/]"
                out.print(line, highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(said, indent=2))  # noqa: T201 - for programs
    elif not said:
        out.print("nothing is set: the defaults hold (--all shows them)", highlight=False)
    for fault in faults:
        print_error(fault)
    raise typer.Exit(2 if faults else 0)
