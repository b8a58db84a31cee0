"""`ecg blocks register`: the blocks that the environment describes, on the configured Prefect server."""

import os
from typing import Annotated

import typer

from deployments.cli.options import DebugPrefect

blocks = typer.Typer(help="The blocks on the Prefect server: store, callbacks, engine, secrets.", no_args_is_help=True)

MARKS = {"made": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]", "left out": "[dim]-[/]"}


@blocks.command("register")
def register_blocks(
    lifecycle: Annotated[
        bool, typer.Option("--lifecycle", help="Also give the bucket the rules of ECG_KEEP_..._DAYS.")
    ] = False,
    debug: DebugPrefect = False,
) -> None:
    """Make or update the blocks that the environment describes (S3_BUCKET_NAME, FASTAPI_BASE_URL, HF_TOKEN ...)."""
    from rich.markup import escape

    from deployments.service import session
    from deployments.terminal import out

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
    from deployments.terminal import out

    named = BUCKET + store_name(os.environ)
    store = open_store(named)
    assert isinstance(store, BucketStore)
    for rule in set_lifecycle(store):
        out.print(f"  {store.uri(rule.folder)}/ goes after {rule.days} days", highlight=False, soft_wrap=True)
    out.print("  what no rule names is kept for ever", highlight=False)
