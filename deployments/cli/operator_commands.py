"""The arguments of what operators do: `ecg settings`, `ecg forget`, `ecg blocks`."""

from typing import Annotated

import typer

from deployments.cli.options import DebugPrefect, Store
from ecg_audio.errors import InvalidRequest

blocks = typer.Typer(help="The blocks on the Prefect server: store, callbacks, engine, secrets.", no_args_is_help=True)


def settings(
    all_of_them: Annotated[bool, typer.Option("--all", help="Also what nobody has set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
    debug: DebugPrefect = False,
) -> None:
    """Show which settings hold here, and whence: the environment, a speech-engine block, or the default.

    Secrets are masked. docs/settings.md says what each one means.
    """
    from deployments.cli.settings import show_settings

    raise typer.Exit(show_settings(all_of_them=all_of_them, as_json=as_json))


def forget(
    job_id: Annotated[str | None, typer.Argument(metavar="JOB_ID", help="The job to forget.")] = None,
    voice: Annotated[
        str | None, typer.Option("--voice", metavar="NAME", help="A known voice to forget instead of a job.")
    ] = None,
    out: Store = None,
    debug: DebugPrefect = False,
) -> None:
    """Remove every trace of a job: result, tables, receipt, runs in Prefect; its recording, unless others use it.

    With --voice: a voice that was remembered under a name. Results that it has named keep the name.
    """
    if (job_id is None) == (voice is None):
        raise InvalidRequest(
            "give a JOB_ID, or --voice NAME", hint="`ecg list` and `ecg voices list` say what there is."
        )
    if voice is not None:
        from deployments.cli import voices

        voices.forget(voice, out)
    elif job_id is not None:
        from deployments.cli.forget import forget_job

        forget_job(job_id, out)


@blocks.command("register")
def register_blocks(
    lifecycle: Annotated[
        bool, typer.Option("--lifecycle", help="Also give the bucket the rules of ECG_KEEP_..._DAYS.")
    ] = False,
    debug: DebugPrefect = False,
) -> None:
    """Make or update the blocks that the environment describes (S3_BUCKET_NAME, FASTAPI_BASE_URL, HF_TOKEN ...)."""
    from deployments.cli.blocks import register_blocks

    register_blocks(lifecycle=lifecycle)
