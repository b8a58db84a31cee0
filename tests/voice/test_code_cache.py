"""Kept: where machine code lies."""

import os

from ecg_audio.voice.kernels import code_cache


def read_only(monkeypatch, *, besides=()):
    """Make folders unwritable to this process, as far as it can tell."""
    real = os.access
    locked = (str(code_cache.PACKAGE), *map(str, besides))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(locked) and real(path, mode))


def test_the_users_choice_is_obeyed(monkeypatch, tmp_path):
    """NUMBA_CACHE_DIR decides, if it is set."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert code_cache.cache_folder(code_cache.PACKAGE) == tmp_path


def test_a_read_only_install_falls_back(monkeypatch, tmp_path):
    """Where the package cannot be written the user's cache is taken, else a private temporary folder."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert code_cache.cache_folder(tmp_path) == tmp_path / "__pycache__"
    read_only(monkeypatch)
    assert code_cache.cache_folder(code_cache.PACKAGE) == tmp_path / "home" / "ecg-audio-analyzer"
    read_only(monkeypatch, besides=[tmp_path / "home"])
    assert code_cache.cache_folder(code_cache.PACKAGE) == tmp_path / f"ecg-numba-{os.getuid()}"


def test_a_folder_that_others_can_write_is_not_trusted(monkeypatch, tmp_path):
    """Code is not loaded from where somebody else may have put it."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = tmp_path / "home" / "ecg-audio-analyzer"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    read_only(monkeypatch)
    assert code_cache.cache_folder(code_cache.PACKAGE) == tmp_path / f"ecg-numba-{os.getuid()}"
