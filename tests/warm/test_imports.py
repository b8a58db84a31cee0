"""What the fork server knows of the code on disk, and has in memory for its jobs."""

import ast
import os
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.service.warm import imports, job

ROOT = Path(__file__).parents[2]


def test_folders_of_packages_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's Python names folders that nobody has made; one that appears is a change, one that changes too."""
    here, absent = tmp_path / "here", tmp_path / "absent"
    here.mkdir()
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(here), str(absent)])
    before = imports.Imported(imports._stamps(), {})
    assert not before.changed()
    os.utime(here, (1, 1))
    assert before.changed()
    before = imports.Imported(imports._stamps(), {})
    absent.mkdir()
    assert before.changed()


def test_what_stages_put_off_is_imported_ahead() -> None:
    """No job reads code of ours that its stages import when they come to it, but for what few jobs do."""
    said = "import sys, importlib\nfrom deployments.service.warm import imports\n"
    said += "[importlib.import_module(name) for name in imports.usual()]\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, cwd=ROOT)
    put_off = {name for file in (ROOT / "tasks").glob("*.py") for name in _imported_in_functions(file)}
    assert "ecg_audio.captions.html" in put_off
    assert put_off - set(run.stdout.split()) == {"ecg_audio.captions.burn", "ecg_audio.results.compaction"}


def _imported_in_functions(file: Path) -> Iterator[str]:
    functions = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
    for statement in (node for function in functions for node in ast.walk(function)):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("ecg_audio"):
            module = str(statement.module)
            inside = {file.stem for file in (ROOT / module.replace(".", "/")).glob("*.py")}
            names = [f"{module}.{alias.name}" for alias in statement.names if alias.name in inside]
            yield from names or [module]


def test_tables_can_be_made_ready_without_a_thread() -> None:
    """Tables can be made at once, and the process can be copied: it has one thread."""
    said = "from deployments.service.warm import imports; imports.ahead(['pandas', 'pyarrow.parquet'])"
    run = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("variable", "again"), [("PREFECT_LOGGING_LEVEL", True), ("NO_COLOR", True), ("MINE", False)])
def test_logging_is_set_up_again_where_it_depends_on_what_changed(
    variable: str, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job with other variables for its log has a log of its own; one without keeps the fork server's."""
    done: list[bool] = []
    monkeypatch.setattr("prefect.context.refresh_global_settings_context", lambda: None)
    monkeypatch.setattr("prefect.logging.configuration.setup_logging", lambda incremental: done.append(incremental))
    before = job._logging()
    monkeypatch.setenv(variable, "WARNING")
    job._reread_settings(before)
    assert done == ([False] if again else [])
