"""`ecg list` and `ecg open`: the results that a store has, and the page of one."""

import webbrowser
from pathlib import Path

from rich.table import Column, Table

from blocks.storage import open_store
from deployments.terminal import out
from ecg_audio import layout
from ecg_audio.duration import length
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results import manifest, reading

COLUMNS = ("job_id", "created_at", "title", "duration_s", "language", "word_count", "speaker_count", "status")


def list_results(store: str | None, most: int) -> None:
    """Print the latest results, the newest first. A store without any says so.

    Raises:
        ResultNotFound: the store has no results.
    """
    artifacts = open_store(store)
    filesystem, root = artifacts.arrow()
    try:
        found = reading.recordings(root, columns=COLUMNS, filesystem=filesystem)
    except ResultNotFound:
        raise ResultNotFound(
            f"there are no results in {artifacts.reference}", hint="`ecg analyze` makes one; --out names another store."
        ) from None
    figures = [Column(name, no_wrap=True) for name in ("job", "when (UTC)", "length", "", "words", "voices")]
    table = Table(*figures, Column("title", overflow="fold"), box=None, pad_edge=False)
    for row in found.sort_values("created_at", ascending=False).head(most).to_dict("records"):
        table.add_row(
            row["job_id"],
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            length(row["duration_s"]),
            row["language"],
            str(row["word_count"]),
            str(row["speaker_count"]),
            row["title"] + ("" if row["status"] == "completed" else f" ({row['status']})"),
        )
    out.print(table, markup=False, highlight=False)
    if len(found) > most:
        out.print(f"{len(found) - most} more; --limit shows them", markup=False, highlight=False)


def open_report(job_id: str, store: str | None) -> None:
    """Open a result's page in the browser, and say where it lies.

    Raises:
        ResultNotFound: there is no such result.
        InvalidRequest: it lies in a store from which no link can be given.
    """
    artifacts = open_store(store)
    try:
        written = manifest.loads(artifacts.read(layout.manifest(job_id)))
    except ResultNotFound:
        raise ResultNotFound(f"no published result of {job_id} in {artifacts.reference}") from None
    key = written.outputs["report"].key
    path = Path(artifacts.uri(key))
    address = path.as_uri() if path.is_absolute() else artifacts.link(key, 3600.0)
    if address is None:
        raise InvalidRequest(f"the page of {job_id} lies where no browser gets: {artifacts.uri(key)}")
    out.print(address, markup=False, highlight=False, soft_wrap=True)
    webbrowser.open(address)
