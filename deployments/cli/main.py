"""`ecg`: the command line. Only arguments and help live here; each command's work is imported when it runs."""

import io
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli import service_commands as serving
from deployments.cli.blocks import blocks
from deployments.cli.caption_commands import burn, captions
from deployments.cli.forget import forget
from deployments.cli.options import CallbackEndpoint, Debug, DebugPrefect, Result, Store
from deployments.cli.settings import settings
from deployments.cli.voices import voices
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


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ecg {metadata.version('ecg-audio-analyzer')}")
        raise typer.Exit


@app.callback()
def _ecg(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    del version


@app.command(no_args_is_help=True)
def analyze(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, http(s) addresses, s3:// keys or platform URLs.")
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder (or Prefect storage block) for results.",
            show_default="ECG_STORE, ./ecg-results",
        ),
    ] = None,
    job_id: Annotated[
        str | None,
        typer.Option(
            help="Your id for the job; the same id replaces its result.",
            show_default="the source's name, with a number where that is taken",
        ),
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
    voice_vectors: Annotated[
        bool, typer.Option("--voice-vectors", help="Keep each speaker's voice as a vector: biometric data.")
    ] = False,
    speakers: Annotated[int | None, typer.Option(metavar="N", help="Exact number of speakers, if you know it.")] = None,
    min_speakers: Annotated[int | None, typer.Option(metavar="N", help="At least so many speakers.")] = None,
    max_speakers: Annotated[int | None, typer.Option(metavar="N", help="At most so many speakers.")] = None,
    audio_stream: Annotated[
        int | None, typer.Option(metavar="N", help="Which audio stream, from 0.", show_default="the file's default")
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
    callback_endpoint: CallbackEndpoint = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Do every stage again, whatever is cached.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per source on stdout, nothing else.")
    ] = False,
    paths: Annotated[
        bool, typer.Option("--paths", help="Also say where each table and the captions in other styles lie.")
    ] = False,
    debug: DebugPrefect = False,
) -> None:
    """Analyse recordings: transcript, speakers, voice features, tables and captions.

    What is finished is kept: running the same command again, also after a crash, goes on where the last one ended.
    """
    from deployments.cli.analysis import analyze_all

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
                "voice_vectors": voice_vectors,
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
            paths=paths,
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
    language: Annotated[str | None, typer.Option(help="Of rows that name none.", show_default="auto")] = None,
    models: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of rows that name none.", show_default="auto")
    ] = None,
    deployment: Annotated[
        str | None,
        typer.Option(metavar="FLOW/NAME", help="Do the jobs as its runs.", show_default="one after the other, here"),
    ] = None,
    at_once: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="How many runs may be under way.")] = 4,
    min_success: Annotated[float, typer.Option(min=0, max=1, help="Below this share of rows the batch fails.")] = 0.995,
    batch_id: Annotated[
        str | None, typer.Option(help="Names the summary.", show_default="a digest of the rows")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Also do again what is published.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row on stdout, nothing else.")] = False,
    debug: DebugPrefect = False,
) -> None:
    """Analyse many recordings. The same batch again does only what is missing.

    A CSV's first line names request fields (source, job_id, language, speakers, callback.base_url, ...).
    """
    from deployments.cli.batch import analyze_many

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


@app.command(no_args_is_help=True)
def show(
    result: Result,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Print a finished transcript, with speakers and how loud and high each word was said."""
    from deployments.cli.show import show_result

    show_result(result, out)


@app.command("list")
def list_results(
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """List the results of a store, the newest first."""
    from deployments.cli import listing

    listing.list_results(out, limit)


@app.command()
def compact(
    older: Annotated[
        float, typer.Option("--older", metavar="MINUTES", min=0.0, help="Leave files alone that are newer than this.")
    ] = 60.0,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Make the many small files of a store's tables one a day, while others read and write.

    `ecg query`, `ecg_audio.results.reading` and the views of docs/queries.md read both alike. Killed at any point it
    loses nothing; run it again. Two at once leave each other's days alone, and say so. For example every night:
    ecg compact --out s3-bucket/main
    """
    from deployments.cli import compact as work

    work.compact(out, older)


@app.command("open", no_args_is_help=True)
def open_report(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The job whose page is shown.")],
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Open the page of a result in the browser."""
    from deployments.cli import listing

    listing.open_report(job_id, out)


@app.command(no_args_is_help=True)
def export(
    result: Result,
    wanted: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="textgrid (Praat), eaf (ELAN), ctm, stm, rttm (scorers), egemaps (CSV), or bundle (all, in a ZIP).",
        ),
    ] = "bundle",
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write into.")] = Path(),
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Write a finished result for annotators, for scorers, or whole, to be archived and cited.

    For example: ecg export JOB --format textgrid,eaf --to annotations · ecg export JOB
    """
    from deployments.cli import export as work

    work.export(result, out, wanted, to)


@app.command(no_args_is_help=True)
def revise(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The job whose result is corrected.")],
    speaker: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="WHO=NAME", help="A speaker's name; two with the same name become one."),
    ] = None,
    edits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The corrected transcript (.txt), subtitles (.srt, .vtt), or edits (.json)."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the latest corrections back.")] = False,
    unheard: Annotated[
        bool,
        typer.Option("--unheard", help="Also where the recording has been removed: new words are then not measured."),
    ] = False,
    callback: Annotated[
        str | None, typer.Option(metavar="URL", help="A backend that is told of the corrected result.")
    ] = None,
    callback_endpoint: CallbackEndpoint = None,
    out: Store = None,
    debug: DebugPrefect = False,
) -> None:
    """Correct a finished result: new words are found in the sound and measured, and everything is published again.

    For example: ecg revise JOB --speaker "Speaker 1=Sheila" · ecg captions JOB --format txt --to talk.txt, correct it,
    ecg revise JOB --edits talk.txt · ecg revise JOB --undo
    """
    from deployments.cli.revise import revise_result

    told = {"base_url": callback, "endpoint": callback_endpoint} if callback or callback_endpoint else None
    revise_result(job_id, out, speaker or [], edits, undo=undo, unheard=unheard, callback=told)


@app.command(no_args_is_help=True)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A question, or - to read it from standard input.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, to go on with.")] = False,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Ask the tables of a store in SQL (DuckDB).

    They are recordings, segments, words, turns, speakers, exchanges, events and frames (docs/tables.md).
    For example: ecg query "SELECT speaker, avg(f0_mean_hz) AS hz FROM words GROUP BY ALL ORDER BY ALL"
    """
    from deployments.cli import query as work

    work.query(sql, out, as_csv=as_csv)


app.command(no_args_is_help=True)(captions)
app.command(no_args_is_help=True)(burn)
app.command(no_args_is_help=True)(forget)
app.command()(settings)
app.command()(serving.doctor)
app.command()(serving.serve)
app.command("serve-models")(serving.serve_models)
app.command("gateway")(serving.gateway)
app.command()(serving.deploy)
app.add_typer(serving.models, name="models")
app.add_typer(blocks, name="blocks")
app.add_typer(voices, name="voices")


def main() -> None:
    """Run `ecg`; a failure with a name becomes two lines and an exit code."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is said as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        Path.home()
    except RuntimeError:
        # a user without a name and HOME: libraries ask for it, also where other variables name folders
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
        sys.stderr.write("\ninterrupted; the same command goes on from here\n")
        sys.exit(130)
