"""`ecg voices`: which people are known by their voices, in a store."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import Debug, DebugPrefect, Store

if TYPE_CHECKING:
    from ecg_audio.store import ArtifactStore

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
    from rich.markup import escape

    from blocks import known_voices
    from blocks.engine import use_settings
    from deployments import terminal

    artifacts = _opened(out)
    use_settings()
    with terminal.out.status("listening to the voice"):
        kept = known_voices.remember(artifacts, name, job_id, speaker)
    terminal.out.print(
        f"[green]✓[/] {escape(kept.name)} is known by {kept.speech_s:.1f} s of speech; recordings that are analysed "
        f"from now on say so where they hear this voice. A voice is personal: ask whose it is.",
        highlight=False,
    )
    terminal.out.print(f"[dim]ecg forget --voice {escape(repr(kept.name))} takes it back[/]", highlight=False)


@voices.command("list")
def list_voices(
    out: Store = None,
    debug: Debug = False,
) -> None:
    """List the names that are known by their voices."""
    from rich.markup import escape
    from rich.table import Column, Table

    from blocks import known_voices
    from deployments import terminal
    from ecg_audio.speech.voice_vectors import encoder_digest

    found = known_voices.known(_opened(out))
    if not found:
        none = "no voice is known; [bold]ecg voices add NAME JOB SPEAKER[/] makes one known"
        terminal.out.print(none, highlight=False)
        return
    here = encoder_digest()
    table = Table(Column("name"), Column("speech", justify="right"), Column("since"), Column(""), box=None)
    for voice in found:
        other = "" if voice.encoder == here else "of another encoder: not compared; add it again"
        table.add_row(escape(voice.name), f"{voice.speech_s:.1f} s", voice.remembered_at[:10], other)
    terminal.out.print(table, highlight=False)


@voices.command("remove", no_args_is_help=True)
def remove(
    name: Name,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Forget a voice, as `ecg forget --voice NAME` does."""
    from rich.markup import escape

    from blocks import known_voices
    from deployments import terminal

    gone = known_voices.forget(_opened(out), name)
    terminal.out.print(
        f"[red]-[/] the voice of {escape(gone)}; results that it named before keep the name, which is all they have "
        "of it",
        highlight=False,
    )


def _opened(store: str | None) -> "ArtifactStore":
    from blocks.storage import is_block, open_store, reference
    from deployments.service.session import needs_server

    if is_block(reference(store)):
        needs_server()
    return open_store(store)
