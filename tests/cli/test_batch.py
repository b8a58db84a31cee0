import json
from pathlib import Path

import pytest

from tests.support.commands import Ecg
from tests.support.stub_engine import StubEngine


@pytest.mark.usefixtures("server")
def test_a_batch_on_the_command_line(ecg: Ecg, stub: StubEngine, talk: Path, tmp_path: Path) -> None:
    """One object a row, which names its source; a bad row, whatever its name, fails the batch with exit code 1.

    Without the bad one the rest is there already.
    """
    (tmp_path / "rows.csv").write_text(f'source,job_id\n{talk},one\n"two\nlines.wav",two\n')
    first = ecg("batch", "rows.csv", "--out", "store", "--json")
    found = [json.loads(line) for line in first.out.splitlines()]
    assert first.code == 1
    sources = [str(tmp_path / "two\nlines.wav"), str(talk)]
    assert [(row["status"], row["source"]) for row in found] == list(
        zip(["invalid", "completed"], sources, strict=True)
    )
    assert "2 rows: 1 completed, 1 invalid (50.0 % succeeded)" in first.err and "BATCH_FAILED" in first.err

    again = ecg("batch", "rows.csv", "--out", "store", "--min-success", "0.5", "--batch-id", "nightly")
    assert again.code == 0 and "1/2 ✓" in again.err and "2/2 ✗" in again.err and "published" in again.err
    assert (tmp_path / "store/batches/nightly/summary.json").exists()


def test_a_batch_that_makes_no_sense_starts_nothing(ecg: Ecg, tmp_path: Path) -> None:
    """A list without sources, and a deployment without a server: two lines, exit code 2."""
    (tmp_path / "rows.csv").write_text("url\na.mp4\n")
    wrong = ecg("batch", "rows.csv")
    assert (wrong.code, wrong.out) == (2, "") and "no column 'source'" in wrong.err
    (tmp_path / "rows.csv").write_text("source\na.mp4\n")
    nowhere = ecg("batch", "rows.csv", "--deployment", "analyze/analyze")
    assert nowhere.code == 2 and "needs a Prefect server" in nowhere.err
