"""`ecg voices`: which people are known by their voices, in a store."""

from rich.markup import escape
from rich.table import Column, Table

from blocks import known_voices
from blocks.storage import ArtifactStore, is_block, open_store, reference
from deployments.service.session import needs_server
from deployments.terminal import out
from ecg_audio.speech.voice_vectors import encoder_digest


def add(name: str, job_id: str, speaker: str, store: str | None) -> None:
    """Keep the voice of a job's speaker under a name.

    Raises:
        EcgError: as `blocks.known_voices.remember` does.
    """
    from blocks.engine import use_settings

    artifacts = _opened(store)
    use_settings()
    with out.status("listening to the voice"):
        kept = known_voices.remember(artifacts, name, job_id, speaker)
    out.print(
        f"[green]✓[/] {escape(kept.name)} is known by {kept.speech_s:.1f} s of speech; recordings that are analysed "
        f"from now on say so where they hear this voice. A voice is personal: ask whose it is.",
        highlight=False,
    )
    out.print(f"[dim]ecg forget --voice {escape(repr(kept.name))} takes it back[/]", highlight=False)


def show(store: str | None) -> None:
    """Print the names of known voices, since when and by how much speech. Never their vectors."""
    found = known_voices.known(_opened(store))
    if not found:
        out.print("no voice is known; [bold]ecg voices add NAME JOB SPEAKER[/] makes one known", highlight=False)
        return
    here = encoder_digest()
    table = Table(Column("name"), Column("speech", justify="right"), Column("since"), Column(""), box=None)
    for voice in found:
        other = "" if voice.encoder == here else "of another encoder: not compared; add it again"
        table.add_row(escape(voice.name), f"{voice.speech_s:.1f} s", voice.remembered_at[:10], other)
    out.print(table, highlight=False)


def forget(name: str, store: str | None) -> None:
    """Remove a voice.

    Raises:
        VoiceUnknown: there is none of this name.
        PublishFailed: the store does not let it go.
    """
    gone = known_voices.forget(_opened(store), name)
    out.print(
        f"[red]-[/] the voice of {escape(gone)}; results that it named before keep the name, which is all they have "
        "of it",
        highlight=False,
    )


def _opened(store: str | None) -> ArtifactStore:
    if is_block(reference(store)):
        needs_server()
    return open_store(store)
