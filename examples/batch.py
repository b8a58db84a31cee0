"""A folder of recordings as a batch, each with what is known of it.

    python examples/batch.py FOLDER > list.csv
    ecg batch list.csv --out results

The same batch again does only what is missing. `ecg batch FOLDER` needs no list; one says more about each recording.
"""

import csv
import sys
from pathlib import Path
from typing import TextIO

SUFFIXES = {".mp4", ".mkv", ".mov", ".webm", ".wav", ".mp3", ".flac", ".m4a"}


def write(folder: Path, target: TextIO) -> int:
    """Write a row for each recording: its id is its name, and a folder such as `ko` names its language.

    Returns:
        how many rows there are.
    """
    recordings = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    rows = csv.writer(target)
    rows.writerow(("source", "job_id", "language"))
    for path in recordings:
        named = path.parent.name
        rows.writerow((path.absolute(), path.stem, named if path.parent != folder and len(named) == 2 else "auto"))
    return len(recordings)


if __name__ == "__main__":
    sys.exit(0 if write(Path(sys.argv[1]), sys.stdout) else "no recordings there")
