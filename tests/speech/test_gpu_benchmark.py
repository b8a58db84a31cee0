"""The GPU benchmark runs on the CPU with tiny models, and its figures are there."""

import json

import pytest

from benchmarks.gpu import STAGES, measure
from ecg_audio.speech.engine import LocalEngine
from tests.support import models


@pytest.mark.slow
def test_every_figure_is_measured(tiny_engine: LocalEngine) -> None:
    """Times of each stage by itself, through a server and by bare whisperx; memory; no GPU figures without a GPU."""
    found = measure(tiny_engine, tiny_engine.process.child, models.CONVERSATION, repeat=1)
    for figures in ("warm_s", "through_server_s", "bare_whisperx_s"):
        assert list(found[figures]) == list(STAGES)
        assert all(seconds > 0 for seconds in found[figures].values())
    assert set(found["memory_mb"]) == set(STAGES)
    assert all(taken["peak_resident"] > 100 for taken in found["memory_mb"].values())
    assert all(taken["peak_gpu"] is None for taken in found["memory_mb"].values())
    assert found["real_time_ratio"] > 0 and found["server_to_bare"] > 0
    assert json.dumps(found)
