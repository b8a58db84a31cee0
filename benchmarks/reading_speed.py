"""Can the captions be read? Reading speed and durations of the cues of finished results.

python -m benchmarks.reading_speed FOLDER...      # anything that holds analysis.json files
"""

import sys
from dataclasses import astuple
from pathlib import Path

from benchmarks.legibility import legibility
from ecg_audio.analysis import Analysis
from ecg_audio.captions.cues import CueSettings, cues


def main() -> None:
    """Print a table: a line a recording, and one over all of them."""
    files = sorted(file for folder in sys.argv[1:] for file in Path(folder).rglob("analysis.json"))
    if not files:
        sys.exit(__doc__)
    print(f"{'recording':24} cues  cps: median  p95   >target  >max   <min s  2 lines  2 speakers")
    everything = []
    for file in files:
        analysis = Analysis.model_validate_json(file.read_text("utf-8"))
        settings = CueSettings.for_language(analysis.language)
        found = cues(analysis.segments, settings)
        everything += found
        show(analysis.title, found, settings)
    show("all", everything, CueSettings())


def show(title: str, found: object, settings: CueSettings) -> None:
    """One line of the table."""
    figures = legibility(tuple(found), settings)  # type: ignore[arg-type]
    if figures is None:
        print(f"{title[:24]:24}    0")
        return
    count, middle, high, *shares = astuple(figures)
    print(f"{title[:24]:24} {count:4}       {middle:5.1f} {high:5.1f}   " + "  ".join(f"{s:6.1%}" for s in shares))


if __name__ == "__main__":
    main()
