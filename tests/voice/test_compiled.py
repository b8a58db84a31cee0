"""Compiled: where machine code is kept."""

import os
import subprocess
import sys
from pathlib import Path

from ecg_audio.voice.kernels import compiled

REPOSITORY = Path(__file__).parents[2]


def read_only(monkeypatch, *, besides=()):
    """Make folders unwritable to this process, as far as it can tell."""
    real = os.access
    locked = (str(compiled.PACKAGE), *map(str, besides))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(locked) and real(path, mode))


def test_the_users_choice_is_obeyed(monkeypatch, tmp_path):
    """NUMBA_CACHE_DIR decides, if it is set."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compiled.cache_folder(compiled.PACKAGE) == tmp_path


def test_a_read_only_install_falls_back(monkeypatch, tmp_path):
    """Where the package cannot be written the user's cache is taken, else a private temporary folder."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert compiled.cache_folder(tmp_path) == tmp_path / "__pycache__"
    read_only(monkeypatch)
    assert compiled.cache_folder(compiled.PACKAGE) == tmp_path / "home" / "ecg-audio-analyzer"
    read_only(monkeypatch, besides=[tmp_path / "home"])
    assert compiled.cache_folder(compiled.PACKAGE) == tmp_path / f"ecg-numba-{os.getuid()}"


def test_a_folder_that_others_can_write_is_not_trusted(monkeypatch, tmp_path):
    """Code is not loaded from where somebody else may have put it."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = tmp_path / "home" / "ecg-audio-analyzer"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    read_only(monkeypatch)
    assert compiled.cache_folder(compiled.PACKAGE) == tmp_path / f"ecg-numba-{os.getuid()}"


def test_measuring_imports_no_heavy_neighbour():
    """A process that measures pays neither for torch nor for librosa nor for Prefect."""
    script = """
import sys
import numpy as np
from ecg_audio.voice.expression import express
from ecg_audio.voice.frames import measure
batch, = measure([np.zeros(1600, np.float32)])
express((), (), batch, 0.1)
print(sorted({"torch", "librosa", "prefect", "pandas", "pyannote", "whisperx"} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ran.stdout.strip() == "[]"
