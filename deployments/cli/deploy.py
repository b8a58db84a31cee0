"""`ecg deploy`: all that can be run, on the configured Prefect server."""

import asyncio
import os
import time
from collections.abc import Collection

from rich.markup import escape

from deployments import registration
from deployments.registration import Registered
from deployments.service import session
from deployments.terminal import out
from ecg_audio.errors import InvalidRequest

STEP_S = 0.2


def deploy(pools: str | None, image: str | None, only: Collection[str] = (), wait_s: float = 0.0) -> None:
    """Register everything, or what runs in some pools, one line a thing.

    Args:
        pools: type of the pools for jobs; None: as they are, else processes.
        image: what runs run in; None: the template's.
        only: names of pools; empty: all.
        wait_s: how long the server may take until it answers.

    Raises:
        InvalidRequest: no server is configured, there is no such type or pool, or a pool exists already with another
            type.
        OrchestratorUnavailable: the server does not answer.
    """
    if (api := session.configured()) is None:
        raise InvalidRequest(
            "no Prefect server is configured", hint="Set PREFECT_API_URL, such as http://127.0.0.1:4200/api."
        )

    wanted = registration.pool_type(pools) if pools else None
    counts = {"made": 0, "changed": 0, "unchanged": 0, "left out": 0, "removed": 0}

    def say(thing: Registered) -> None:
        counts[thing.done] += 1
        style = "bold green" if thing.done in {"made", "changed", "removed"} else "dim"
        out.print(f"[{style}]{thing.done:<10}[/]{thing.kind:<11} {escape(thing.name)}", highlight=False)

    async def run() -> None:
        async for thing in registration.register(wanted, image, only):
            say(thing)

    from blocks.registration import register as register_blocks

    deadline = time.monotonic() + wait_s
    while not session.reachable(api) and time.monotonic() < deadline:
        time.sleep(STEP_S)
    for block in register_blocks(os.environ):
        say(Registered("block", block.reference, block.done))
    asyncio.run(run())
    if counts["made"] + counts["changed"] + counts["removed"] == 0:
        out.print(f"nothing to do: all {counts['unchanged']} are as they should be", highlight=False)
    else:
        out.print(", ".join(f"{count} {done}" for done, count in counts.items() if count), highlight=False)
