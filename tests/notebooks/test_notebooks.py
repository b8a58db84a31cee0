"""The analysts' notebooks, run from start to end on a corpus the tests make."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support import notebook_material as material
from tests.support.results import corpus

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = ("conversation", "corpus", "first_look", "quality", "speakers")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The store, the references, and places for what Jupyter and matplotlib write about themselves."""
    folder = tmp_path_factory.mktemp("notebooks")
    return {
        "ECG_STORE": material.store(folder / "store"),
        "ECG_REFERENCES": material.references(folder / "references"),
        "IPYTHONDIR": folder / "ipython",
        "JUPYTER_CONFIG_DIR": folder / "jupyter",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "MPLCONFIGDIR": folder / "matplotlib",
    }


def _run(name: str, outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch, probe: str) -> tuple[Any, Any]:
    """Run a notebook and then `probe`, an expression for something its cells left behind.

    Returns:
        The outputs of the notebook's own cells, and the probe's value.
    """
    for variable, path in outside.items():
        monkeypatch.setenv(variable, str(path))
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({probe}))"))
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    *own, last = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in own for output in cell.outputs], json.loads(last.outputs[-1]["text"])


def _check_shown(outputs: list[Any]) -> None:
    """At least one picture, at least one table, and nothing on stderr."""
    shown = [output["data"] for output in outputs if "data" in output]
    assert any("image/png" in data for data in shown)
    assert any("<table" in data.get("text/html", "") for data in shown)
    assert "<table" in shown[-1]["text/html"]
    complaints = [output["text"] for output in outputs if output.get("name") == "stderr"]
    # the first picture on a slow machine takes a while, and matplotlib says so
    assert [text for text in complaints if "building the font cache" not in text] == []


@pytest.mark.slow
def test_the_first_look_shows_the_newest_recording(outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a job named, the newest is shown, with all its words and the speakers by name."""
    outputs, probed = _run("first_look", outside, monkeypatch, "[job_id, len(words), speakers]")
    newest = corpus.recordings()[-1]
    assert probed == [newest.job_id, len(newest.words), [speaker.id for speaker in newest.speakers]]
    _check_shown(outputs)


@pytest.mark.slow
def test_a_conversation_has_its_exchanges(outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording with the most exchanges is shown, with all of them and everybody who takes part."""
    outputs, probed = _run("conversation", outside, monkeypatch, "[job_id, len(exchanges), speakers]")
    most = max(corpus.recordings(), key=lambda one: len(one.exchanges or ()))
    assert probed == [most.job_id, len(most.exchanges or ()), [speaker.id for speaker in most.speakers]]
    _check_shown(outputs)


@pytest.mark.slow
def test_the_corpus_has_every_voice(outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One row for each speaker of each recording, with their median F0."""
    outputs, probed = _run(
        "corpus", outside, monkeypatch, "{f'{v.title} {v.speaker}': v.f0_hz for v in voices.itertuples()}"
    )
    _check_shown(outputs)
    expected = {}
    for analysis in corpus.recordings():
        for speaker in analysis.speakers:
            expected[f"{analysis.title} {speaker.id}"] = pytest.approx(speaker.pitch.median_hz, rel=1e-4)
    assert probed == expected


@pytest.mark.slow
def test_quality_finds_the_mistakes_that_were_made(outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every eighth word wrong, every start 20 ms late, the turns right, and no figure without a reference."""
    outputs, probed = _run("quality", outside, monkeypatch, "json.loads(quality.to_json(orient='index'))")
    _check_shown(outputs)
    first, second, third = (probed[f"meeting-{number:02d}"] for number in (1, 2, 3))
    for row, analysis in zip((first, second, third), corpus.recordings(), strict=False):
        wrong = sum(index % material.WRONG_EVERY == 0 for index in range(len(analysis.words)))
        assert row["wer_percent"] == pytest.approx(100 * wrong / material.comparable(analysis), rel=0.1)
    assert first["median_start_error_ms"] == pytest.approx(20, abs=0.6)
    assert first["p90_start_error_ms"] == pytest.approx(20, abs=0.6)
    assert third["median_start_error_ms"] is None
    assert first["der_percent"] == pytest.approx(0, abs=0.1)
    assert second["der_percent"] is None


@pytest.mark.slow
def test_speakers_are_recognised_again(outside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The voices of six recordings are four people, each found in the recordings they were cast in."""
    outputs, probed = _run("speakers", outside, monkeypatch, "sorted(people['recordings'].tolist())")
    _check_shown(outputs)
    cast = [person for persons in corpus.CASTS for person in persons]
    assert probed == sorted(cast.count(person) for person in set(cast))


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_committed_without_results(name: str) -> None:
    """Small, no outputs, no counts, no absolute paths; each begins with a title."""
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(text) < 20_000
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        assert not re.search(r"""["'\s](/[a-z]+/|[A-Z]:\\|~/)""", cell.source)
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_every_notebook_is_run() -> None:
    """A new notebook needs a test of its own."""
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)
