"""How far the voice's figures can be trusted, as measured: for the tables' metadata and docs/features.md.

`repeatability.json` is written by `python -m benchmarks.repeatability`; `python -m ecg_audio.results.trust >
docs/features.md` renews the page from it alone.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("repeatability.json")

GOOD, POOR = 0.75, 0.5
"""Koo and Li (2016): an ICC of 0.75 and more is good, below 0.5 poor."""
LEAST_PRESENT = 0.5
"""A column that is lost in more than this share of the pieces is not to be relied on, however well the rest agree."""
LENGTHS = {
    "frames": "frame",
    "words": "word",
    "segments": "segment",
    "turns": "segment",
    "speakers": "speaker",
    "recordings": "speaker",
}
"""Which pieces stand for a table's rows: longer ones than speakers' are at least as repeatable."""
LEAST_R = 0.8

EXPLAINED: dict[str, str] = {}
"""Why a column that agrees with Praat by less than `LEAST_R` does so."""


_INTRODUCTION = """# How far the voice's figures can be trusted

Measured on {recordings} recordings ({seconds} s) of read, spontaneous and overlapping speech: the same speech as it is,
and as it arrives under another condition. **ICC(2,1)** says how much of what differs between pieces of speech is still
told after the change: 1 all of it, 0 nothing; from 0.75 it is called good, below 0.5 poor. **Bias** is the mean change
and the **limits** hold 95 % of the changes, in the column's unit. A figure in *italics* is poor, or the column is lost
in more than half of the pieces: such a column should not be compared under that condition, and its metadata in Parquet
(`advised_against`) says so. These are properties of the columns on this material, not of voices in general, and no
column here is a diagnosis. Speakers are stretches of 12 s, and recordings are taken for as repeatable as these. Not
looked at: how segments compare with their speaker's others, the source's own figures, and what follows from the words'
times and texts alone, such as pauses.

This page is generated: `python -m benchmarks.repeatability --material DIR` measures anew, and
`python -m ecg_audio.results.trust > docs/features.md` renews the page alone. `python -m benchmarks.features` compares
with known answers and with Praat.
"""


@functools.cache
def load() -> dict[str, Any]:
    """What was measured; empty where nothing has been."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def agreements(table: str, column: str) -> dict[str, dict[str, Any]]:
    """The agreement of a table's column under each condition; empty for what was not looked at."""
    report = load()
    found: dict[str, dict[str, Any]] = report.get("figures", {}).get(LENGTHS.get(table, ""), {}).get(column, {})
    return found


def advised_against(table: str, column: str) -> list[str]:
    """Conditions under which a column is not to be compared with others: poor agreement, or mostly lost."""
    return [name for name, one in agreements(table, column).items() if _is_poor(one)]


def metadata(table: str, column: str) -> dict[str, str]:
    """What a column's Parquet metadata says of its repeatability: nothing where it was not looked at.

    `repeatability` is a JSON object: ICC(2,1) by condition, null where it could not be had; `advised_against` names
    the conditions under which the column should not be compared.
    """
    found = agreements(table, column)
    if not found:
        return {}
    return {
        "repeatability": json.dumps({name: one["icc"] for name, one in found.items()}),
        "advised_against": json.dumps(advised_against(table, column)),
    }


def in_short(table: str, column: str) -> str:
    """A column's repeatability in a few words; empty where it was not looked at."""
    found = [one["icc"] for one in agreements(table, column).values() if one["icc"] is not None]
    against = advised_against(table, column)
    told = [f"{min(found):.2f} to {max(found):.2f}"] if found else []
    return "; ".join([*told, *([f"not under {', '.join(against)}"] if against else [])])


def conditions() -> dict[str, str]:
    """What a table's metadata says of the conditions that `repeatability` names; nothing where none were measured."""
    found = load().get("conditions")
    return {"conditions": json.dumps(found)} if found else {}


def _is_poor(one: dict[str, Any]) -> bool:
    return one["icc"] is None or one["icc"] < POOR or one["pieces"] < LEAST_PRESENT * one["of"]


def markdown() -> str:
    """The page docs/features.md."""
    report = load()
    lines = [_INTRODUCTION.format(recordings=report["recordings"], seconds=report["seconds"])]
    for length, seconds in report["lengths_s"].items():
        lines += [f"## ICC over pieces of {seconds:g} s: {length}s", "", *_iccs(report, length)]
    for length in report["lengths_s"]:
        lines += [f"## Bias and limits of agreement, {length}s", "", *_limits(report, length)]
    lines += _praat(report)
    lines += _egemaps()
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Mapping[str, Iterable[str]]) -> list[str]:
    """A table in Markdown with a row for each of our columns, and an empty line."""
    cells = [["column", *head], *([f"`{column}`", *row] for column, row in rows.items())]
    first, *others = (f"| {' | '.join(row)} |" for row in cells)
    return [first, "|" + "---|" * len(cells[0]), *others, ""]


def _iccs(report: dict[str, Any], length: str) -> list[str]:
    def cell(one: dict[str, Any]) -> str:
        text = "–" if one["icc"] is None else f"{one['icc']:.2f}"
        return f"*{text}*" if _is_poor(one) else text

    conditions = report["conditions"]
    figures = report["figures"][length]
    rows = {column: [cell(found[name]) for name in conditions] for column, found in figures.items()}
    return _table(conditions.values(), rows)


def _limits(report: dict[str, Any], length: str) -> list[str]:
    from ecg_audio.results.schemas import TABLES  # which take their metadata from here

    def cell(one: dict[str, Any]) -> str:
        return "–" if one["bias"] is None else f"{one['bias']:+.3g} ({one['low']:.3g} to {one['high']:.3g})"

    conditions = report["conditions"]
    units = {field.name: (field.metadata or {})[b"unit"].decode() for field in TABLES[f"{length}s"]}
    rows = {
        column: [units[column], *(cell(found[name]) for name in conditions)]
        for column, found in report["figures"][length].items()
    }
    return _table(["unit", *conditions.values()], rows)


def _praat(report: dict[str, Any]) -> list[str]:
    found = report.get("against_praat") or {}
    if not found:
        return []
    rows = {
        column: [f"{row['r']:.3f}", f"{row['bias']:+.4g}", f"{row['praat_mean']:.4g}", str(row["compared"])]
        for column, row in found.items()
    }
    weak = [column for column, row in found.items() if row["r"] < LEAST_R]
    return [
        "## Against Praat",
        "",
        "Pieces of 3 s of the same recordings, Praat 6.1.38 beside us. Praat's CPP is CPPS, which smooths and scales",
        "otherwise; its alpha ratio is of the long-term spectrum, pauses included. Ours are means over frames.",
        "",
        *_table(["r", "our mean difference", "Praat's mean", "pieces"], rows),
        *(f"`{column}` agrees by less than {LEAST_R:g}: {EXPLAINED.get(column, 'not explained')}." for column in weak),
        "",
    ]


def _egemaps() -> list[str]:
    from ecg_audio.results import egemaps

    said = {"same": "theirs", "ours": "ours", None: "not measured"}
    found = {name: egemaps.definition(name) for name in egemaps.columns()}
    rows = {name: [said[one.ours], one.how, f"`{one.column}`" if one.column else ""] for name, one in found.items()}
    return [
        "## eGeMAPS, column by column",
        "",
        "The columns that `ecg export JOB --format egemaps` writes, whose definition each has, and the column of our",
        "tables that is the nearest. All other columns of ours are ours alone. Means, normed standard deviations,",
        "percentiles and the smoothing over three frames are as theirs. Where pitch decides which frames count, it is",
        "ours.",
        "",
        *_table(["definition", "what differs", "our tables' column"], rows),
    ]


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - printing is what this command is for
