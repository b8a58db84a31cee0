"""The examples in docstrings say what happens."""

import doctest
import importlib
from pathlib import Path

import pytest

from ecg_audio.results import document
from tests.support.results import corpus, factory

MODULES = (
    *(f"captions.{name}" for name in ("boundaries", "breaks", "reading", "text", "timing")),
    *(f"voice.{name}" for name in ("conversation", "filled_pauses", "frames", "statistics")),
    *(f"results.{name}" for name in ("columns", "document", "egemaps", "intervals", "queries", "reading", "rttm")),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run: a store with one job of twelve words, and that job's document."""
    found = tmp_path_factory.mktemp("examples")
    talk = factory.analysis(12, job_id="talk")
    corpus.publish(found / "ecg-results", [talk])
    (found / "analysis.json").write_bytes(document.dumps(talk))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every module named here has an example, and all of them give what they say."""
    monkeypatch.chdir(folder)
    found = doctest.testmod(importlib.import_module(f"ecg_audio.{name}"))
    assert found.attempted and not found.failed
