"""`ecg blocks register`: the blocks that the environment describes, on the configured Prefect server."""

import os

from rich.markup import escape

from deployments import session
from deployments.terminal import out
from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import Models

MARKS = {"made": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]", "left out": "[dim]-[/]"}


def register_blocks(*, lifecycle: bool) -> int:
    """Register, and print each block with what was done about it. Returns 0.

    Args:
        lifecycle: also give the bucket the rules that the environment makes.

    Raises:
        InvalidRequest: no server is configured, or a value cannot be used.
        PublishFailed: the bucket does not take the rules.
    """
    needs_server()
    from blocks.registration import register

    for block in register(os.environ):
        line = f"{MARKS[block.done]} [bold]{block.reference}[/] {block.done}: {escape(block.note)}"
        out.print(line, highlight=False, soft_wrap=True)
    if lifecycle:
        _set_lifecycle()
    return 0


def _set_lifecycle() -> None:
    from blocks.bucket import BucketStore
    from blocks.registration import store_name
    from blocks.retention import set_lifecycle
    from blocks.storage import BUCKET, open_store

    named = BUCKET + store_name(os.environ)
    store = open_store(named)
    assert isinstance(store, BucketStore)
    for rule in set_lifecycle(store):
        out.print(f"  {store.uri(rule.folder)}/ goes after {rule.days} days", highlight=False, soft_wrap=True)
    out.print("  what no rule names is kept for ever", highlight=False)


def use_engine_settings() -> None:
    """Let ECG_ENGINE_SETTINGS's block say what the environment does not; where it is not set, Prefect stays unimported.

    Raises:
        InvalidRequest: no server is configured, or it has no such block.
    """
    if Models.read().engine_settings:
        needs_server()
        from blocks.engine import use_settings

        use_settings()


def needs_server() -> None:
    """Raise `InvalidRequest` unless a Prefect server is configured: blocks live there."""
    if session.configured() is None:
        raise InvalidRequest(
            "blocks are kept by a Prefect server, and none is configured",
            hint="Set PREFECT_API_URL, such as http://127.0.0.1:4200/api.",
        )
