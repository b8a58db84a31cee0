"""`ecg settings`: what holds on this machine, and whence; secrets are masked."""

import json

from rich.markup import escape

from deployments.service.session import use_engine_settings
from deployments.terminal import out, print_error
from ecg_audio import settings
from ecg_audio.errors import EcgError, InvalidRequest


def show_settings(*, all_of_them: bool, as_json: bool) -> int:
    """Print the settings. Returns 0, or 2 where one cannot be used.

    Args:
        all_of_them: also those that nobody has set.
        as_json: one JSON object, by variable.
    """
    said: dict[str, dict[str, str]] = {}
    faults: list[EcgError] = []
    try:
        use_engine_settings()
    except EcgError as error:
        faults.append(error)
    for group in settings.GROUPS:
        try:
            held = list(settings.held(group))
        except InvalidRequest as error:
            faults.append(error)
            continue
        shown = [each for each in held if all_of_them or each.whence != "default"]
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
    return 2 if faults else 0
