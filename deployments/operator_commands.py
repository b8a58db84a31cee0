"""The arguments of what operators do with the store and the server's blocks: `ecg forget`, `ecg blocks`."""

from typing import Annotated

import typer

Debug = Annotated[bool, typer.Option("--debug", help="Show logs and tracebacks.")]

blocks = typer.Typer(help="The blocks on the Prefect server: store, callbacks, engine, secrets.", no_args_is_help=True)


def forget(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The job to forget.")],
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="The store the job is in.")] = None,
    debug: Debug = False,
) -> None:
    """Remove every trace of a job: result, tables, receipt, runs in Prefect; its recording, unless others use it."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.forget import forget_job

    raise typer.Exit(forget_job(job_id, out))


@blocks.command("register")
def register_blocks(
    lifecycle: Annotated[
        bool, typer.Option("--lifecycle", help="Also give the bucket the rules of ECG_KEEP_..._DAYS.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make or update the blocks that the environment describes (S3_BUCKET_NAME, FASTAPI_BASE_URL, HF_TOKEN ...)."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.blocks import register_blocks

    raise typer.Exit(register_blocks(lifecycle=lifecycle))
