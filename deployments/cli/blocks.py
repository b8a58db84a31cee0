"""`ecg blocks register`: the blocks that the environment describes, on the configured Prefect server."""

import os

from rich.markup import escape

from deployments.service import session
from deployments.terminal import out

MARKS = {"made": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]", "left out": "[dim]-[/]"}


def register_blocks(*, lifecycle: bool) -> None:
    """Register, and print each block with what was done about it.

    Args:
        lifecycle: also give the bucket the rules that the environment makes.

    Raises:
        InvalidRequest: no server is configured, or a value cannot be used.
        PublishFailed: the bucket does not take the rules.
    """
    session.needs_server()
    from blocks.registration import register

    for block in register(os.environ):
        line = f"{MARKS[block.done]} [bold]{block.reference}[/] {block.done}: {escape(block.note)}"
        out.print(line, highlight=False, soft_wrap=True)
    if lifecycle:
        _set_lifecycle()


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
