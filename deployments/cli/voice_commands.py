"""The arguments of `ecg voices`."""

from typing import Annotated

import typer

from deployments.cli.options import Debug, DebugPrefect, Store

voices = typer.Typer(
    help="People who are known by their voices, because somebody asked for it: later recordings then name them.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@voices.command("add", no_args_is_help=True)
def add(
    name: Name,
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="A job in whose recording they speak.")],
    speaker: Annotated[str, typer.Argument(metavar="SPEAKER", help='Who they are in its result, as "Speaker 1".')],
    out: Store = None,
    debug: DebugPrefect = False,
) -> None:
    """Remember the voice of a job's speaker: at least 5 s in which nobody else speaks.

    Another voice of the same name is replaced. A voice is biometric data: ask the person first.
    For example: ecg voices add Sheila two_cities "Speaker 1"
    """
    from deployments.cli import voices as work

    work.add(name, job_id, speaker, out)


@voices.command("list")
def list_voices(
    out: Store = None,
    debug: Debug = False,
) -> None:
    """List the names that are known by their voices."""
    from deployments.cli import voices as work

    work.show(out)


@voices.command("remove", no_args_is_help=True)
def remove(
    name: Name,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Forget a voice, as `ecg forget --voice NAME` does."""
    from deployments.cli import voices as work

    work.forget(name, out)
