"""`analyze` with a speech engine that has no models, for what is measured around it: `benchmarks.stubbed.analyze`."""

import os
from pathlib import Path

from ecg_audio.speech import engine
from flows.analyze import analyze
from tests.support.stub_engine import StubEngine

STUB = StubEngine(Path(os.devnull))
engine.shared = lambda _models: STUB  # type: ignore[assignment]

__all__ = ["analyze"]
