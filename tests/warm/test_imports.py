"""What the fork server knows of the code on disk."""

import os
import site
from pathlib import Path

import pytest

from deployments.service.warm import imports


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
