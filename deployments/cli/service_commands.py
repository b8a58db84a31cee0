"""The arguments of what serves: `ecg serve`, `serve-models`, `gateway`, `deploy`, `doctor` and `ecg models`."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.options import Debug, DebugPrefect

models = typer.Typer(help="The speech models.", no_args_is_help=True)

Languages = Annotated[
    list[str] | None,
    typer.Option("--language", metavar="CODE", help="Also the word aligner of a language; repeatable."),
]


@models.command("list")
def list_models(
    language: Languages = None,
    debug: DebugPrefect = False,
) -> None:
    """Say which models the settings name, and whether they are on this machine."""
    from deployments.cli.models import list_models

    raise typer.Exit(list_models(language or []))


@models.command("plan")
def plan_models(
    hours: Annotated[float, typer.Option(min=0.0, max=24.0, help="How long the recording is.")] = 1.0,
    gpu_gb: Annotated[
        float | None,
        typer.Option(metavar="GB", min=0.1, help="Memory of the GPU to plan for.", show_default="this machine's"),
    ] = None,
    debug: DebugPrefect = False,
) -> None:
    """Say which stages would run how, and the GPU memory each is expected to take (ECG_WHISPERX_* decide)."""
    from deployments.cli.models import plan_models

    plan_models(hours, gpu_gb)


@models.command("fetch")
def fetch_models(
    wanted: Annotated[
        str, typer.Argument(metavar="[NAME]", help="auto, embedded, or a Whisper model.", show_default=True)
    ] = "auto",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Into a folder of their own.", show_default="the hub's cache"),
    ] = None,
    language: Languages = None,
    debug: DebugPrefect = False,
) -> None:
    """Get models from the hub (HF_TOKEN for those behind a licence), for here or for machines without a network.

    `ecg models fetch` gets what auto takes where it is here: the speaker pipeline, and on a GPU large-v3-turbo.
    `ecg models fetch small` gets a larger Whisper model for the CPU; then `ecg analyze --models small`, or
    ECG_WHISPERX_MODEL=small. `ecg models fetch embedded` gets the embedded one where its packages cannot be had.
    """
    from deployments.cli.models import fetch_models

    fetch_models(wanted, language or [], to)


def doctor(
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="The store to look at.")] = None,
    debug: DebugPrefect = False,
) -> None:
    """Say what is installed, which models are here, and whether store and server answer."""
    from deployments.cli.doctor import examine

    raise typer.Exit(examine(out))


def serve_models(
    models: Annotated[str, typer.Option(metavar="NAME", help="Which are kept: auto, embedded, or a Whisper model.")] = (
        "auto"
    ),
    socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where it listens: in a folder that is closed to others.",
            show_default="the user's own",
        ),
    ] = None,
    most_waiting: Annotated[int, typer.Option(metavar="N", help="How many jobs may wait; more are told: busy.")] = 8,
    most_gb: Annotated[
        float, typer.Option(metavar="GB", help="A model process that holds more memory after a job is replaced.")
    ] = 16.0,
    debug: DebugPrefect = False,
) -> None:
    """Keep the speech models warm for this user's jobs on this machine (set ECG_MODEL_SERVER for those)."""
    from deployments.cli.models import serve_models

    serve_models(models, socket, most_waiting, most_gb)


def serve(
    host: Annotated[
        str, typer.Option(help="Where the gateway listens; others reach it only if this is not loopback.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's port.")] = 8080,
    prefect_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of the Prefect server and its UI, where none is configured.")
    ] = 4200,
    store: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder (or block) for results.", show_default="ECG_STORE, ./ecg-results"),
    ] = None,
    models: Annotated[str, typer.Option(metavar="NAME", help="Of jobs: auto, embedded, or a Whisper model.")] = "auto",
    limit: Annotated[int, typer.Option("--limit", "--workers", metavar="N", min=1, help="Jobs at once.")] = 1,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the server's database and all logs; keep it.")
    ] = Path("ecg-data"),
    no_models: Annotated[bool, typer.Option("--no-models", help="Load models in each job, keep none warm.")] = False,
    drain: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long running jobs may take to end when it stops.")
    ] = 60.0,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a page.")] = False,
    debug: Debug = False,
) -> None:
    """Run the whole service here: Prefect server, workers, model server, gateway, reconciler. Ctrl-C ends it all."""
    from deployments.service.serve import ServeOptions, serve

    wanted = ServeOptions(host, port, prefect_port, store, models, limit, data, not no_models, drain, plain)
    raise typer.Exit(serve(wanted))


def deploy(
    pool_type: Annotated[
        str | None,
        typer.Option("--type", help="Of the work pools gpu and cpu: process, docker or ecs.", show_default="process"),
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="What docker and ecs runs run in.", show_default="ecg-audio-analyzer")
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(help="gpu, cpu or control, again for more: what nobody serves is left out.", show_default="all"),
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a server.")] = 0.0,
    debug: DebugPrefect = False,
) -> None:
    """Tell a Prefect server (PREFECT_API_URL) what can be run: blocks, work pools, deployments, automations."""
    from deployments.cli.deploy import deploy

    deploy(pool_type, image, pool or (), wait)


def gateway(
    debug: Debug = False,
) -> None:
    """Serve the backend's HTTP interface (ECG_GATEWAY_HOST, ECG_GATEWAY_PORT), in front of PREFECT_API_URL."""
    from gateway.__main__ import main as serve_gateway

    raise typer.Exit(serve_gateway())
