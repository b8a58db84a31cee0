"""10,000 recordings' tables: size, questions, compaction: `python -m benchmarks.corpus [--recordings 10000]`.

Synthetic recordings over a month, each a file in each small table, and compacted on the way as finished jobs do it
(`--compact-after 0`: not at all). Five questions of docs/queries.md are asked as `ecg query` asks them, before
`ecg compact` and after, on two cores; files and bytes of both are stated. Before compaction each is asked for the
first time, when every small file is opened, and copied where they are many, and again, when that is done.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blocks.folder import FolderStore
from ecg_audio.results import compaction
from ecg_audio.settings import Files

QUESTIONS = (
    "Average F0 per speaker",
    "Words per minute per speaker",
    "Share of talk",
    "Hours, words and languages by month",
    "Who interrupts and who yields",
)
TITLED = re.compile(r"^#{2,3} (?P<title>[^\n]+)\n(?:(?!#)[^\n]*\n)*?```sql\n(?P<sql>.*?)```", re.M | re.S)
DAYS = 30
MODELS = 331
"""So many different recordings are made; the others are these under other names, next to none twice on a day."""


def publish(folder: Path, recordings: int, compact_after: int) -> float:
    """Lay out so many recordings' small tables in a store, a day's after another's.

    Returns:
        seconds that compaction took on the way.

    `MODELS` recordings are written as publishing writes them, the others are their bytes under other names. A job's
    name stands in a file as it is, being too short to be coded shorter, and gives way to another of the same length.
    """
    import pyarrow.parquet as pq

    from ecg_audio.results.tables import write_tables
    from tests.support.results import factory

    made, store, compacting_s = [], FolderStore(folder), 0.0
    for seed in range(MODELS):
        analysis = factory.analysis(60, 2, seed=seed, created_at="2026-03-01T08:00:00Z", job_id=_name(-1 - seed))
        paths = write_tables(analysis, None, folder / "made" / str(seed))
        made.append({name: path.read_bytes() for name, path in paths.items()})
    shutil.rmtree(folder / "made")
    for number in range(_begun(folder), recordings):
        seed = number % MODELS
        for name, content in reversed(made[seed].items()):  # recordings last
            day = folder / "features" / name / f"date=2026-03-{1 + number * DAYS // recordings:02d}"
            day.mkdir(parents=True, exist_ok=True)
            path = day / f"{_name(number)}.parquet"
            path.write_bytes(content.replace(_name(-1 - seed).encode(), _name(number).encode()))
            if number < 30:
                assert set(pq.read_table(path, columns=["job_id"])["job_id"].to_pylist()) <= {_name(number)}
        if compact_after and number % compact_after == 0:  # looked at after each job, this would find no more
            started = time.perf_counter()
            list(compaction.keep_few(store, compact_after, now=datetime.now(UTC) + 2 * compaction.SETTLED))
            compacting_s += time.perf_counter() - started
    return compacting_s


def _begun(folder: Path) -> int:
    """How many recordings are there already."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in (folder / "features" / "recordings").glob("*/*.parquet"))


def _name(number: int) -> str:
    """A job's name, the same one for the same number."""
    return str(uuid.UUID(bytes=hashlib.sha256(str(number).encode()).digest()[:16], version=4))


def ask(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each question in each round, from finding the files to the last row, as `ecg query` asks it."""
    import duckdb

    from deployments.cli.query import open_tables

    page = (Path(__file__).parents[1] / "docs" / "queries.md").read_text()
    answers = {found["title"]: found["sql"] for found in TITLED.finditer(page)}
    times: dict[str, list[float]] = {title: [] for title in QUESTIONS}
    for _ in range(rounds):
        for title in QUESTIONS:
            with duckdb.connect(config={"threads": 2}) as db:
                started = time.perf_counter()
                open_tables(db, str(folder), answers[title])
                rows = db.execute(answers[title]).fetchall()
                times[title].append(time.perf_counter() - started)
            assert rows
    return times


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    """Of each question's rounds."""
    return {title: statistics.median(seconds) for title, seconds in times.items()}


def size(folder: Path) -> dict[str, float]:
    """Files and megabytes of all tables."""
    files = [path.stat().st_size for path in (folder / "features").rglob("*.parquet")]
    return {"files": len(files), "megabytes": sum(files) / 1e6}


def run(recordings: int, rounds: int, store: Path | None, compact_after: int) -> dict[str, Any]:
    """The whole report, in a folder that goes again, or in one that an earlier run has begun to fill."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = store or Path(scratch)
        compacting_s = publish(folder, recordings, compact_after)
        report: dict[str, Any] = {"recordings": recordings, "cores": len(os.sched_getaffinity(0))}
        report |= {"compact_after": compact_after, "compacting_on_the_way_s": compacting_s}
        with tempfile.TemporaryDirectory() as cache:
            os.environ["ECG_CACHE_DIR"] = cache
            times = ask(folder, 1 + rounds)
            copied = [path.stat().st_size for path in Path(cache, "tables").rglob("*.parquet")]
        first = {title: seconds.pop(0) for title, seconds in times.items()}
        report["before"] = {**size(folder), "seconds_first": first, "seconds_again": medians(times)}
        report["copies"] = {"files": len(copied), "megabytes": sum(copied) / 1e6}
        started = time.perf_counter()
        list(compaction.compact(FolderStore(folder), before=datetime.now(UTC) + timedelta(minutes=1)))
        report["compaction_s"] = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as cache:
            os.environ["ECG_CACHE_DIR"] = cache
            report["after"] = {**size(folder), "seconds": medians(ask(folder, rounds))}
        return report


def main() -> None:
    """Entry of `python -m benchmarks.corpus`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", type=Path, help="a folder that stays, and is filled further where a run broke off")
    parser.add_argument("--compact-after", type=int, default=Files().compact_after, help="as the setting says it")
    options = parser.parse_args()
    print(json.dumps(run(options.recordings, options.rounds, options.store, options.compact_after), indent=2))


if __name__ == "__main__":
    main()
