"""`ecg blocks register`: the blocks that the environment describes, on the configured Prefect server."""

import os

from rich.markup import escape

from deployments import session
from deployments.terminal import out
from ecg_audio.errors import InvalidRequest

MARKS = {"made": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]", "left out": "[dim]-[/]"}


def register_blocks() -> int:
    """Register, and print each block with what was done about it. Returns 0.

    Raises:
        InvalidRequest: no server is configured, or a value cannot be used.
    """
    _needs_server()
    from blocks.registration import register

    for block in register(os.environ):
        line = f"{MARKS[block.done]} [bold]{block.reference}[/] {block.done}: {escape(block.note)}"
        out.print(line, highlight=False, soft_wrap=True)
    return 0


def use_engine_settings() -> None:
    """Let ECG_ENGINE_SETTINGS's block say what the environment does not; where it is not set, Prefect stays unimported.

    Raises:
        InvalidRequest: no server is configured, or it has no such block.
    """
    if os.environ.get("ECG_ENGINE_SETTINGS"):
        _needs_server()
        from blocks.engine import use_settings

        use_settings()


def _needs_server() -> None:
    if session.configured() is None:
        raise InvalidRequest(
            "blocks are kept by a Prefect server, and none is configured",
            hint="Set PREFECT_API_URL, such as http://127.0.0.1:4200/api.",
        )
