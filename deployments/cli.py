"""`ecg`: the command line. Only arguments and help live here; each command's work is imported when it runs."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deployments.caption_commands import Debug, Result, Store, burn, captions
from deployments.operator_commands import blocks, forget, settings
from ecg_audio import modes
from ecg_audio.errors import EcgError

app = typer.Typer(
    name="ecg",
    help="Expressive captions: who said what, when and how, measured from the recording.",
    epilog="Start with: ecg analyze talk.mp4 · Something missing? ecg doctor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

OURS, USERS = 1, 2
"""Exit codes: a failure of ours (or of a far side), a mistake in what was asked."""


@app.command(no_args_is_help=True)
def analyze(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, http(s) addresses, s3:// keys or platform URLs.")
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder (or Prefect storage block) for results. [ECG_STORE, ./ecg-results]"
        ),
    ] = None,
    job_id: Annotated[
        str | None, typer.Option(help="Your id for the job; the same id goes on after a crash and replaces its result.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language code (en, ko, ...) or auto.")] = "auto",
    models: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="auto (the best here), embedded, or a Whisper model: a size, name or folder."
        ),
    ] = "auto",
    initial_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text to take for what was said before: names, spelling, style.")
    ] = None,
    hotwords: Annotated[str | None, typer.Option(metavar="WORDS", help="Words that are likely to be said.")] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Write down in English what is said.")] = False,
    sounds: Annotated[
        bool, typer.Option("--sounds/--no-sounds", help="Look for laughter, applause, music, noise and long pauses.")
    ] = True,
    speakers: Annotated[int | None, typer.Option(metavar="N", help="Exact number of speakers, if you know it.")] = None,
    min_speakers: Annotated[int | None, typer.Option(metavar="N", help="At least so many speakers.")] = None,
    max_speakers: Annotated[int | None, typer.Option(metavar="N", help="At most so many speakers.")] = None,
    audio_stream: Annotated[
        int | None, typer.Option(metavar="N", help="Which audio stream, from 0. [the file's default]")
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            metavar="auto|separate|mixed",
            help="separate: one person a channel, as in calls; mixed: not so; auto looks at two channels.",
        ),
    ] = "auto",
    max_gb: Annotated[float, typer.Option(help="Largest source, in GB.")] = 5.0,
    max_hours: Annotated[float, typer.Option(help="Longest recording, in hours.")] = 3.0,
    cookies: Annotated[
        str | None, typer.Option(metavar="BLOCK", help="A site-cookies block, for platform URLs.")
    ] = None,
    callback: Annotated[
        str | None, typer.Option(metavar="URL", help="A backend that is told how the jobs go, by callbacks.")
    ] = None,
    callback_endpoint: Annotated[
        str | None, typer.Option(metavar="BLOCK", help="A callback-endpoint block: address, and the secret that signs.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Do every stage again, whatever is cached.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per source on stdout, nothing else.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Analyse recordings: transcript, speakers, voice features, tables and captions.

    What is finished is kept: running the same command again, also after a crash, goes on where the last one ended.
    """
    from deployments import session

    session.quieten(debug=debug)
    from deployments.analysis import analyze_all

    raise typer.Exit(
        analyze_all(
            sources,
            {
                "job_id": job_id,
                "language": language,
                "models": models,
                "initial_prompt": initial_prompt,
                "hotwords": hotwords,
                "translate": translate,
                "sounds": sounds,
                "speakers": speakers,
                "min_speakers": min_speakers,
                "max_speakers": max_speakers,
                "audio_stream": audio_stream,
                "channels": channels,
                "store": out,
                "cookies": cookies,
                "callback": {"base_url": callback, "endpoint": callback_endpoint}
                if callback or callback_endpoint
                else None,
                "limits": {"max_bytes": int(max_gb * 1e9), "max_duration_s": max_hours * 3600.0},
            },
            refresh=refresh,
            as_json=as_json,
            debug=debug,
        )
    )


@app.command(no_args_is_help=True)
def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Lists (.csv, .jsonl), folders, S3 prefixes (ending in /), or sources."
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder (or Prefect storage block) for results and the summary."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Of rows that name none. [auto]")] = None,
    models: Annotated[str | None, typer.Option(metavar="NAME", help="Of rows that name none. [auto]")] = None,
    deployment: Annotated[
        str | None, typer.Option(metavar="FLOW/NAME", help="Do the jobs as its runs. [one after the other, here]")
    ] = None,
    at_once: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="How many runs may be under way.")] = 4,
    min_success: Annotated[float, typer.Option(min=0, max=1, help="Below this share of rows the batch fails.")] = 0.995,
    batch_id: Annotated[str | None, typer.Option(help="Names the summary. [a digest of the rows]")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Also do again what is published.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row on stdout, nothing else.")] = False,
    debug: Debug = False,
) -> None:
    """Analyse many recordings. The same batch again does only what is missing.

    A CSV's first line names request fields (source, job_id, language, speakers, callback.base_url, ...).
    """
    from deployments import session

    session.quieten(debug=debug)
    from deployments.batch import analyze_many

    raise typer.Exit(
        analyze_many(
            inputs,
            {"store": out, "language": language, "models": models},
            deployment=deployment,
            at_once=at_once,
            min_success=min_success,
            batch_id=batch_id,
            refresh=refresh,
            as_json=as_json,
        )
    )


@app.command()
def doctor(
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="The store to look at.")] = None,
    debug: Debug = False,
) -> None:
    """Say what is installed, which models are here, and whether store and server answer."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.doctor import examine

    raise typer.Exit(examine(out))


@app.command(no_args_is_help=True)
def show(
    result: Result,
    out: Store = None,
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Print a finished transcript, with speakers and how loud and high each word was said."""
    from deployments.show import show_result

    show_result(result, out)


@app.command("serve-models")
def serve_models(
    models: Annotated[str, typer.Option(metavar="NAME", help="Which are kept: auto, embedded, or a Whisper model.")] = (
        "auto"
    ),
    socket: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where it listens: in a folder that is closed to others. [the user's own]"),
    ] = None,
    most_waiting: Annotated[int, typer.Option(metavar="N", help="How many jobs may wait; more are told: busy.")] = 8,
    most_gb: Annotated[
        float, typer.Option(metavar="GB", help="A model process that holds more memory after a job is replaced.")
    ] = 16.0,
    debug: Debug = False,
) -> None:
    """Keep the speech models warm for this user's jobs on this machine (set ECG_MODEL_SERVER for those)."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.models import serve_models

    raise typer.Exit(serve_models(models, socket, most_waiting, most_gb))


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Where the gateway listens; others reach it only if this is not loopback.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's port.")] = 8080,
    prefect_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of the Prefect server and its UI, where none is configured.")
    ] = 4200,
    store: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder (or block) for results. [ECG_STORE, ./ecg-results]")
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
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Run the whole service here: Prefect server, workers, model server, gateway, reconciler. Ctrl-C ends it all."""
    from deployments.serve import Wanted, serve

    wanted = Wanted(host, port, prefect_port, store, models, limit, data, not no_models, drain, plain)
    raise typer.Exit(serve(wanted))


@app.command()
def deploy(
    pool_type: Annotated[
        str | None, typer.Option("--type", help="Of the work pools gpu and cpu: process, docker or ecs. [process]")
    ] = None,
    image: Annotated[str | None, typer.Option(help="What docker and ecs runs run in. [ecg-audio-analyzer]")] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(help="gpu, cpu or control, again for more: what nobody serves is left out. [all]"),
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a server.")] = 0.0,
    debug: Debug = False,
) -> None:
    """Tell a Prefect server (PREFECT_API_URL) what can be run: blocks, work pools, deployments, automations."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.deploy import deploy

    raise typer.Exit(deploy(pool_type, image, pool or (), wait))


@app.command("gateway")
def gateway_(
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Serve the backend's HTTP interface (ECG_GATEWAY_HOST, ECG_GATEWAY_PORT), in front of PREFECT_API_URL."""
    from gateway.__main__ import main as serve_gateway

    raise typer.Exit(serve_gateway())


models_app = typer.Typer(help="The speech models.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Languages = Annotated[
    list[str] | None,
    typer.Option("--language", metavar="CODE", help="Also the word aligner of a language; repeatable."),
]


@models_app.command("list")
def list_models(
    language: Languages = None,
    debug: Debug = False,
) -> None:
    """Say which models the settings name, and whether they are on this machine."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.models import list_models

    raise typer.Exit(list_models(language or []))


@models_app.command("plan")
def plan_models(
    hours: Annotated[float, typer.Option(min=0.0, max=24.0, help="How long the recording is.")] = 1.0,
    gpu_gb: Annotated[
        float | None, typer.Option(metavar="GB", min=0.1, help="Memory of the GPU to plan for. [this machine's]")
    ] = None,
    debug: Debug = False,
) -> None:
    """Say which stages would run how, and the GPU memory each is expected to take (ECG_WHISPERX_* decide)."""
    from deployments import session

    session.quieten(debug=debug)
    from deployments.models import plan_models

    raise typer.Exit(plan_models(hours, gpu_gb))


@models_app.command("fetch")
def fetch_models(
    wanted: Annotated[
        str, typer.Argument(metavar="[NAME]", help="auto, embedded, or a Whisper model.", show_default=True)
    ] = "auto",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Into a folder of their own. [the hub's cache]")
    ] = None,
    language: Languages = None,
    debug: Debug = False,
) -> None:
    """Get models from the hub (HF_TOKEN for those behind a licence), for here or for machines without a network.

    `ecg models fetch` gets what auto takes where it is here: the speaker pipeline, and on a GPU large-v3-turbo.
    `ecg models fetch small` gets a larger Whisper model for the CPU; then `ecg analyze --models small`, or
    ECG_WHISPERX_MODEL=small. `ecg models fetch embedded` gets the embedded one where its packages cannot be had.
    """
    from deployments import session

    session.quieten(debug=debug)
    from deployments.models import fetch_models

    raise typer.Exit(fetch_models(wanted, language or [], to))


@app.command("list")
def list_results(
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    out: Store = None,
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """List the results of a store, the newest first."""
    from deployments import listing

    listing.list_results(out, limit)


@app.command("open", no_args_is_help=True)
def open_report(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The job whose page is shown.")],
    out: Store = None,
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Open the page of a result in the browser."""
    from deployments import listing

    listing.open_report(job_id, out)


@app.command(no_args_is_help=True)
def export(
    result: Result,
    wanted: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="textgrid (Praat), eaf (ELAN), ctm, stm, rttm (scorers), or bundle (everything, in one ZIP).",
        ),
    ] = "bundle",
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write into.")] = Path(),
    out: Store = None,
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Write a finished result for annotators, for scorers, or whole, to be archived and cited.

    For example: ecg export JOB --format textgrid,eaf --to annotations · ecg export JOB
    """
    from deployments import export as work

    work.export(result, out, wanted, to)


@app.command(no_args_is_help=True)
def revise(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The job whose result is corrected.")],
    speaker: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="ID=NAME", help="A speaker's name; two with the same name become one."),
    ] = None,
    edits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The corrected transcript (.txt), subtitles (.srt, .vtt), or edits (.json)."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the latest corrections back.")] = False,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Correct a finished result: new words are found in the sound and measured, and everything is published again.

    For example: ecg revise JOB --speaker SPEAKER_00=Sheila · ecg captions JOB --format txt --to talk.txt, correct it,
    ecg revise JOB --edits talk.txt · ecg revise JOB --undo
    """
    from deployments import session

    session.quieten(debug=debug)
    from deployments.revise import revise_result

    revise_result(job_id, out, speaker or [], edits, undo=undo)


@app.command(no_args_is_help=True)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A question, or - to read it from standard input.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, to go on with.")] = False,
    out: Store = None,
    debug: Debug = False,  # noqa: ARG001 - `main` looks at it
) -> None:
    """Ask the tables of a store in SQL (DuckDB): recordings, segments, words, turns, frames.

    For example: ecg query "SELECT speaker, avg(f0_mean_hz) AS hz FROM words GROUP BY ALL ORDER BY ALL"
    """
    from deployments import query as work

    work.query(sql, out, as_csv=as_csv)


app.command(no_args_is_help=True)(captions)
app.command(no_args_is_help=True)(burn)
app.command(no_args_is_help=True)(forget)
app.command()(settings)
app.add_typer(blocks, name="blocks")


def main() -> None:
    """Run `ecg`; a failure with a name becomes two lines and an exit code."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is said as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        Path.home()
    except (
        RuntimeError
    ):  # a user without a name and HOME: libraries ask for it, also where other variables name folders
        os.environ["HOME"] = "/nonexistent"
    try:
        modes.begin()
        app()
    except EcgError as error:
        if debug:
            raise
        from deployments.terminal import print_error

        print_error(error)
        sys.exit(USERS if error.by_user else OURS)
    except KeyboardInterrupt:
        if debug:
            raise
        sys.stderr.write("\ninterrupted; the same command with the same --job-id goes on from here\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
