"""Options that many commands have."""

from typing import Annotated

import typer


def _quieten(debug: bool) -> bool:
    from deployments.service import session

    session.quieten(debug=debug)
    return debug


Result = Annotated[str, typer.Argument(metavar="RESULT", help="A job id, or the path of an analysis or manifest.")]
Store = Annotated[str | None, typer.Option("--out", metavar="DIR", help="The store the job is in.")]
CallbackEndpoint = Annotated[
    str | None, typer.Option(metavar="BLOCK", help="A callback-endpoint block: address, and the secret that signs.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show logs and tracebacks.")]
"""`main` looks at it."""
DebugPrefect = Annotated[bool, typer.Option("--debug", help="Show logs and tracebacks.", callback=_quieten)]
"""Of commands that import Prefect: without it, Prefect does not chatter."""
