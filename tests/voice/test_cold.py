"""Cold: the first measurement on a machine."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecg_audio.voice import cold
from ecg_audio.voice.kernels import code_cache
from tests.support import REPOSITORY


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What was asked to be compiled, on a machine that has nothing yet."""
    parts = []
    monkeypatch.setattr(code_cache, "folder", lambda: tmp_path / "kernels-of-a-test")
    monkeypatch.setattr(cold, "_compile", lambda part: parts.append(part) or True)
    return parts


def test_everything_is_compiled_once(asked):
    """However many want to measure at the same time, one compiles and the others wait for it."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cold.compile_once(), range(4)))
    assert sorted(asked) == sorted(cold.PARTS)
    assert not code_cache.is_cold()


def test_what_failed_is_not_called_done(asked, monkeypatch):
    """A compiler that fails leaves the machine cold: the kernels are compiled when they are called."""
    monkeypatch.setattr(cold, "_compile", lambda part: part != "pitch")
    cold.compile_once()
    assert code_cache.is_cold()


def test_a_compiler_that_ends_is_told(monkeypatch, caplog):
    """A helper that cannot compile is a warning with its reason, and no failure of the measurement."""
    assert not cold._compile("no such part")
    assert "no such part" in caplog.text


def test_where_nothing_can_be_kept_nobody_waits(asked, monkeypatch, tmp_path):
    """A folder that cannot be made ends in no lock, and in no failure."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(code_cache, "folder", lambda: tmp_path / "file" / "kernels")
    cold.compile_once()
    assert sorted(asked) == sorted(cold.PARTS)


def test_they_are_loaded_where_they_are_compiled(asked, monkeypatch):
    """A process that is copied has them from its beginning; on a machine that has none it compiles nothing."""
    called = []
    monkeypatch.setattr(cold, "PARTS", {"pitch": lambda: called.append("pitch")})
    cold.load()
    assert not called
    code_cache.warmed()
    cold.load()
    assert called == ["pitch"]


def test_the_parts_are_all_there_is():
    """What the parts compile is all that a measurement of voice, noise and silence calls: nothing is compiled later."""
    script = """
import numpy as np
from numba.core import dispatcher
from ecg_audio.voice import cold, kernels
from ecg_audio.voice.frames import measure

def known():
    return {(d.py_func.__qualname__, signature) for d in made for signature in d.signatures}

import gc
for part in cold.PARTS:
    cold.compile_part(part)
made = [one for one in gc.get_objects() if isinstance(one, dispatcher.Dispatcher)]
made = [one for one in made if one.py_func.__module__.startswith(kernels.__name__)]
before = known()
t = np.arange(32000) / 16000
voice = sum(np.sin(2 * np.pi * 120 * k * t) for k in range(1, 20))
noise = np.random.default_rng(0).normal(size=16000)
list(measure([(0.01 * np.concatenate([voice, noise, np.zeros(16000)])).astype(np.float32)]))
print(len(before) > 8, sorted(known() - before))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ran.stdout.strip() == "True []"


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


def test_asking_is_light():
    """Whoever asks whether everything is compiled waits for no compiler."""
    script = "import sys; import ecg_audio.voice.cold; print(sorted({'numba', 'numpy'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ran.stdout.strip() == "[]"
